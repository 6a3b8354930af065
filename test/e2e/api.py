#!/usr/bin/env python3
"""The HTTP API as Grafana, Thanos, Alertmanager and scripts use it: the shape of every answer, errors, parameters,
headers. What only Prometheus 3 has is looked at when the real program runs."""

import gzip
import http.client
import json
import os
import re
import time
import zlib

from exporter import Exporter
from lib import Server, encode, main, request, run_to_end, wait_until

START_SECONDS_MAX = 15
RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
JSON_TYPE = "application/json"

CONFIG = """
global:
  scrape_interval: 500ms
  scrape_timeout: 400ms
  external_labels: {{site: "here", instance: "outside"}}
scrape_configs:
  - job_name: pages
    static_configs:
      - targets: ["{address}"]
        labels: {{group: a}}
      - targets: ["127.0.0.1:1"]
        labels: {{group: broken}}
      - targets: ["127.0.0.1:2"]
        labels: {{group: dropped}}
    relabel_configs:
      - source_labels: [group]
        regex: dropped
        action: drop
  - job_name: other
    metrics_path: /other
    scheme: http
    params: {{module: [x, y]}}
    static_configs:
      - targets: ["{address}"]
  - job_name: own
    static_configs:
      - targets: ["127.0.0.1:PORT"]
"""

PAGE = """# HELP requests_total Requests, with "quotes" and a \\\\ in the help.
# TYPE requests_total counter
requests_total{code="200"} 10
requests_total{code="500"} 1.5
# HELP size_bytes Size.
# TYPE size_bytes gauge
size_bytes 1e21
# HELP latency_seconds Latency.
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.5"} 1
latency_seconds_bucket{le="+Inf"} 2
latency_seconds_sum 3
latency_seconds_count 2
unknown_metric{text="<&>\u2028\\\\\\"\\n"} -0.000000125
special{kind="nan"} NaN
special{kind="inf"} +Inf
"""


class Api:
    def __init__(self, checks, server, exporter):
        self.checks = checks
        self.server = server
        self.exporter = exporter

    def envelope(self, answer, what, status=200):
        """The envelope of an answer, whose form is checked."""
        self.checks.equal(answer.status, status, f"{what}: status ({answer.text[:200]})")
        self.checks.equal(answer.headers.get_content_type(), JSON_TYPE, f"{what}: content type")
        envelope = answer.json()
        if status == 200:
            self.checks.equal(envelope.get("status"), "success", what)
            self.checks.that("error" not in envelope and "errorType" not in envelope, f"{what}: no error in a success")
        else:
            self.checks.equal(envelope.get("status"), "error", what)
            self.checks.that(envelope.get("errorType") and envelope.get("error"), f"{what}: type and text", envelope)
        return envelope

    def fails(self, status, kind, path, **params):
        what = f"{path} {params}"
        envelope = self.envelope(self.server.get("/api/v1/" + path, **params), what, status)
        self.checks.equal(envelope.get("errorType"), kind, f"{what}: errorType")
        return envelope

    def shape(self, thing, want, what):
        """Whether an object has these fields of these types and no others; a trailing ? marks what may be absent."""
        if not self.checks.that(isinstance(thing, dict), f"{what} is an object", thing):
            return
        needed = {name for name in want if not name.endswith("?")}
        known = {name.rstrip("?") for name in want}
        self.checks.that(needed <= thing.keys(), f"{what}: fields are missing", sorted(needed - thing.keys()))
        self.checks.that(thing.keys() <= known, f"{what}: fields nobody knows", sorted(thing.keys() - known))
        for name, kind in want.items():
            name = name.rstrip("?")
            if name in thing:
                good = isinstance(thing[name], kind) and not (isinstance(thing[name], bool) and kind != bool)
                self.checks.that(good, f"{what}.{name}: type", thing[name])


def prepare(server):
    def ready():
        found = server.vector("count_over_time(up[1m]) >= 3")
        return len(found) == 4 and server.vector("requests_total")

    if not wait_until(ready, START_SECONDS_MAX, 0.1):
        raise AssertionError("the targets were not scraped in time")


# --- queries -----------------------------------------------------------------------------------------------------


