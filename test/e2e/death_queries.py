#!/usr/bin/env python3
"""Queries of death, eight at a time, on a server that scrapes: each ends in a result or in an error that names the limit it
met, in time; memory stays under --storage.memory-limit, and scrapes stay on time.

  --series N   how many (SKEIN_NIGHTLY=1: 500000)
  --rounds N   how often each query is asked (SKEIN_NIGHTLY=1: 3)
  --query NAME   this one alone
"""

import argparse
import atexit
import http.client
import json
import os
import random
import re
import subprocess
import sys
import threading
import time

import death_corpus
from exporter import Exporter
from hostile import GOOD_TARGETS, Beat, Good, lane_times, stretch_of, windows
from lib import NIGHTLY, STANDIN, Checks, Server, encode, main, run_to_end, say, skip, wait_until
from memory_limit import BEYOND_BYTES, sanitized

SERIES = 500_000 if NIGHTLY else 40_000
ROUNDS = 3
TARGETS = 20  # of the series; ten seconds apart
AT_ONCE = 8
QUERY_SECONDS = 20 if NIGHTLY else 4  # --query.timeout
OVER_SECONDS = 1.0  # that a query may be late, on a machine without other work
LIMIT_MB = 2048 if NIGHTLY else 320
SAMPLES_MAX = 50_000_000 if NIGHTLY else 10_000_000
READ_SECONDS = 60  # of one answer
LOAD_SECONDS_MAX = 120 if NIGHTLY else 40
OLD_SERIES, OLD_HOURS, OLD_STEP = 20, 48, 60
SEED = int(os.environ.get("SKEIN_SEED", "1"))
# What an error must say: which limit, and that it is one.
NAMED = re.compile(
    r"--storage\.memory-limit|--query\.[a-z-]+|query timed out|too many samples|exceeded maximum resolution|nested too deep"
    r"|more than [0-9]+|at most [0-9]+|[0-9]+ (bytes|levels)|larger than|longer than|too (large|long|deep)|limit"
)
# Errors of the query itself: the join has no answer.
OWN = re.compile(
    "many-to-many|many-to-one|duplicate series|same labelset|unique matches|regex|regular expression|expected type|invalid expression"
)
FLAGS = [
    f"--storage.memory-limit={LIMIT_MB}MB",
    f"--query.timeout={QUERY_SECONDS}s",
    f"--query.max-samples={SAMPLES_MAX}",
    "--enable-feature=promql-experimental-functions",
]
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 15s}}
scrape_configs:
  - job_name: good
    static_configs: [{{targets: [{good}]}}]
  - job_name: wide
    scrape_interval: 10s
    scrape_timeout: 10s
    static_configs: [{{targets: [{wide}]}}]
    metrics_path: /wide
"""


# --- targets, in a process of their own -----------------------------------------------------------------------------


def wide_page(target, count):
    """Two thirds single series, one third buckets."""
    lines = []
    for number in range(count * 2 // 3):
        labels = f'path="/a/path/number/{number}",n="{target}",zone="z{number % 7}",code="{200 + number % 5}"'
        lines.append(f"wide{{{labels}}} {(number * 7919 + target) % 1009}")
    for number in range(count // 3 // 8):
        for at, bound in enumerate(("0.005", "0.05", "0.1", "0.5", "1", "2.5", "10", "+Inf")):
            lines.append(f'slow_bucket{{path="/a/path/number/{number}",n="{target}",le="{bound}"}} {number * (at + 1)}')
    return ("\n".join(lines) + "\n").encode()


def serve(count):
    """Prints the addresses of the good targets and of the wide ones, and serves until the test is gone."""
    good, wide = Good(), []
    for target in range(TARGETS):
        page = wide_page(target, count // TARGETS)
        wide.append(Exporter().page("/wide", lambda _, page=page: page))
    print(json.dumps({"good": good.addresses(), "wide": ", ".join(f'"{one.address}"' for one in wide)}), flush=True)
    sys.stdin.read()
    os._exit(0)


def served(count):
    child = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "--serve", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(child.kill)
    return json.loads(child.stdout.readline())


def make_old(folder, data):
    """Blocks of two days that end an hour ago."""
    dice = random.Random(SEED)
    end = int(time.time()) - 3600
    page = os.path.join(folder, "old")
    with open(page, "w", encoding="utf-8") as file:
        for number in range(OLD_SERIES):
            for at in range(end - OLD_HOURS * 3600, end, OLD_STEP):
                file.write(f'old{{n="{number}"}} {dice.randrange(1000)} {at}\n')
        file.write("# EOF\n")
    return run_to_end(["tsdb", "create-blocks-from", "openmetrics", page, data], seconds=60)


# --- queries ---------------------------------------------------------------------------------------------------------


class Watch:
    """The largest resident memory, looked at all the time."""

    def __init__(self, server):
        self.server = server
        self.rss_max = 0
        self._lately = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while self.server.alive():
            try:
                now = self.server.rss_bytes("RssAnon")
                self.rss_max, self._lately = max(self.rss_max, now), max(self._lately, now)
            except (OSError, AssertionError):
                pass
            time.sleep(0.02)

    def taken(self):
        """The most since this was asked last."""
        lately, self._lately = self._lately, 0
        return lately


def requests(now):
    """[(name, path, parameters)]"""
    found = [(name, "query", {"query": query, "time": f"{now:.3f}"}) for name, query in death_corpus.INSTANT.items()]
    for name, (query, step) in death_corpus.RANGE.items():
        points = death_corpus.POINTS if step >= 1 else 1000 * death_corpus.POINTS
        start = now - step * points
        found.append((name, "query_range", {"query": query, "start": f"{start:.3f}", "end": f"{now:.3f}", "step": step}))
    return found


class Corpus:
    """Asks everything, several at a time, and judges each answer."""

    def __init__(self, checks: Checks, server: Server, beat: Beat, watch: Watch):
        self.checks = checks
        self.watch = watch
        self.server = server
        self.beat = beat
        self.outcomes = {"result": 0}
        self._late = []  # (name, seconds over the timeout, seconds that the machine was late)
        self._lock = threading.Lock()

    def run(self, asked):
        queue, before = iter(asked), lane_times(self.server)
        workers = [threading.Thread(target=self._work, args=(queue,), daemon=True) for _ in range(AT_ONCE)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        stretch = stretch_of(before, lane_times(self.server))
        for name, over, beat in self._late:
            self.checks.that(over <= OVER_SECONDS * stretch + beat, f"{name} ends in time", f"{over:.1f} s over, stretch {stretch:.1f}")
        self._late.clear()

    def _work(self, queue):
        while True:
            with self._lock:
                request = next(queue, None)
            if request is None or not self.server.alive():
                return
            begun = time.time()
            try:
                outcome = self._ask(*request)
            except (OSError, http.client.HTTPException, ValueError) as error:
                outcome = 0, repr(error), time.time() - begun
            with self._lock:
                self._judge(request[0], begun, *outcome)

    def _ask(self, _, path, params):
        """(status, what is said, seconds to the first byte). Results are read to their end and thrown away."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=READ_SECONDS)
        try:
            begun = time.monotonic()
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"/api/v1/{path}", encode(params), form)
            response = connection.getresponse()
            took = time.monotonic() - begun
            if response.status != 200:
                envelope = json.loads(response.read())
                return response.status, f"{envelope['errorType']}: {envelope['error']}", took
            tail, size = b"", 0
            while part := response.read(1 << 20):
                tail, size = (tail + part)[-16:], size + len(part)
            return 200, f"{size} bytes" if tail.rstrip().endswith(b"}") else f"torn after {size} bytes: {tail}", took
        finally:
            connection.close()

    def _judge(self, name, begun, status, said, took):
        say(f"   {took:6.2f} s  {status}  {self.watch.taken() >> 20} MiB  {name}: {said[:150]}")
        self._late.append((name, took - QUERY_SECONDS, self.beat.worst_ms(begun, time.time()) / 1000))
        if status == 200:
            self.outcomes["result"] += 1
            self.checks.that("torn" not in said, f"{name}: a whole answer", said)
            return
        kind = "its own" if OWN.search(said) else (NAMED.search(said) or [""])[0]
        self.outcomes[kind] = self.outcomes.get(kind, 0) + 1
        self.checks.that(status in (400, 422, 503) and kind, f"{name}: an error that names a limit", f"{status} {said[:300]}")


