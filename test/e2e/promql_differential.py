#!/usr/bin/env python3
"""Skein and Debian's Prometheus answer random PromQL over the same blocks, and must agree.

promtool makes blocks of promql_data's samples; each server gets a copy. promql_dice throws queries from a seed; values
must agree to a relative 1e-12, label sets, times, the order of results where it is defined, status codes and types of
errors exactly. A difference is a failure unless a rule of promql_rules.py says why 2.42 and 3.x differ there.

  --queries N   how many (SKEIN_NIGHTLY=1: 20000)
  --seed S      another sequence (SKEIN_SEED)
  --query TEXT --params JSON   this one alone
"""

import argparse
import collections
import http.client
import json
import os
import re
import shutil
import subprocess
import threading

import answers
import promql_data
import promql_rules
from lib import NIGHTLY, PROMETHEUS, Answer, Server, encode, main, say, skip
from promql_dice import Dice, Query

QUERIES = 20_000 if NIGHTLY else 8000
EDGE_PART = 10  # one query of so many has windows that begin on samples
ASKERS = 3  # connections at a time to each server
RELATIVE = 1e-12
ABSOLUTE = 1e-300  # 0 against the smallest numbers
EMPTY_MAX, ERRORS_MAX = 0.35, 0.2  # of all queries; what the dice are worth
EXPLAINED_MAX = 0.02  # of all queries: rules are exceptions
CREATE_SECONDS_MAX = 60
CONFIG = "global: {scrape_interval: 1m, evaluation_interval: 1m}\n"
FLAGS = ["--storage.tsdb.retention.time=100y", "--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h"]
OWN_FLAGS = ["--enable-feature=promql-experimental-functions"]


class Client:
    """One connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, path, params):
        self.connection.request("GET", f"/api/v1/{path}?{encode(params)}")
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def relative_of(query):
    return promql_rules.EXTRAPOLATED if "edges" in query.tags and re.search(r"(rate|increase|delta)\(", query.text) else RELATIVE


def compare(query, ours, theirs):
    """None, or what differs."""
    got, want = answers.read(ours), answers.read(theirs)
    if got[1] or want[1]:
        same = got[:2] == want[:2]
        return None if same else f"got {got[:2]} {ours.text[:160]!r}, want {want[:2]} {theirs.text[:160]!r}"
    found = answers.difference(answers.normal(got[2]), answers.normal(want[2]), relative_of(query), ABSOLUTE)
    return found or order_difference(query, got[2], want[2])


def order_difference(query, ours, theirs):
    """Answers to range queries are sorted by labels; vectors by value where the outermost function sorts. Equal values may stand as they like."""
    if query.path == "query_range":
        got, want = ([series["metric"] for series in data["result"]] for data in (ours, theirs))
        return None if got == want else f"order of series: {got[:3]}, want {want[:3]}"
    if query.sorts:
        got, want = ([float(series["value"][1]) for series in data["result"]] for data in (ours, theirs))
        if not all(answers.same_number(left, right, RELATIVE, ABSOLUTE) for left, right in zip(got, want)):
            return f"order of values: {got[:5]}, want {want[:5]}"
    return None


class Comparison:
    """Asks both servers all queries, several at a time."""

    def __init__(self, checks, skein, prometheus):
        self.checks = checks
        self.servers = (skein, prometheus)
        self.kinds = collections.Counter()
        self.rules = collections.Counter()
        self._lock = threading.Lock()

    def run(self, queries):
        queue = iter(queries)
        askers = [threading.Thread(target=self._work, args=(queue,)) for _ in range(ASKERS)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()

    def _work(self, queue):
        skein, prometheus = (Client(server.port) for server in self.servers)
        while True:
            with self._lock:
                query = next(queue, None)
            if query is None:
                return
            try:
                ours = skein.ask(query.path, {"query": query.text, **query.params})
                theirs = prometheus.ask(query.path, {"query": query.theirs, **query.params})
                self._judge(query, ours, theirs)
            except Exception as error:  # pylint: disable=broad-except
                with self._lock:
                    self.checks.that(False, str(query), repr(error))
                skein, prometheus = (Client(server.port) for server in self.servers)

    def _judge(self, query, ours, theirs):
        found = None if ours.body == theirs.body else compare(query, ours, theirs)
        rule = promql_rules.why(query, ours, theirs) if found else None
        with self._lock:
            self.kinds["error" if theirs.status != 200 else "empty" if b'"result":[]' in theirs.body else "full"] += 1
            if rule:
                self.rules[rule] += 1
            self.checks.that(not found or rule, str(query), found)


def start_servers(folder):
    """Both, on copies of the same blocks."""
    promtool = shutil.which("promtool")
    if not promtool:
        skip("promtool is not on PATH (Debian package prometheus)")
    page, blocks = os.path.join(folder, "page"), os.path.join(folder, "blocks")
    with open(page, "w", encoding="utf-8") as file:
        file.write(promql_data.text())
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", page, blocks],
        check=True, timeout=CREATE_SECONDS_MAX, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    skein = Server(folder, "skein", CONFIG, FLAGS)
    if not skein.is_prometheus:
        skein.flags += OWN_FLAGS
    prometheus = Server(folder, "prometheus", CONFIG, FLAGS + [f"--query.lookback-delta={promql_rules.LOOKBACK}"], PROMETHEUS)
    for server in (skein, prometheus):
        shutil.copytree(blocks, server.data)
        server.start()
    return skein, prometheus


def thrown(count, seed):
    """`count` queries."""
    dice, edges = Dice(seed), Dice(seed + 1, edges=True)
    return [(edges if number % EDGE_PART == EDGE_PART - 1 else dice).query() for number in range(count)]


def test(checks, folder):
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--queries", type=int, default=QUERIES)
    arguments.add_argument("--seed", type=int, default=int(os.environ.get("SKEIN_SEED", "1")))
    arguments.add_argument("--query")
    arguments.add_argument("--params", type=json.loads, default={"time": str(promql_data.START + 7200)})
    options = arguments.parse_args()
    skein, prometheus = start_servers(folder)
    comparison = Comparison(checks, skein, prometheus)
    if options.query:
        query = Query(options.query, options.params)
        for server in (skein, prometheus):
            say(server.name, Client(server.port).ask(query.path, {"query": query.text, **query.params}).text)
        comparison.run([query])
        return
    say(f"{options.queries} queries with seed {options.seed}")
    comparison.run(thrown(options.queries, options.seed))
    total = sum(comparison.kinds.values())
    say("answers:", dict(comparison.kinds))
    for rule, count in comparison.rules.most_common():
        say(f"differ on purpose, {count}: {rule}")
    checks.that(comparison.kinds["empty"] <= EMPTY_MAX * total, "most queries find something", comparison.kinds)
    checks.that(comparison.kinds["error"] <= ERRORS_MAX * total, "most queries can be evaluated", comparison.kinds)
    checks.that(sum(comparison.rules.values()) <= EXPLAINED_MAX * total, "few differences need a reason", comparison.rules)
    for server in (skein, prometheus):
        checks.equal(server.stop()[0], 0, f"exit code of {server.name}")


if __name__ == "__main__":
    main(test, need_prometheus=True)