def instant(api):
    server, checks = api.server, api.checks
    now = time.time()
    for send in (server.get, server.post):
        envelope = api.envelope(send("/api/v1/query", query="requests_total", time=f"{now:.3f}"), f"query by {send.__name__}")
        data = envelope["data"]
        checks.equal(data["resultType"], "vector", "resultType of a vector")
        checks.equal(len(data["result"]), 2, "elements")
        for sample in data["result"]:
            api.shape(sample, {"metric": dict, "value": list}, "vector sample")
            at, value = sample["value"]
            checks.that(isinstance(at, (int, float)) and abs(at - now) < 0.002, "the time is that of the query", at)
            checks.that(isinstance(value, str), "the value is a string", value)
            want = {"__name__", "code", "instance", "job", "group"}
            checks.equal(set(sample["metric"]), want, "labels of a sample")
    # Number and time formats are Prometheus' to the letter.
    for query, text in (
        ("vector(1.5)", "1.5"), ("vector(1e21)", "1e+21"), ("vector(123456789012345678)", "123456789012345680"),
        ("vector(1e-7)", "1e-07"), ("vector(0.000001)", "0.000001"), ("vector(-0.5)", "-0.5"), ("vector(NaN)", "NaN"),
        ("vector(Inf)", "+Inf"), ("vector(-Inf)", "-Inf"), ("vector(5e-324)", "5e-324"), ("vector(0)", "0"),
        ("vector(-1 * 0)", "-0"), ("vector(100000000000000000000)", "100000000000000000000"),
    ):  # fmt: skip
        checks.equal(server.api("query", query=query)["result"][0]["value"][1], text, f"text of {query}")
    for at, text in (("1700000000", "1700000000"), ("1700000000.5", "1700000000.500"), ("1700000000.001", "1700000000.001"),
                     ("-1.25", "-1.250"), ("0", "0"), ("2023-11-14T22:13:20Z", "1700000000"),
                     ("2023-11-14T22:13:20.120Z", "1700000000.120"), ("2023-11-14T23:13:20+01:00", "1700000000")):  # fmt: skip
        body = server.get("/api/v1/query", query="vector(1)", time=at).text
        checks.contains(body, f'"value":[{text},"1"]', f"time {at}")
    checks.equal(server.api("query", query="1.5", time=5), {"resultType": "scalar", "result": [5, "1.5"]}, "a scalar")
    checks.equal(server.api("query", query='"a<b"', time=5), {"resultType": "string", "result": [5, "a<b"]}, "a string")
    data = server.api("query", query="up[10s]")
    checks.equal(data["resultType"], "matrix", "a range selector")
    api.shape(data["result"][0], {"metric": dict, "values": list}, "matrix series")
    checks.equal(server.api("query", query="no_such_metric"), {"resultType": "vector", "result": []}, "nothing is []")
    label = next(iter(server.vector("unknown_metric")))
    checks.equal(dict(label)["text"], '<&>\u2028\\"\n', "a label value comes back whole")
    body = server.get("/api/v1/query", query="unknown_metric").text
    checks.that("\u2028" not in body, "U+2028 is escaped")
    data = server.api("query", query="up", stats="all")
    api.shape(data, {"resultType": str, "result": list, "stats": dict}, "data with statistics")
    api.shape(data["stats"], {"timings": dict, "samples": dict}, "stats")
    for name in ("evalTotalTime", "resultSortTime", "queryPreparationTime", "innerEvalTime", "execQueueTime", "execTotalTime"):
        checks.that(isinstance(data["stats"]["timings"].get(name), (int, float)), f"stats.timings.{name}", data["stats"])
    for name in ("totalQueryableSamples", "peakSamples"):
        checks.that(isinstance(data["stats"]["samples"].get(name), int), f"stats.samples.{name}", data["stats"])
    for name in ("totalQueryableSamplesPerStep", "samplesReadPerStep")[: 2 if checks.skein_only("samplesReadPerStep (3.x)") else 1]:
        counts = [count for _, count in data["stats"]["samples"].get(name, [])]
        checks.equal(counts, [len(data["result"])], f"stats.samples.{name}")
    checks.that("stats" not in server.api("query", query="up"), "no statistics without being asked")
    if checks.skein_only("limit and lookback_delta of queries"):
        envelope = server.get("/api/v1/query", query="up", limit=2).json()
        checks.equal(len(envelope["data"]["result"]), 2, "limit of a query")
        checks.equal(envelope.get("warnings"), ["results truncated due to limit"], "a truncated result says so")
        checks.that("warnings" not in server.get("/api/v1/query", query="up", limit=100).json(), "no warning below the limit")
        later = f"{now + 100:.3f}"
        checks.equal(len(server.api("query", query="up", time=later, lookback_delta="10s")["result"]), 0, "lookback_delta")
        checks.that(len(server.api("query", query="up", time=later, lookback_delta="200")["result"]) > 0, "lookback_delta in seconds")
        envelope = server.get("/api/v1/query", query="rate(size_bytes[1m])").json()
        checks.contains(" ".join(envelope.get("infos", [])), "metric might not be a counter", "an info annotation")
        checks.contains(" ".join(envelope.get("infos", [])), "(1:6)", "an annotation has its position")
        envelope = server.get("/api/v1/query", query="quantile(2, up)").json()
        checks.contains(" ".join(envelope.get("warnings", [])), "quantile value should be between 0 and 1", "a warning")


def ranges(api):
    server, checks = api.server, api.checks
    end = time.time()
    for send in (server.get, server.post):
        answer = send("/api/v1/query_range", query="up", start=f"{end - 2:.3f}", end=f"{end:.3f}", step="500ms")
        data = api.envelope(answer, f"query_range by {send.__name__}")["data"]
        checks.equal(data["resultType"], "matrix", "resultType of a range query")
        order = [json.dumps(sorted(series["metric"].items())) for series in data["result"]]
        checks.equal(order, sorted(order), "series are sorted by their labels")
        for series in data["result"]:
            api.shape(series, {"metric": dict, "values": list}, "matrix series")
    data = server.api("query_range", query="vector(1)", start=0, end=10, step=5)
    checks.equal(data["result"], [{"metric": {}, "values": [[0, "1"], [5, "1"], [10, "1"]]}], "steps include both ends")
    data = server.api("query_range", query="time()", start="1970-01-01T00:00:01Z", end="1970-01-01T00:00:02.5Z", step="1s")
    checks.equal(data["result"], [{"metric": {}, "values": [[1, "1"], [2, "2"]]}], "times as RFC 3339, a scalar as matrix")
    server.api("query_range", query="1", start=0, end=11000, step=1)
    envelope = api.fails(400, "bad_data", "query_range", query="1", start=0, end=11001, step=1)
    checks.contains(envelope["error"], "11,000 points", "too many points")


