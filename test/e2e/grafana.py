#!/usr/bin/env python3
"""What Grafana sends, in its order and forms: opening a data source, the query editor, dashboards with variables, explore,
alerting. Skein and Debian's Prometheus scrape the same page and are asked the same; answers must have the same status, the
same fields of the same types and, where the data decides, the same values. What differs is listed in DIFFERENCES with its
reason."""

import json
import re
import time

from exporter import Exporter
from lib import PROMETHEUS, Server, encode, main, request, say, wait_until

START_SECONDS_MAX = 40  # Prometheus hands targets over after five seconds
SCRAPES = 25
REQUESTS_MIN = 300

CONFIG = """
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
  external_labels: {{cluster: one}}
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["{address}"]
        labels: {{zone: a}}
      - targets: ["{address}"]
        labels: {{zone: b}}
      - targets: ["127.0.0.1:1"]
        labels: {{zone: dropped}}
    relabel_configs:
      - source_labels: [zone]
        regex: dropped
        action: drop
"""

# Values never change, so that both servers answer the same whatever the moment of a scrape.
PAGE = """# HELP node_cpu_seconds_total Seconds of the CPUs.
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 1000.25
node_cpu_seconds_total{cpu="0",mode="user"} 20
node_cpu_seconds_total{cpu="1",mode="idle"} 1100.5
node_cpu_seconds_total{cpu="1",mode="user"} 30
# HELP node_memory_free_bytes Free memory.
# TYPE node_memory_free_bytes gauge
node_memory_free_bytes 1.073741824e+09
# HELP node_memory_total_bytes Memory.
# TYPE node_memory_total_bytes gauge
node_memory_total_bytes 4.294967296e+09
# HELP http_request_duration_seconds Latency.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{path="/",le="0.1"} 5
http_request_duration_seconds_bucket{path="/",le="0.5"} 8
http_request_duration_seconds_bucket{path="/",le="+Inf"} 10
http_request_duration_seconds_sum{path="/"} 3.5
http_request_duration_seconds_count{path="/"} 10
# HELP build_info Versions.
# TYPE build_info gauge
build_info{version="1.2.3",text="<a&b>"} 1
"""

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PANEL = {"X-Dashboard-UID": "abc", "X-Panel-Id": "2", "X-Grafana-Org-Id": "1"}

# Panels of a dashboard; $__rate_interval and $__interval are put in by Grafana.
PANELS = (
    "up", "sum(up)", 'up{zone="a"}', 'sum by (mode) (rate(node_cpu_seconds_total{zone=~"a|b"}[1s]))',
    '100 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1s])) * 100',
    "node_memory_free_bytes / node_memory_total_bytes", "1 - node_memory_free_bytes / node_memory_total_bytes",
    "histogram_quantile(0.95, sum by (le) (http_request_duration_seconds_bucket))",
    "histogram_quantile(0.5, sum by (le, path) (rate(http_request_duration_seconds_bucket[1s])))",
    "sum(http_request_duration_seconds_sum) / sum(http_request_duration_seconds_count)",
    "topk(1, sum by (mode) (node_cpu_seconds_total))", "count by (zone) (up == 1)", "max_over_time(node_memory_free_bytes[1s])",
    'label_replace(up, "short", "$1", "instance", "(.*):.*")', "build_info", "absent(no_such_metric)", "no_such_metric",
    "count({__name__=~'node_.*'})", "vector(1)", "up * on (instance) group_left (version) build_info",
    'node_cpu_seconds_total{mode!~"idle|iowait"}', "avg_over_time(up[1s:200ms])", "changes(up[1s])", "time() > bool 0",
    "quantile(0.9, node_cpu_seconds_total)", "rate(node_memory_free_bytes[1s])", 'sum(node_cpu_seconds_total) by (cpu) > 1000 or vector(0)',
)  # fmt: skip

BROKEN = ("sum(", "up{", "rate(up)", "up +", "foo bar", '{__name__=~".*"}', "", "sum by (up", "up[5m] + 1", "topk(NaN, up)")


