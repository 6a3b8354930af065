#!/usr/bin/env python3
"""Skein and Debian's Prometheus scrape the same samples and must give the same answers to the same queries.

The exporter writes timestamps of its own and hands each server the next step at each scrape, so both store
identical samples whatever the timing. Compared are instant and range queries (values within 1e-9, the same label
sets, the same kinds of errors), labels, label values, series and metadata; then a part of it once more after a restart of
Skein, which reads everything from its WAL. Differences on purpose are listed in queries.py.

Random expressions are promql_differential.py's.
"""

import shutil
import time

import answers
import oracle_data
import queries
from exporter import Exporter
from lib import PROMETHEUS, Checks, Server, labels_of, main, say, wait_until

SCRAPE_MS = 200
LOAD_SECONDS_MAX = 150
RELATIVE = 1e-9
ABSOLUTE = 1e-15  # sums that cancel out leave a rest
ABSOLUTE_LOOSE = 1e-12
# Least squares and variances subtract numbers of nearly the same size: fewer digits are certain.
LOOSE = {"deriv": 1e-6, "predict_linear": 1e-6, "stddev": 1e-6, "stdvar": 1e-6, "smoothing": 1e-7}

CONFIG = """
global:
  scrape_interval: {scrape_ms}ms
  scrape_timeout: {scrape_ms}ms
  evaluation_interval: 1m
scrape_configs:
  - job_name: oracle
    metrics_path: /{name}
    static_configs:
      - targets: ["{address}"]
        labels: {{instance: oracle}}
"""


class Feeder:
    """Hands each scraper step after step. A scrape on a new connection may follow one that timed out, so it gets
    the last step once more."""

    def __init__(self, start):
        self.start = start
        self.step = {}
        self._connection = {}
        self._repeated = {}

    def page(self, name):
        def give(request):
            step = self.step.get(name, -1)
            fresh = self._connection.get(name) != request.client_address
            self._connection[name] = request.client_address
            if fresh and step >= 0 and not self._repeated.get(name):
                self._repeated[name] = True
            else:
                self._repeated[name] = False
                step = self.step[name] = step + 1
            # The last step once more is no error: the same values at the same times.
            return oracle_data.page(min(step, oracle_data.STEPS - 1), self.start)

        return give

    def done(self, name):
        return self.step.get(name, 0) > oracle_data.STEPS


def tolerance_of(query):
    """Relative and absolute."""
    loose = [tolerance for name, tolerance in LOOSE.items() if name in query]
    return (max(loose), ABSOLUTE_LOOSE) if loose else (RELATIVE, ABSOLUTE)