def errors(api):
    checks = api.checks
    api.fails(400, "bad_data", "query")
    api.fails(400, "bad_data", "query", query="sum(")
    api.fails(400, "bad_data", "query", query="up", time="x")
    api.fails(400, "bad_data", "query", query="up", timeout="x")
    api.fails(422, "execution", "query", query='label_replace(up, "a", "b", "c", "(")')
    api.fails(422, "execution", "query", query='{__name__=~"up|scrape_duration_seconds"} * 2')
    api.fails(503, "timeout", "query", query="sum(sum_over_time({__name__=~'.+'}[1h:10ms]))", timeout="0.001")
    for params in ({"step": 0}, {"step": -1}, {"step": "x"}, {"start": 100}, {"end": "x"}):
        api.fails(400, "bad_data", "query_range", **{"query": "up", "start": 0, "end": 10, "step": 1, **params})
    api.fails(400, "bad_data", "series")
    api.fails(400, "bad_data", "series", **{"match[]": "{}"})
    api.fails(400, "bad_data", "labels", **{"match[]": "up{"})
    api.fails(400, "bad_data", "label/job/values", **{"match[]": "{"})
    answer = api.server.get("/api/v1/no/such/path")
    checks.equal(answer.status, 404, "an unknown path")
    answer = request(api.server.port, "DELETE", "/api/v1/query?query=up")
    checks.that(answer.status in (404, 405), "a wrong method", answer.status)
    answer = api.server.post("/api/v1/admin/tsdb/delete_series", **{"match[]": "up"})
    checks.that(answer.status in (404, 500, 503) and len(api.server.vector("up")) == 4, "admin endpoints are off", answer.status)


# --- metadata ----------------------------------------------------------------------------------------------------


def series_and_labels(api):
    server, checks = api.server, api.checks
    for send in (server.get, server.post):
        found = api.envelope(send("/api/v1/series", **{"match[]": ["requests_total", "size_bytes"]}), "series")["data"]
        checks.equal(sorted(one["__name__"] for one in found), ["requests_total"] * 2 + ["size_bytes"], "series")
    names = api.envelope(server.get("/api/v1/labels"), "labels")["data"]
    checks.equal(names, sorted(names), "label names are sorted")
    checks.that({"__name__", "job", "instance", "code", "le", "group"} <= set(names), "label names", names)
    checks.equal(api.envelope(server.post("/api/v1/labels", **{"match[]": "size_bytes"}), "labels by POST")["data"],
                 ["__name__", "group", "instance", "job"], "label names of a selector")  # fmt: skip
    checks.equal(server.api("label/code/values", **{"match[]": '{job="pages"}'}), ["200", "500"], "label values")
    checks.equal(server.api("label/job/values", **{"match[]": "requests_total"}), ["pages"], "label values of a selector")
    checks.equal(server.api("label/no_such_label/values"), [], "values of an unknown label are []")
    checks.equal(server.api("series", **{"match[]": "no_such_metric"}), [], "series of nothing are []")
    old = {"start": 1000, "end": 2000}
    checks.equal(server.api("labels", **old) or [], [], "labels of a time without data")
    checks.equal(server.api("series", **{"match[]": "up", **old}), [], "series of a time without data")
    if checks.skein_only("limit of series and labels; escaped label names"):
        for path, params in (("series", {"match[]": "up"}), ("labels", {}), ("label/__name__/values", {})):
            envelope = server.get("/api/v1/" + path, limit=2, **params).json()
            checks.equal(len(envelope["data"]), 2, f"limit of {path}")
            checks.equal(envelope.get("warnings"), ["results truncated due to limit"], f"{path}: a truncated result says so")
        checks.equal(server.api("label/U__job/values"), ["other", "own", "pages"], "an escaped label name")


def metadata(api):
    server, checks = api.server, api.checks
    found = server.api("metadata")
    want = [{"type": "counter", "help": 'Requests, with "quotes" and a \\ in the help.', "unit": ""}]
    checks.equal(found.get("requests_total"), want, "metadata of a counter")
    checks.equal(found.get("latency_seconds", [{}])[0].get("type"), "histogram", "metadata of a histogram")
    checks.equal(server.api("metadata", metric="size_bytes"), {"size_bytes": [{"type": "gauge", "help": "Size.", "unit": ""}]}, "metadata of one metric")
    checks.equal(len(server.api("metadata", limit=2)), 2, "limit of metadata")
    checks.equal(server.api("metadata", metric="no_such_metric"), {}, "metadata of nothing is {}")
    found = server.api("targets/metadata", metric="size_bytes", match_target='{job="pages"}')
    checks.equal(len(found), 1, "targets/metadata")
    if found:
        api.shape(found[0], {"target": dict, "type": str, "help": str, "unit": str, "metric?": str}, "targets/metadata")
        checks.equal(found[0]["target"]["job"], "pages", "targets/metadata names its target")