def wide_on_time(checks, server, since):
    """The large targets are scraped every ten seconds, and none of their scrapes fails."""
    now = time.time()
    seconds = int(now - since)
    due = seconds // 10
    found = server.samples(f'up{{job="wide"}}[{seconds}s]', now)
    counts = [len(samples) for samples in found.values()]
    counts += [0] * (TARGETS - len(counts))
    least = max(due - 1, min(due, 1))  # none, where the queries took less than an interval
    checks.that(len(counts) == TARGETS and min(counts) >= least, f"scrapes of large targets in {seconds} s", counts)
    checks.equal([1 for samples in found.values() for _, value in samples if value != 1], [], "failed scrapes of large targets")
    refused = server.metric("skein_head_series_refused_total") or 0
    checks.equal(refused, 0.0, "series refused: queries give way first")


def corpus_in_rounds(options):
    """Each round in another order."""
    dice, asked = random.Random(SEED), []
    for _ in range(options.rounds):
        round_of = [one for one in requests(time.time()) if options.query in (None, one[0])]
        dice.shuffle(round_of)
        asked += round_of
    return asked


def options_of():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--series", type=int, default=SERIES)
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    arguments.add_argument("--query")
    return arguments.parse_args()


def test(checks, folder):
    if STANDIN:
        skip("only Skein has a memory limit")
    options = options_of()
    addresses = served(options.series)
    server = Server(folder, "skein", CONFIG.format(**addresses), FLAGS)
    code, output = make_old(folder, server.data)
    checks.equal(code, 0, f"blocks are made: {output[-300:]}")
    server.start()
    if sanitized(server):
        skip("a sanitizer takes several times the memory")
    expected = options.series * 0.95
    loaded = wait_until(lambda: (server.metric("prometheus_tsdb_head_series") or 0) >= expected, LOAD_SECONDS_MAX, 0.5)
    checks.that(loaded, f"{options.series} series are scraped", server.metric("prometheus_tsdb_head_series"))
    checks.equal(len(server.vector('up{job="good"} == 1')), GOOD_TARGETS, "good targets")
    say(f"{server.metric('prometheus_tsdb_head_series'):.0f} series, resident {server.rss_bytes('RssAnon') >> 20} MiB of {LIMIT_MB}")
    beat, watch = Beat(), Watch(server)
    corpus = Corpus(checks, server, beat, watch)
    asked = corpus_in_rounds(options)
    since = time.time()
    windows(checks, beat, server, "beside queries of death", corpus.run, asked)
    checks.run("large targets", wide_on_time, checks, server, since)
    say("outcomes:", corpus.outcomes)
    say(f"resident memory at most {watch.rss_max >> 20} MiB")
    checks.that(watch.rss_max <= (LIMIT_MB << 20) + BEYOND_BYTES, "resident memory", f"{watch.rss_max >> 20} MiB of {LIMIT_MB}")
    checks.that(options.query or corpus.outcomes["result"] > 0, "some queries have a result", corpus.outcomes)
    checks.equal(server.stop()[0], 0, "exit code")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
    main(test)
