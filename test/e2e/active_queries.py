#!/usr/bin/env python3
"""Queries that run can be seen and ended; those a process died with are named by the next; those that ended are
logged, as Prometheus logs them."""

import json
import os
import shutil
import signal
import threading
import time

from lib import PROMETHEUS, Server, encode, main, request, wait_until

START_SECONDS_MAX = 10
CANCEL_SECONDS_MAX = 5  # from the request to the answer of the query that is cancelled

# Works for seconds on many short pieces, one after the other, and fits into a slot of queries.active.
SLOW = " + ".join(f"sum_over_time(vector({i})[30d:1s])" for i in range(25))

CONFIG = "global: {{query_log_file: {log}}}\n"


class Asker(threading.Thread):
    """Asks one query and keeps the answer."""

    def __init__(self, server, query, headers=None):
        super().__init__(daemon=True)
        self.server = server
        self.query = query
        self.headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        self.answer = None
        self.ended = None
        self.start()

    def run(self):
        try:
            body = encode({"query": self.query})
            self.answer = request(self.server.port, "POST", "/api/v1/query", body, self.headers, timeout=120)
        except OSError as error:
            self.answer = error
        self.ended = time.monotonic()


def running(server, query):
    return next((one for one in server.api("queries")["queries"] if one["query"] == query), None)


def cancelling(checks, folder):
    server = Server(folder, "admin", "", ["--web.enable-admin-api"]).start()
    checks.equal(server.api("queries"), {"queries": []}, "nothing runs")
    asker = Asker(server, SLOW)
    found = wait_until(lambda: running(server, SLOW), START_SECONDS_MAX)
    if not checks.that(found, "a query that runs is listed", server.api("queries")):
        return
    checks.equal((found["state"], found["kind"]), ("running", "instant"), "what it is")
    checks.equal(found["httpRequest"], {"clientIP": "127.0.0.1", "method": "POST", "path": "/api/v1/query"}, "who asked")
    later = wait_until(lambda: (running(server, SLOW) or {}).get("memoryBytes", 0) > 0, START_SECONDS_MAX)
    checks.that(later, "it is told how much a query holds")
    checks.equal(server.metric("prometheus_engine_queries"), 1.0, "prometheus_engine_queries")
    begun = time.monotonic()
    checks.equal(server.post(f"/api/v1/queries/{found['id']}/cancel").status, 204, "cancel")
    asker.join(CANCEL_SECONDS_MAX)
    if checks.that(asker.ended, "the query ends when it is cancelled"):
        checks.that(asker.ended - begun < CANCEL_SECONDS_MAX, "soon", asker.ended - begun)
        envelope = asker.answer.json()
        checks.equal((asker.answer.status, envelope["errorType"]), (499, "canceled"), "its answer")
    checks.equal(server.post(f"/api/v1/queries/{found['id']}/cancel").status, 404, "it has ended")
    checks.equal(server.post("/api/v1/queries/me/cancel").status, 400, "what is no id")
    checks.equal(server.get(f"/api/v1/queries/{found['id']}/cancel").status, 405, "nothing is cancelled by GET")
    checks.equal(server.metric("skein_query_cancelled_total"), 1.0, "skein_query_cancelled_total")
    server.stop()


def refusing_and_dying(checks, folder):
    """Without the flag nobody cancels what is not theirs; SIGKILL while a query runs."""
    server = Server(folder, "plain", "").start()
    Asker(server, SLOW)
    found = wait_until(lambda: running(server, SLOW), START_SECONDS_MAX)
    answer = server.post(f"/api/v1/queries/{found['id']}/cancel")
    checks.equal((answer.status, answer.json()["errorType"]), (500, "unavailable"), "cancel without the flag")
    checks.contains(answer.json()["error"], "--web.enable-admin-api", "the error names the flag")
    server.kill()
    path = os.path.join(server.data, "queries.active")
    with open(path, "rb") as file:
        left = file.read()
    checks.equal(len(left), 1 + 20 * 1000, "the size of queries.active is Prometheus'")
    entries = json.loads(left.replace(b"\0", b"").rstrip(b",") + b"]")
    checks.equal([entry["query"] for entry in entries], [SLOW], "what ran when the process died")
    if PROMETHEUS:
        copy = Server(folder, "prometheus", "", binary=PROMETHEUS)
        shutil.copytree(server.data, copy.data, ignore=shutil.ignore_patterns("skein", "lock"))
        copy.start()
        checks.contains(copy.log(), "sum_over_time", "a Prometheus on the folder names it, too")
        copy.stop()
    server.start()
    checks.contains(server.log(), "these queries did not finish in the last run", "the next process says so")
    checks.contains(server.log(), "sum_over_time", "and names the query")
    server.stop()
    with open(path, "rb") as file:
        checks.equal(file.read().strip(b"\0"), b"[", "what ended leaves nothing")


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def shape_of(line):
    """The fields of a line, with their types."""
    if isinstance(line, dict):
        return {name: shape_of(value) for name, value in line.items()}
    return "number" if isinstance(line, (int, float)) else type(line).__name__


def ask_some(server):
    server.api("query", query="1 + 1", time=5)
    server.api("query_range", query="vector(1)", start=1, end=10.5, step=1.5)
    server.get("/api/v1/query", query='label_replace(vector(1), "a", "b", "c", "(")', time=5)


def logging(checks, folder):
    log = os.path.join(folder, "queries.log")
    server = Server(folder, "logging", CONFIG.format(log=log)).start()
    ask_some(server)
    mine = lines_of(log)
    checks.equal(len(mine), 3, "a line per query")
    if PROMETHEUS:
        its_log = os.path.join(folder, "prometheus.log")
        prometheus = Server(folder, "logging-prometheus", CONFIG.format(log=its_log), binary=PROMETHEUS).start()
        ask_some(prometheus)
        prometheus.stop()
        for got, want in zip(mine, lines_of(its_log)):
            checks.equal({**got["params"], **got["httpRequest"]}, {**want["params"], **want["httpRequest"]}, "what was asked")
            # Prometheus 3 has samplesRead; there are no spans.
            got["stats"]["samples"].pop("samplesRead")
            want.pop("spanID", None)
            got.pop("error", None) and want.pop("error", None)
            checks.equal(shape_of(got), shape_of(want), "the fields of a line")
    os.rename(log, log + ".1")
    server.signal(signal.SIGHUP)
    checks.that(wait_until(lambda: os.path.exists(log), START_SECONDS_MAX), "a reload opens a rotated log anew")
    server.api("query", query="2", time=5)
    checks.equal([line["params"]["query"] for line in lines_of(log)], ["2"], "and goes on in it")
    checks.equal(server.metric("prometheus_engine_query_log_enabled"), 1.0, "prometheus_engine_query_log_enabled")
    server.write_config("")
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.metric("prometheus_engine_query_log_enabled") == 0.0, START_SECONDS_MAX)
    server.api("query", query="3", time=5)
    checks.equal(len(lines_of(log)), 1, "without query_log_file nothing is logged")
    server.stop()


def test(checks, folder):
    for part in (cancelling, refusing_and_dying, logging):
        checks.run(part.__name__, part, checks, folder)


if __name__ == "__main__":
    main(test)