def targets(api):
    server, checks = api.server, api.checks
    data = server.api("targets")
    shape = {"activeTargets": list, "droppedTargets": list}
    api.shape(data, {**shape, ("droppedTargetCounts?" if server.is_prometheus else "droppedTargetCounts"): dict}, "targets")
    checks.equal(len(data["activeTargets"]), 4, "active targets")
    fields = {
        "discoveredLabels": dict, "labels": dict, "scrapePool": str, "scrapeUrl": str, "globalUrl": str, "lastError": str,
        "lastScrape": str, "lastScrapeDuration": (int, float), "health": str, "scrapeInterval": str, "scrapeTimeout": str,
    }  # fmt: skip
    for one in data["activeTargets"]:
        api.shape(one, fields, "active target")
        checks.that(RFC3339.match(one["lastScrape"]), "lastScrape is RFC 3339", one["lastScrape"])
        checks.equal((one["scrapeInterval"], one["scrapeTimeout"]), ("500ms", "400ms"), "interval and timeout of a target")
        broken = one["labels"].get("group") == "broken"
        checks.equal(one["health"], "down" if broken else "up", f"health of {one['scrapeUrl']}")
        checks.equal(bool(one["lastError"]), broken, f"lastError of {one['scrapeUrl']}")
        needed = {"__address__", "__scheme__", "__metrics_path__", "__scrape_interval__", "__scrape_timeout__", "job"}
        checks.that(needed <= one["discoveredLabels"].keys(), "discovered labels", one["discoveredLabels"])
        checks.that(not any(name.startswith("__") for name in one["labels"]), "labels of a target", one["labels"])
    other = next(one for one in data["activeTargets"] if one["scrapePool"] == "other")
    checks.equal(other["scrapeUrl"], f"http://{api.exporter.address}/other?module=x&module=y", "the URL of a target")
    checks.that("127.0.0.1" not in other["globalUrl"] or server.is_prometheus, "globalUrl is for others", other["globalUrl"])
    dropped = data["droppedTargets"]
    checks.equal(len(dropped), 1, "dropped targets")
    if dropped:
        api.shape(dropped[0], {"discoveredLabels": dict, "scrapePool?": str}, "dropped target")
        checks.equal(dropped[0]["discoveredLabels"]["__address__"], "127.0.0.1:2", "a dropped target's address")
    checks.equal(server.api("targets", state="active")["droppedTargets"], [], "state=active")
    checks.equal(server.api("targets", state="dropped")["activeTargets"], [], "state=dropped")
    checks.equal(len(server.api("targets", scrapePool="other")["activeTargets"]), 1, "scrapePool")
    if checks.skein_only("scrape_pools, droppedTargetCounts"):
        checks.equal(sorted(server.api("scrape_pools")["scrapePools"]), ["other", "own", "pages"], "scrape_pools")
        checks.equal(data["droppedTargetCounts"].get("pages"), 1, "droppedTargetCounts")


def status(api):
    server, checks = api.server, api.checks
    data = server.api("status/buildinfo")
    for name in ("version", "revision", "branch", "buildUser", "buildDate", "goVersion"):
        checks.that(isinstance(data.get(name), str), f"buildinfo.{name}", data)
    if checks.skein_only("the version"):
        checks.equal(data["version"], "3.14.0", "the version of the API")
        checks.that("features" not in data, "buildinfo has no features", data)
    data = server.api("status/runtimeinfo")
    for name, kind in (("startTime", str), ("CWD", str), ("reloadConfigSuccess", bool), ("lastConfigTime", str),
                       ("corruptionCount", int), ("goroutineCount", int), ("GOMAXPROCS", int), ("GOGC", str),
                       ("GODEBUG", str), ("storageRetention", str)):  # fmt: skip
        checks.that(isinstance(data.get(name), kind), f"runtimeinfo.{name}", data)
    checks.that(RFC3339.match(data["startTime"]), "startTime is RFC 3339", data["startTime"])
    checks.equal(data["CWD"], server.folder, "CWD")
    data = server.api("status/flags")
    checks.that(all(isinstance(value, str) for value in data.values()), "flags are texts")
    for name, value in (("config.file", server.config_path), ("query.timeout", "2m"), ("storage.tsdb.path", server.data),
                        ("web.enable-lifecycle", "false"), ("query.max-samples", "50000000"), ("query.lookback-delta", "5m")):  # fmt: skip
        checks.equal(data.get(name), value, f"flags.{name}")
    text = server.api("status/config")["yaml"]
    for part in ("scrape_interval: 500ms", "job_name: pages", "site: here", "metrics_path: /other"):
        checks.contains(text, part, "status/config has the whole configuration")
    data = server.api("status/tsdb")
    api.shape(data["headStats"], {"numSeries": int, "numLabelPairs": int, "chunkCount": int, "minTime": int, "maxTime": int}, "headStats")
    checks.that(data["headStats"]["numSeries"] > 20, "numSeries", data["headStats"])
    checks.that(abs(data["headStats"]["maxTime"] / 1000 - time.time()) < 5, "maxTime", data["headStats"])
    for name in ("seriesCountByMetricName", "labelValueCountByLabelName", "memoryInBytesByLabelName", "seriesCountByLabelValuePair"):
        checks.that(0 < len(data[name]) <= 10, f"tsdb.{name}", data[name])
        for one in data[name]:
            api.shape(one, {"name": str, "value": int}, f"tsdb.{name}")
        values = [one["value"] for one in data[name]]
        checks.equal(values, sorted(values, reverse=True), f"tsdb.{name} is sorted")
    if checks.skein_only("status/tsdb/blocks (3.6), status/storage"):
        checks.equal(server.api("status/tsdb/blocks"), {"blocks": []}, "no block yet")
        data = server.api("status/storage")
        api.shape(data, {"blocks": list, "notServed": list, "replay": dict, "chunkFileDamages": list, "refusedSeries": list}, "storage")
        checks.equal((data["notServed"], data["replay"].get("damages")), ([], []), "nothing is damaged")
    data = server.api("status/walreplay")
    checks.that({"min", "max", "current"} <= data.keys(), "walreplay", data)
    if checks.built(server, "/api/v1/alertmanagers"):
        data = server.api("alertmanagers")
        api.shape(data, {"activeAlertmanagers": list, "droppedAlertmanagers": list}, "alertmanagers")
    if checks.built(server, "/api/v1/rules"):
        checks.equal(server.api("rules").get("groups"), [], "rules without rule files")
        checks.equal(server.api("alerts").get("alerts"), [], "alerts without rules")
    if checks.skein_only("features (3.9), notifications (3.0), the OpenAPI document (3.10)"):
        data = server.api("features")
        for category in ("api", "promql", "promql_functions", "promql_operators", "scrape", "service_discovery_providers", "tsdb"):
            checks.that(data.get(category) and all(isinstance(on, bool) for on in data[category].values()), f"features.{category}", data)
        checks.equal(data["promql_functions"].get("rate"), True, "features name functions")
        checks.equal(server.api("notifications"), [], "nothing to notify")
        answer = server.get("/api/v1/openapi.yaml")
        checks.contains(answer.headers["Content-Type"], "application/yaml", "content type of the OpenAPI document")
        openapi(api, answer.text)
    if checks.skein_only("parse_query (2.44), the cluster's status"):
        tree = server.api("parse_query", query='sum by (a) (rate(x{b="c"}[5m]))')
        checks.equal(tree.get("type"), "aggregation", "parse_query")
        checks.equal(tree.get("expr", {}).get("type"), "call", "parse_query: the inside")
        api.fails(400, "bad_data", "parse_query", query="sum(")
    for send in (server.get, server.post):
        answer = send("/api/v1/format_query", query="sum  by(a)(rate(x[5m]))/2")
        checks.equal(api.envelope(answer, "format_query")["data"], "sum by (a) (rate(x[5m])) / 2", "format_query")
    api.fails(400, "bad_data", "format_query", query="sum(")