class Script:
    """The requests, each as (method, path, parameters, headers)."""

    def __init__(self, now):
        self.now = now
        self.requests = []

    def get(self, path, headers=None, **params):
        self.requests.append(("GET", path, params, headers or {}))

    def post(self, path, headers=None, **params):
        self.requests.append(("POST", path, params, {**FORM, **(headers or {})}))

    def both(self, path, **params):
        self.get(path, **params)
        self.post(path, **params)


def save_and_test(script):
    """The button of the data source's settings, and what opening it asks."""
    for at in (1, 2, 3, 4):
        script.post("query", query="1+1", time=at)
    script.get("status/buildinfo")
    script.get("rules")
    script.get("status/flags")
    # Milliseconds where seconds are meant.
    now_ms = int(script.now * 1000)
    script.get("query_exemplars", query="test", start=now_ms - 3_600_000, end=now_ms)
    script.get("metadata")
    script.get("features")
    script.get("alertmanagers")


def editor(script):
    span = {"start": int(script.now) - 3600, "end": int(script.now) + 1}
    script.get("label/__name__/values", **span)
    script.get("label/__name__/values")
    script.both("labels", **span)
    script.both("labels")
    for selector in ("up", "node_cpu_seconds_total", '{job="node"}', '{__name__=~"node_.+"}', "no_such_metric",
                     'http_request_duration_seconds_bucket{path="/"}'):  # fmt: skip
        script.both("labels", **{"match[]": selector, **span})
        script.both("series", **{"match[]": selector, **span})
        for label in ("job", "zone", "mode", "le", "instance"):
            script.get(f"label/{label}/values", **{"match[]": selector, **span})
    script.both("series", **{"match[]": ["up", "build_info"]})
    script.get("metadata", metric="node_memory_free_bytes")
    script.get("metadata", limit=2)
    script.get("targets/metadata", match_target='{job="node"}', metric="build_info")
    script.both("format_query", query="sum(rate(up[5m]))by(job)/2")
    for wrong in ("up{", "{}", "{", '{__name__=~".*"}'):
        script.both("series", **{"match[]": wrong})
        script.both("labels", **{"match[]": wrong})
    script.both("series")
    script.get("label/0bad/values")


def dashboards(script):
    now = script.now
    for query in PANELS:
        for span, step in ((2, 0.5), (3, 1), (1.5, 0.25)):
            script.post("query_range", PANEL, query=query, start=f"{now - span:.3f}", end=f"{now:.3f}", step=step, timeout="60s")
        script.get("query_range", query=query, start=f"{now - 2:.3f}", end=f"{now:.3f}", step="500ms")
        script.post("query", PANEL, query=query, time=f"{now:.3f}")
    # The texts of variables: query_result(), and selectors put together from values.
    for zone in ("a", "b", "a|b", ".*", "none"):
        script.post("query", query=f'sum(node_cpu_seconds_total{{zone=~"{zone}"}})', time=f"{now:.3f}")
        script.get("label/cpu/values", **{"match[]": f'node_cpu_seconds_total{{zone=~"{zone}"}}'})
    # Annotations and dashboards of a longer time than there are data.
    script.post("query_range", PANEL, query="changes(up[2s]) > 0", start=f"{now - 3:.3f}", end=f"{now:.3f}", step=1)


def explore(script):
    now = f"{script.now:.3f}"
    for query in BROKEN:
        script.both("query", query=query, time=now)
        script.post("query_range", query=query, start=now, end=now, step=1)
    for params in ({"step": 0}, {"step": -1}, {"step": "x"}, {"start": "x"}, {"end": 0}, {"step": 0.0001}, {"timeout": "x"}):
        script.both("query_range", **{"query": "up", "start": now, "end": f"{script.now + 10:.3f}", "step": 1, **params})
    for at in ("1970-01-01T00:00:01Z", "2023-11-14T22:13:20.5+01:00", "x", "1e3"):
        script.both("query", query="time()", time=at)
    script.post("query", query="vector(1)[1100ms:500ms]", time=now)
    script.post("query", query='"text"', time=now)
    script.post("query", query="up", time=now, stats="all")
    script.post("query", query="up", time=now, limit=1)
    script.get("label/zone/values", limit=1)
    script.both("parse_query", query="sum(up)")
    script.get("query_exemplars", query="up", start=now, end=now)
    script.get("query_exemplars", query="up{", start=now, end=now)