class Comparison:
    def __init__(self, checks: Checks, skein: Server, prometheus: Server, start):
        self.checks = checks
        self.skein = skein
        self.prometheus = prometheus
        self.start = start
        minute = 60
        # 7.123 s and the like keep clear of samples (at .417), of jitter (.x67) and of whole seconds.
        self.instants = [start + 22 * minute + 7.123, start + 38 * minute + 1.911, start + 43 * minute + 0.211]
        self.spans = [
            (start + 10 * minute + 7.123, start + 30 * minute + 7.123, 37),
            (start - 5 * minute + 3.211, start + 46 * minute + 3.211, 120),
        ]
        self.found = {"empty": 0, "full": 0}
        self.fixed = f"{start + 20 * minute + 5.777:.3f}"

    def ask(self, path, ours, theirs, params, want_error=None):
        got = answers.ask(self.skein, path, {"query": ours.replace("{t}", self.fixed), **params})
        want = answers.ask(self.prometheus, path, {"query": theirs.replace("{t}", self.fixed), **params})
        what = f"{path} {ours!r} {params}"
        if want[1] or got[1]:
            self.checks.equal(got[:2], want[:2], what)
        else:
            theirs = answers.normal(want[2])
            self.found["full" if theirs[1] else "empty"] += 1
            found = answers.difference(answers.normal(got[2]), theirs, *tolerance_of(ours))
            self.checks.that(found is None, what, found)
        if want_error:
            self.checks.equal(want[:2], want_error, f"Prometheus' answer to {theirs!r}, the test's own premise")

    def instant(self, ours, theirs=None, want_error=None, instants=None):
        for at in instants or self.instants:
            self.ask("query", ours, theirs or ours, {"time": f"{at:.3f}"}, want_error)

    def ranges(self, ours, theirs=None, spans=None):
        for start, end, step in spans or self.spans:
            self.ask("query_range", ours, theirs or ours, {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": step})

    # The parts

    def samples(self):
        """The premise of everything: both have stored the same samples."""
        for name in (
            "marker", "http_requests_total", "temperature_celsius", "memory_bytes", "latency_seconds_bucket", "jitter",
            "latency_seconds_sum", "gappy", "special", "strange", "build_info", "sparse", "plain", "rpc_seconds",
        ):  # fmt: skip
            self.instant(f"{name}[1h]", instants=[self.instants[-1]])
        self.instant("temperature_celsius[5m] offset 3m")
        self.instant("gappy[7m]")
        self.instant("avg_over_time(jitter[2m])[10m:50s]")

    def listed(self):
        for ours, theirs in queries.everything():
            self.instant(ours, theirs)
            self.ranges(ours, theirs)

    def sorted_order(self):
        """The order of sort() is part of the answer of an instant query."""
        for query in ("sort(temperature_celsius)", "sort_desc(temperature_celsius)", "sort(jitter)", "topk(5, jitter)",
                      "bottomk(3, temperature_celsius)", "topk(4, temperature_celsius)"):  # fmt: skip
            params = {"query": query, "time": f"{self.instants[0]:.3f}"}
            orders = [
                [labels_of(sample["metric"]) for sample in server.api("query", **params)["result"]]
                for server in (self.skein, self.prometheus)
            ]
            self.checks.equal(orders[0], orders[1], f"order of {query}")

    def errors(self):
        for query in queries.MALFORMED:
            self.instant(query, want_error=(400, "bad_data"), instants=self.instants[:1])
            self.ranges(query, spans=self.spans[:1])
        for query in queries.NOT_EVALUABLE:
            self.instant(query, want_error=(422, "execution"), instants=self.instants[:1])
            self.ranges(query, spans=self.spans[:1])
        at = f"{self.instants[0]:.3f}"
        later = f"{self.instants[0] + 60:.3f}"
        for path, params in (
            ("query", {}),
            ("query", {"query": "marker", "time": "yesterday"}),
            ("query", {"query": "marker", "timeout": "soon"}),
            ("query_range", {"query": "marker"}),
            ("query_range", {"query": "marker", "start": later, "end": at, "step": 1}),
            ("query_range", {"query": "marker", "start": at, "end": later, "step": 0}),
            ("query_range", {"query": "marker", "start": at, "end": later, "step": -1}),
            ("query_range", {"query": "marker", "start": at, "end": later, "step": "x"}),
            ("query_range", {"query": "marker", "start": "x", "end": later, "step": 1}),
            ("query_range", {"query": "marker", "start": 0, "end": later, "step": 1}),
            ("query_range", {"query": "marker[5m]", "start": at, "end": later, "step": 1}),
            ("query_range", {"query": '"text"', "start": at, "end": later, "step": 1}),
            ("series", {}),
            ("series", {"match[]": "{"}),
            ("series", {"match[]": '{a=~".*"}'}),
            ("series", {"match[]": "marker", "start": "x"}),
            ("labels", {"match[]": "marker["}),
            ("labels", {"end": "never"}),
            ("label/a-b/values", {}),
            ("label/job/values", {"match[]": "{}"}),
            ("targets", {"state": "wrong"}),
            ("metadata", {"limit": "many"}),
            ("status/tsdb", {"limit": "-1"}),
        ):
            if path == "label/a-b/values" and not self.skein.is_prometheus:
                continue  # 3.x takes every UTF-8 name
            got, want = answers.ask(self.skein, path, params)[:2], answers.ask(self.prometheus, path, params)[:2]
            if path == "targets":  # 2.42 answers 200 with nothing for a state it does not know; so does 3.x
                self.checks.that(got[0] in (200, 400), f"{path} {params}", got)
                continue
            if path == "status/tsdb":  # its limit came with 2.44
                continue
            self.checks.equal(got, want, f"error of {path} {params}")

    def series_and_labels(self):
        start, end = f"{self.start:.3f}", f"{self.instants[-1]:.3f}"
        late = f"{self.start + 39 * 60:.3f}"
        selectors = [
            ["marker"],
            ["temperature_celsius", "memory_bytes"],
            ['{host="h0"}'],
            ['{host=~"h[01]",zone!="ap"}'],
            ["gappy"],
            ['strange{text!=""}', "special"],
            ["no_such_metric"],
            ['{__name__=~"latency.*"}'],
        ]
        for match in selectors:
            for first in (start, late):
                params = {"match[]": match, "start": first, "end": end}
                got, want = (
                    sorted(labels_of(labels) for labels in server.api("series", **params))
                    for server in (self.skein, self.prometheus)
                )
                self.checks.equal(got, want, f"series {params}")
                self.same_list("labels", params)
                for label in ("__name__", "host", "zone", "text", "le", "nothing"):
                    self.same_list(f"label/{label}/values", params)
        for label in ("job", "instance", "host", "text", "kind", "gap"):
            self.same_list(f"label/{label}/values", {})
        self.same_list("labels", {})

    def same_list(self, path, params):
        got, want = self.skein.api(path, **params), self.prometheus.api(path, **params)
        self.checks.equal(got or [], want or [], f"{path} {params}")

    def metadata(self):
        def of(server, **params):
            return {name: sorted((m["type"], m["help"], m["unit"]) for m in entries)
                    for name, entries in server.api("metadata", **params).items()}  # fmt: skip

        for params in ({"metric": "http_requests_total"}, {"metric": "latency_seconds"}, {"metric": "build_info"}):
            got, want = of(self.skein, **params), of(self.prometheus, **params)
            self.checks.equal(got, want, f"metadata {params}")


def test(checks, folder):
    start = oracle_data.start_of(time.time())
    exporter, feeder, servers = Exporter(), Feeder(start), []
    for name, binary, flags in (
        ("skein", None, ["--enable-feature=promql-experimental-functions"]),
        ("prometheus", PROMETHEUS, []),
    ):
        exporter.page("/" + name, feeder.page(name))
        config = CONFIG.format(name=name, address=exporter.address, scrape_ms=SCRAPE_MS)
        servers.append(Server(folder, name, config, flags, binary).start())
    skein, prometheus = servers
    if skein.is_prometheus:
        queries.RENAMED[:] = [(theirs, theirs) for _, theirs in queries.RENAMED]
    loaded = wait_until(lambda: feeder.done("skein") and feeder.done("prometheus"), LOAD_SECONDS_MAX, 0.5)
    checks.that(loaded, f"all {oracle_data.STEPS} steps are scraped within {LOAD_SECONDS_MAX} s", feeder.step)
    checks.run("metadata", Comparison(checks, skein, prometheus, start).metadata)
    # From here on nothing is scraped, so that every answer is final.
    exporter.pages.clear()
    time.sleep(2 * SCRAPE_MS / 1000)
    comparison = Comparison(checks, skein, prometheus, start)
    count = prometheus.value("count_over_time(marker[1h])", comparison.instants[-1])
    checks.equal(count, float(oracle_data.STEPS), "samples of the marker in Prometheus")
    for part in ("samples", "listed", "sorted_order", "errors", "series_and_labels"):
        checks.run(part, getattr(comparison, part))
    say("answers:", comparison.found)
    checks.that(comparison.found["full"] > 2 * comparison.found["empty"], "most queries find something", comparison.found)
    checks.run("restart", restart, checks, skein, comparison)
    checks.run("folders change hands", change_hands, checks, folder, skein, prometheus, comparison)


def restart(checks, skein, comparison):
    code, took = skein.stop()
    checks.equal(code, 0, f"exit code after SIGTERM ({took:.1f} s)")
    skein.start()
    for part in ("samples", "sorted_order", "series_and_labels"):
        checks.run(part + " after a restart", getattr(comparison, part))
    for ours, theirs in queries.everything()[::5]:
        comparison.instant(ours, theirs)


def change_hands(checks, folder, skein, prometheus, comparison):
    """Each on the folder of the other: with 160 samples a series has full chunks in chunks_head as well."""
    nothing = "global: {scrape_interval: 1m}\n"
    guests = [
        Server(folder, "skein-on-prometheus", nothing),
        Server(folder, "prometheus-on-skein", nothing, binary=PROMETHEUS),
    ]
    for guest, host in zip(guests, (prometheus, skein)):
        checks.equal(host.stop()[0], 0, f"exit code of {host.name}")
        shutil.copytree(host.data, guest.data, ignore=shutil.ignore_patterns("lock"))
        host.start()
        guest.start()
    for guest, hosts in ((guests[0], (guests[0], prometheus)), (guests[1], (guests[1], skein))):
        comparison.skein, comparison.prometheus = hosts
        for part in ("samples", "series_and_labels"):
            checks.run(f"{part} of {guest.name}", getattr(comparison, part))
        for _, query in queries.everything()[::5]:
            if "smoothing" not in query and "holt_winters" not in query:
                comparison.instant(query)


if __name__ == "__main__":
    main(test, need_prometheus=True)