def openapi(api, text):
    """Whether the document is YAML that names only what answers."""
    checks = api.checks
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError:
        checks.not_looked_at.append("the OpenAPI document as YAML (Debian package python3-yaml)")
        return
    document = yaml.safe_load(text)
    checks.equal(document["openapi"], "3.1.0", "the version of OpenAPI")
    prefix = document["servers"][0]["url"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            named = {param["name"] for param in operation.get("parameters", []) if param["in"] == "path"}
            checks.equal(named, set(re.findall(r"{(\w+)}", path)), f"the parts of {path} are parameters")
            checks.that(operation["responses"], f"{method} {path} has answers")
            if "text/event-stream" in str(operation["responses"]):
                live = Live(api.server.port)
                checks.equal(live.type, "text/event-stream", f"GET {path} is there")
                live.close()
            elif method == "get":
                answer = api.server.get(prefix + re.sub(r"{\w+}", "x", path))
                there = answer.status == 204 or answer.headers.get_content_type() in (JSON_TYPE, "application/yaml", "application/x-ndjson")
                checks.that(there, f"GET {path} is there", answer.status)
    references = set(re.findall(r"'#/components/(\w+)/(\w+)'", text))
    for kind, name in references:
        checks.that(name in document["components"][kind], f"#/components/{kind}/{name}")


# --- outside the API ---------------------------------------------------------------------------------------------


def federate(api):
    server, checks = api.server, api.checks
    answer = server.get("/federate", **{"match[]": ['{__name__=~"requests_total|size_bytes"}', 'up{group="a"}']})
    checks.equal(answer.status, 200, "federate")
    checks.contains(answer.headers["Content-Type"], "text/plain", "content type of federate")
    lines = answer.text.splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    checks.equal(len(samples), 4, "federated samples")
    names = [line.split("{")[0] for line in samples]
    checks.equal(names, sorted(names), "federated samples are sorted by name")
    checks.that("# TYPE requests_total untyped" in lines, "federated families are untyped", lines[:5])
    now = time.time() * 1000
    for line in samples:
        checks.that('site="here"' in line, "external labels are added", line)
        checks.that(f'instance="{api.exporter.address}"' in line, "an external label does not replace a label", line)
        checks.that(0 <= now - int(line.rsplit(" ", 1)[1]) < 5000, "federated samples have their time in ms", line)
    checks.equal(server.get("/federate", **{"match[]": "{"}).status, 400, "federate: a bad selector")
    checks.equal(server.get("/federate", **{"match[]": "no_such_metric"}).text.strip(), "", "federate: nothing")


def messages(data):
    """Delimited protobuf messages, each as its fields: numbers and what they hold."""

    def varint(at):
        value = shift = 0
        while True:
            value |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if data[at - 1] < 0x80:
                return value, at

    at, found = 0, []
    while at < len(data):
        size, at = varint(at)
        end, fields = at + size, []
        while at < end:
            tag, at = varint(at)
            if tag & 7 == 2:
                length, at = varint(at)
                value, at = data[at : at + length], at + length
            else:
                value, at = varint(at)
            fields.append((tag >> 3, value))
        found.append(fields)
    return found


def federate_protobuf(api):
    server, checks = api.server, api.checks
    wish = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;q=0.3"
    path = "/federate?" + encode({"match[]": ['{__name__=~"requests_total|size_bytes"}']})
    answer = request(server.port, "GET", path, headers={"Accept": wish})
    checks.equal(answer.status, 200, "federate as protobuf")
    checks.contains(answer.headers["Content-Type"], "application/vnd.google.protobuf", "its content type")
    families = messages(answer.body)
    checks.equal([dict(family)[1] for family in families], [b"requests_total", b"size_bytes"], "its families")
    checks.equal([dict(family)[3] for family in families], [3, 3], "they are untyped")
    checks.equal(sum(field == 4 for field, _ in families[0]), 2, "the series of a family")
    checks.that(all(b"site" in value and b"here" in value for field, value in families[0] if field == 4), "external labels")


def pools(api):
    """What the configuration says of a job."""
    server, checks = api.server, api.checks
    if not checks.skein_only("targets/relabel_steps (3.8), scrape_pools/config (3.14)"):
        return
    text = server.api("scrape_pools/config", scrapePool="other")["yaml"]
    for part in ("job_name: other\n", "scrape_interval: 500ms\n", "metrics_path: /other\n", "module:\n  - x\n"):
        checks.contains(text, part, "the configuration of a pool")
    api.fails(400, "bad_data", "scrape_pools/config", scrapePool="none")
    for group, keep in (("a", True), ("dropped", False)):
        labels = {"__address__": "h:1", "group": group}
        steps = server.api("targets/relabel_steps", scrapePool="pages", labels=json.dumps(labels))["steps"]
        checks.equal(len(steps), 1, "a step per rule")
        checks.equal((steps[0]["output"], steps[0]["keep"]), (labels if keep else {}, keep), "what a rule makes of labels")
        rule = {"source_labels": ["group"], "separator": ";", "regex": "dropped", "replacement": "$1", "action": "drop"}
        checks.equal(steps[0]["rule"], rule, "the rule")
    api.fails(400, "bad_data", "targets/relabel_steps", scrapePool="pages", labels="x")


def search(api):
    server, checks = api.server, api.checks
    if not checks.skein_only("search (3.13)"):
        return

    def lines(kind, **params):
        answer = server.get(f"/api/v1/search/{kind}", **params)
        checks.equal(answer.status, 200, f"search/{kind} ({answer.text[:200]})")
        checks.equal(answer.headers.get_content_type(), "application/x-ndjson", f"search/{kind}: content type")
        return [json.loads(line) for line in answer.text.splitlines()]

    found = lines("metric_names", **{"search[]": "reqtotal", "include_score": 1, "include_metadata": 1, "match[]": '{job="pages"}'})
    checks.equal([one["name"] for one in found[0]["results"]], ["requests_total"], "metrics that fit")
    first = found[0]["results"][0]
    checks.that(0 < first.get("score", 0) < 1 and first.get("type") == "counter", "with score and type", first)
    checks.equal(found[-1], {"status": "success", "has_more": False}, "the last line")
    checks.equal(lines("label_names", **{"search[]": "GRO", "case_sensitive": "false", "match[]": '{job="pages"}'})[0]["results"], [{"name": "group"}], "labels that fit")
    found = lines("label_values", label="job", limit=1, sort_by="alpha", sort_dir="dsc")
    checks.equal((found[0]["results"], found[-1]["has_more"]), ([{"value": "pages"}], True), "values that fit")
    api.fails(400, "bad_data", "search/label_values")


def own_metrics(api):
    server, checks = api.server, api.checks
    if checks.skein_only("status/self_metrics (3.12)"):
        families = server.api("status/self_metrics", metric_name_pattern="prometheus_(ready|http_requests_total|nothing)")
        checks.equal([(family["name"], family["type"]) for family in families], [("prometheus_http_requests_total", "COUNTER"), ("prometheus_ready", "GAUGE")], "own metrics as JSON")
        checks.equal(families[-1]["metric"], [{"gauge": {"value": 1}}], "and their values")
        api.fails(400, "bad_data", "status/self_metrics", metric_name_pattern="(")
    answer = server.get("/metrics")
    checks.equal(answer.status, 200, "/metrics")
    checks.contains(answer.headers["Content-Type"], ("text/plain", "openmetrics"), "content type of /metrics")
    for name in ("prometheus_build_info", "prometheus_tsdb_head_series", "prometheus_tsdb_head_samples_appended_total",
                 "prometheus_config_last_reload_successful", "process_resident_memory_bytes", "process_start_time_seconds",
                 "process_cpu_seconds_total", "prometheus_target_interval_length_seconds_count",
                 "prometheus_http_requests_total", "prometheus_engine_queries", "prometheus_ready",
                 "prometheus_sd_discovered_targets", "prometheus_target_scrape_pool_targets", "process_open_fds"):  # fmt: skip
        checks.that(server.metric(name) is not None, f"/metrics has {name}")
    helped = re.findall(r"^# HELP (\S+)", answer.text, re.M)
    checks.equal(len(helped), len(set(helped)), "each family of /metrics has one HELP")
    series = [line.rsplit(" ", 1)[0] for line in answer.text.splitlines() if line and line[0] != "#"]
    checks.equal(len(series), len(set(series)), "each series of /metrics is there once")
    checks.equal(server.value('up{job="own"}'), 1.0, "the server scrapes itself")
    checks.that(server.value('prometheus_tsdb_head_series{job="own"}'), "and stores what it says")


def protocol(api):
    server, checks = api.server, api.checks
    port = server.port
    # A text worth compressing.
    path = "/api/v1/label/__name__/values"
    plain = request(port, "GET", path)
    import http.client  # pylint: disable=import-outside-toplevel

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(3):  # one connection, several requests
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        body = response.read()
        checks.equal(response.headers.get("Content-Encoding"), "gzip", "answers are compressed when asked")
        if response.headers.get("Content-Encoding") == "gzip":
            checks.equal(json.loads(gzip.decompress(body)), plain.json(), "the compressed answer is the same")
    connection.close()
    checks.equal(plain.headers.get("Content-Encoding"), None, "answers are plain when not asked")
    if checks.skein_only("zstd"):
        answer = request(port, "GET", path, headers={"Accept-Encoding": "deflate"})
        checks.equal(answer.headers.get("Content-Encoding"), "deflate", "deflate, when nothing else is accepted")
        checks.equal(json.loads(zlib.decompress(answer.body)), plain.json(), "the deflated answer is the same")
        answer = request(port, "GET", path, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
        checks.equal(answer.headers.get("Content-Encoding"), "zstd", "zstd, where it is accepted")
        checks.that(answer.body.startswith(b"\x28\xb5\x2f\xfd"), "the zstd answer is a frame", answer.body[:8])
    for path in ("/-/healthy", "/-/ready"):
        answer = request(port, "HEAD", path)
        checks.equal((answer.status, answer.body), (200, b""), f"HEAD {path}")
    # Cross-origin requests, as a browser makes them.
    origin = {"Origin": "http://grafana.example"}
    answer = request(port, "GET", "/api/v1/query?query=up", headers=origin)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    checks.that(allowed in ("*", "http://grafana.example"), "CORS of a GET", allowed)
    answer = request(port, "OPTIONS", "/api/v1/query", headers={**origin, "Access-Control-Request-Method": "POST"})
    checks.equal(answer.status, 204, "OPTIONS")
    checks.contains(answer.headers.get("Access-Control-Allow-Methods") or "", "POST", "CORS names the methods")
    checks.contains(answer.headers.get("Access-Control-Allow-Headers") or "", "Authorization", "CORS names the headers")
    # A form and a query string together.
    answer = request(port, "POST", "/api/v1/query?time=5", encode({"query": "time()"}),
                     {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"})  # fmt: skip
    checks.equal(answer.json()["data"]["result"][1], "5", "parameters in the URL of a form")
    answer = request(port, "GET", "/")
    checks.that(answer.status in (200, 301, 302, 307, 308), "/ leads somewhere", answer.status)
    if checks.built(server, "/graph"):
        answer = request(port, "GET", "/graph?g0.expr=up&g0.tab=1")
        checks.that(answer.status in (200, 301, 302, 307, 308), "/graph, which alerts link to", answer.status)


def admin(api, folder):
    """What changes data, on a server of its own with the flag, and refused on one without."""
    checks = api.checks
    for verb in ("delete_series", "clean_tombstones", "snapshot"):
        answer = api.server.post("/api/v1/admin/tsdb/" + verb, **{"match[]": "up"})
        checks.that(answer.status in (500, 503), f"{verb} without the flag: status", answer.status)  # 503 before 3.0
        checks.equal(answer.json().get("errorType"), "unavailable", f"{verb} without the flag")
        checks.equal(answer.json().get("error"), "admin APIs disabled", f"{verb} without the flag")
    server = Server(folder, "admin", CONFIG.format(address=api.exporter.address), ["--web.enable-admin-api"]).start()
    path = "/api/v1/admin/tsdb/"
    checks.that(wait_until(lambda: server.vector("requests_total") and server.vector("size_bytes"), START_SECONDS_MAX), "scraped")
    for wrong, params in (("no selector", {}), ("a bad selector", {"match[]": "up{"}), ("a bad time", {"match[]": "up", "start": "x"})):
        envelope = api.envelope(server.post(path + "delete_series", **params), wrong, 400)
        checks.equal(envelope.get("errorType"), "bad_data", wrong)
    envelope = api.envelope(server.post(path + "snapshot", skip_head="maybe"), "skip_head=maybe", 400)
    checks.equal(envelope.get("errorType"), "bad_data", "skip_head=maybe")
    checks.equal(server.get(path + "snapshot").status, 405, "a snapshot is not got")
    now = time.time()
    answer = server.post(path + "delete_series", **{"match[]": ['requests_total{code="500"}', "size_bytes"], "end": f"{now + 60:.3f}"})
    checks.equal((answer.status, answer.body), (204, b""), "delete_series")

    def before(selector):
        return server.samples(selector + "[1m]", at=now - 0.001)

    checks.equal(before("size_bytes"), {}, "what is deleted")
    left = [dict(labels).get("code") for labels in before("requests_total")]
    checks.equal(sorted(left), ["200"], "what is not deleted")
    checks.that(wait_until(lambda: server.vector("size_bytes"), 5), "a deleted series goes on")
    name = api.envelope(server.post(path + "snapshot"), "snapshot")["data"]["name"]
    checks.that(re.match(r"^\d{8}T\d{6}Z-[0-9a-f]{16}$", name), "the name of a snapshot", name)
    checks.equal(len(os.listdir(os.path.join(server.data, "snapshots", name))), 1, "a block of the head in the snapshot")
    name = api.envelope(request(server.port, "PUT", path + "snapshot?skip_head=true"), "snapshot by PUT")["data"]["name"]
    checks.equal(os.listdir(os.path.join(server.data, "snapshots", name)), [], "a snapshot without the head")
    checks.equal(server.post(path + "clean_tombstones").status, 204, "clean_tombstones")
    server.stop()
    server.start()
    checks.equal(before("size_bytes"), {}, "what is deleted, after a restart")
    checks.equal(len(before("requests_total")), 1, "what is not deleted, after a restart")
    server.stop()


def prefix(api, folder):
    """A path before everything, as behind a proxy."""
    server = Server(folder, "prefix", "", ["--web.external-url=http://outside.example/mon/", "--web.enable-lifecycle"])
    server.start(wait=False)
    ready = wait_until(lambda: _status(server, "/mon/-/ready") == 200, 10)
    api.checks.that(ready, "paths lie below the path of --web.external-url")
    api.checks.equal(_status(server, "/mon/api/v1/query?query=1"), 200, "the API below the prefix")
    api.checks.equal(_status(server, "/api/v1/query?query=1"), 404, "no API outside the prefix")
    server.stop()


def _status(server, path):
    try:
        return request(server.port, "GET", path, timeout=5).status
    except OSError:
        return None


class Live:
    """A subscriber of live notifications."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS_MAX)
        self.connection.request("GET", "/api/v1/notifications/live")
        self.response = self.connection.getresponse()
        self.status, self.type = self.response.status, self.response.headers["Content-Type"]

    def next(self):
        """The next event's data; None at the end."""
        while line := self.response.readline():
            if line.startswith(b"data: "):
                return json.loads(line[len("data: ") :])
        return None

    def close(self):
        self.response.close()
        self.connection.close()


def notifications(api, folder):
    """A configuration that cannot be loaded is to be known."""
    checks = api.checks
    if not checks.skein_only("notifications (3.0)"):
        return
    server = Server(folder, "notifying", "", ["--web.enable-lifecycle", "--web.max-notifications-subscribers=2"]).start()
    one, two = Live(server.port), Live(server.port)
    checks.equal((one.status, one.type), (200, "text/event-stream"), "live notifications")
    checks.equal(server.get("/api/v1/notifications/live").status, 204, "a subscriber too many")
    server.write_config("nonsense: true\n")
    checks.equal(server.post("/-/reload").status, 500, "a bad configuration")
    failed = "Configuration reload has failed."
    for live in (one, two):
        news = live.next()
        checks.equal((news["text"], news["active"]), (failed, True), "a failed reload is told live")
    found = server.api("notifications")
    checks.equal([one["text"] for one in found], ["Configuration reload has failed."], "a failed reload is notified")
    if found:
        api.shape(found[0], {"text": str, "date": str, "active": bool}, "notification")
        checks.that(RFC3339.match(found[0]["date"]), "its date is RFC 3339", found[0]["date"])
    server.write_config("rule_files: [none/*.yml]\n")
    checks.equal(server.post("/-/reload").status, 200, "a good configuration")
    checks.equal(server.api("notifications"), [], "a good reload ends it")
    for live in (one, two):
        news = live.next()
        checks.equal((news["text"], news["active"]), (failed, False), "and its end is told live")
    one.close()
    free = wait_until(lambda: server.metric("prometheus_api_notification_active_subscribers") == 1, 10)
    checks.that(free, "a subscriber that goes away makes room")
    envelope = server.get("/api/v1/rules").json()
    checks.equal(envelope["data"], {"groups": []}, "rules of a server that evaluates none")
    checks.contains(" ".join(envelope.get("warnings", [])), "not evaluated", "and says so")
    checks.equal(server.stop()[0], 0, "a stop with a subscriber")
    checks.contains(two.next()["text"], "shutting down", "the last news")
    checks.equal(two.next(), None, "live notifications end with the server")


def commands(api):
    """What needs no server."""
    checks = api.checks
    if not checks.skein_only("skein promql format"):
        return
    checks.equal(run_to_end(["promql", "format", "sum  (rate(x[5m]))by(job)", "1+1"]), (0, "sum by (job) (rate(x[5m]))\n1 + 1\n"), "promql format")
    code, output = run_to_end(["promql", "format", "sum("])
    checks.equal(code, 1, "promql format of what is no expression")
    checks.contains(output, "parse error", "and says where")
    checks.equal(run_to_end(["promql"])[0], 2, "promql what?")


def test(checks, folder):
    exporter = Exporter().page("/metrics", lambda _: PAGE).page("/other", lambda _: "other_metric 1\n")
    flags = ["--enable-feature=promql-per-step-stats,search-api"]
    server = Server(folder, "skein", CONFIG.format(address=exporter.address), flags).start()
    prepare(server)
    api = Api(checks, server, exporter)
    for part in (instant, ranges, errors, series_and_labels, metadata, targets, status, pools, federate, federate_protobuf, search, own_metrics, protocol, commands):
        checks.run(part.__name__, part, api)
    checks.run("admin", admin, api, folder)
    checks.run("prefix", prefix, api, folder)
    checks.run("notifications", notifications, api, folder)
    checks.equal(server.stop()[0], 0, "exit code")


if __name__ == "__main__":
    main(test)