def others(script):
    """Alerting pages, and what status dashboards ask."""
    script.get("rules", type="alert")
    script.get("rules", type="record")
    script.get("alerts")
    for state in ("", "active", "dropped", "any"):
        script.get("targets", **({"state": state} if state else {}))
    script.get("targets", scrapePool="node")
    for page in ("config", "runtimeinfo", "tsdb", "walreplay"):
        script.get(f"status/{page}")
    script.get("status/tsdb", limit=2)
    script.get("nothing/of/the/kind")
    script.post("status/buildinfo")


# --- comparing -------------------------------------------------------------------------------------------------

# Of these the values are the server's own; only their types are compared.
OWN_VALUES = re.compile(
    r"^(status/(buildinfo|flags|runtimeinfo|config|tsdb|walreplay)|alertmanagers)$|^targets$"
)

# (path, what differs, why); both are expressions. The first number is that of Prometheus, whose Debian version is 2.42.
DIFFERENCES = [
    (r"^features$|^parse_query$", r"^status", "Prometheus has it since 3.9, and 2.53"),
    (r"^query(_range)?$", r"infos", "infos since 3.0: what is said of metrics that are no counters"),
    (r"^query$", r"stats\.samples\.samplesRead", "since 3.14"),
    (r"^query$|^label/zone/values$", r"more than the limit", "limit since 2.54 and 3.2"),
    (r".*", r"^error: ", "the words of an error; their type and status are the same"),
    (r"^status/buildinfo$", r"skeinVersion", "Skein's own version, beside that of the API"),
    (r"^status/flags$", r"^data\.", "each has flags of its own"),
    (r"^status/runtimeinfo$", r"hostname|serverTime|GOMEMLIMIT", "since 3.0"),
    (r"^targets$", r"droppedTargetCounts|droppedTargets.*scrapePool", "since 2.46 and 2.48"),
    (r"^label/0bad/values$", r"^status", "names of labels may be any UTF-8 since 3.0"),
    (r"^metadata$", r"^data\..*(missing|more than)", "which metrics a limit leaves is open: there it is the order of a map"),
]


class Comparison:
    def __init__(self, path):
        self.path = path
        self.own = OWN_VALUES.match(path)
        self.found = []

    def differs(self, where, text):
        self.found.append((where or "data", text))

    def compare(self, got, want, where):
        if isinstance(want, dict) and isinstance(got, dict):
            for name in sorted(want.keys() | got.keys()):
                place = f"{where}.{name}" if where else name
                if name not in got:
                    self.differs(place, "missing")
                elif name not in want:
                    self.differs(place, "more than Prometheus has")
                else:
                    self.compare(got[name], want[name], place)
        elif isinstance(want, list) and isinstance(got, list):
            self.lists(got, want, where)
        elif kind(want) != kind(got):
            self.differs(where, f"{kind(got)} for {kind(want)}")
        elif not self.own and got != want and not same_text(got, want):
            self.differs(where, f"got {str(got)[:200]}, want {str(want)[:200]}")

    def lists(self, got, want, where):
        if self.own:
            # Elements are alike: the first ones stand for all.
            if got and want:
                self.compare(got[0], want[0], where + "[]")
            return
        if len(got) != len(want):
            self.differs(where, f"{len(got)} elements for {len(want)}")
            return
        if where == "data.result" or where == "data":
            # Vectors have no order.
            got, want = (sorted(side, key=lambda one: json.dumps(one, sort_keys=True)) for side in (got, want))
        for left, right in zip(got, want):
            self.compare(left, right, where + "[]")


def kind(thing):
    return "number" if isinstance(thing, (int, float)) and not isinstance(thing, bool) else type(thing).__name__


def same_text(got, want):
    """Sample values are texts of numbers; sums come in any order."""
    try:
        return abs(float(got) - float(want)) <= 1e-12 * abs(float(want))
    except (TypeError, ValueError):
        return False


def ask(server, method, path, params, headers):
    url = f"/api/v1/{path}"
    if method == "GET":
        return request(server.port, "GET", url + ("?" + encode(params) if params else ""), headers=headers)
    return request(server.port, "POST", url, encode(params), headers)


def steady(envelope):
    """Without what is different at each request."""
    data = envelope.get("data")
    if isinstance(data, dict) and "stats" in data:
        data["stats"]["timings"] = {name: 0 for name in data["stats"]["timings"]}
        data["stats"]["samples"]["peakSamples"] = 0
    return envelope


def differences(path, got, want):
    comparison = Comparison(path)
    if got.status != want.status:
        comparison.differs("status", f"{got.status} for {want.status}: {got.text[:200]}")
        return comparison.found
    if got.headers.get_content_type() != want.headers.get_content_type():
        comparison.differs("content type", f"{got.headers.get_content_type()} for {want.headers.get_content_type()}")
    if want.headers.get_content_type() != "application/json":
        if want.status == 404 and "page not found" not in got.text:
            comparison.differs("text", got.text[:100])
        return comparison.found
    left, right = steady(got.json()), steady(want.json())
    truncated = "results truncated due to limit" in left.get("warnings", [])
    if truncated:
        comparison.differs("data", "more than the limit in 2.42")
        return comparison.found
    comparison.compare(left, right, "")
    return comparison.found


def excuse(path, where, text):
    for on_path, pattern, why in DIFFERENCES:
        if re.search(on_path, path) and re.search(pattern, f"{where}: {text}"):
            return why
    return None


def run(checks, skein, prometheus, script):
    excused = {}
    for method, path, params, headers in script.requests:
        got = ask(skein, method, path, params, headers)
        want = ask(prometheus, method, path, params, headers)
        unexplained = []
        for where, text in differences(path, got, want):
            why = excuse(path, where, text)
            if why is None or path == "metadata" and "limit" not in params:
                unexplained.append(f"{where}: {text}")
            else:
                excused.setdefault(why, set()).add(path)
        checks.that(not unexplained, f"{method} {path} {params}", unexplained[:5])
    for why, paths in sorted(excused.items()):
        say(f"different on purpose: {', '.join(sorted(paths))}: {why}")


def federation(checks, skein, prometheus):
    """The same lines, but for the time of each scrape."""
    pages = []
    for server in (skein, prometheus):
        answer = server.get("/federate", **{"match[]": ['{__name__=~"node_.*|build_info|http_.*"}', "up"]})
        checks.equal(answer.status, 200, "federate")
        pages.append([line.rsplit(" ", 1)[0] if not line.startswith("#") else line for line in answer.text.splitlines() if line])
    got, want = pages
    checks.equal(sorted(got), sorted(want), "the lines of /federate")
    checks.equal([line for line in got if line.startswith("#")], [line for line in want if line.startswith("#")], "its families")


def test(checks, folder):
    exporter = Exporter().page("/metrics", lambda _: PAGE)
    config = CONFIG.format(address=exporter.address)
    servers = [Server(folder, "skein", config).start(), Server(folder, "prometheus", config, binary=PROMETHEUS).start()]
    for server in servers:
        full = wait_until(lambda s=server: (s.value("min(count_over_time(up[1m]))") or 0) >= SCRAPES, START_SECONDS_MAX, 0.2)
        checks.that(full, f"{server.name} has scraped")
    now = int(time.time() - 1) + 0.437  # off every grid: since 3.0 windows have no sample at their left edge
    script = Script(now)
    for part in (save_and_test, editor, dashboards, explore, others):
        part(script)
    checks.that(len(script.requests) >= REQUESTS_MIN, "the script is as long as it should be", len(script.requests))
    checks.run("script", run, checks, *servers, script)
    checks.run("federation", federation, checks, *servers)


if __name__ == "__main__":
    main(test, need_prometheus=True)
