#!/usr/bin/env python3
"""A real `thanos query` uses three nodes as endpoints: two that scrape the same targets, and one with labels of its own.

What it answers, with either way of reading the stores and either engine, is what the nodes themselves answer.
"""

import http.client
import json
import os
import shutil
import time

from exporter import TEXT, Exporter
from lib import Server, encode, free_port, labels_of, main, request, same_number, say, skip, spawn, wait_until

THANOS = shutil.which("thanos") or ""
INTERVAL_MS = 250
SCRAPES = 24
HEALTHY_SECONDS_MAX = 30
LOAD_SECONDS_MAX = 30
STRATEGIES = ("eager", "lazy")
ENGINES = ("prometheus", "thanos")
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

CONFIG = """
global:
  scrape_interval: {interval}ms
  scrape_timeout: 200ms
  external_labels: {labels}
scrape_configs:
  - job_name: main
    scrape_interval: {interval}ms
    static_configs:
      - targets: ["{address}"]
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: dropped_.*
        action: drop
  - job_name: gone
    static_configs:
      - targets: ["nowhere.invalid:1"]
    relabel_configs:
      - action: drop
"""

# Range queries whose answer does not depend on the labels of the node.
QUERIES = (
    "requests_total",
    "sum by (path) (rate(requests_total[2s]))",
    "max by (path, zone) (temperature)",
    "histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[2s])))",
    "count(requests_total)",
    "avg_over_time(temperature[1s])",
    "topk(2, requests_total)",
    "absent(nothing_there)",
    "requests_total / on (path, zone) group_left () (temperature > 0)",
)


def page(step):
    """Counters, gauges and a histogram; some series have labels that others lack, before and after those of nodes."""
    lines = ["# TYPE requests counter", "# HELP requests Requests served.", "# UNIT requests "]
    for i in range(40):
        path = f'path="/{i % 8}",zone="{i // 8}"'
        lines.append(f'requests_total{{{path}}} {step * (i + 1)} # {{trace_id="t{i}-{step}"}} {i}.5')
        if i % 5 == 0:
            lines.append(f'requests_total{{{path},zzz="more"}} {step * 2}')
            lines.append(f'requests_total{{aaa="before",{path}}} {step * 3}')
    lines += ["# TYPE temperature gauge", "# HELP temperature How warm it is."]
    for i in range(40):
        lines.append(f'temperature{{path="/{i % 8}",zone="{i // 8}"}} {((step * 7 + i) % 31) / 4}')
    lines += ["# TYPE latency_seconds histogram"]
    for bound, share in (("0.1", 1), ("0.5", 3), ("1.0", 4), ("+Inf", 5)):
        lines.append(f'latency_seconds_bucket{{le="{bound}"}} {step * share}')
    lines += [f"latency_seconds_sum {step * 1.5}", f"latency_seconds_count {step * 5}"]
    lines += ["# TYPE dropped gauge", "dropped_one 1", "# EOF", ""]
    return "\n".join(lines)


class Feeder:
    """Serves page after page, as long as there are scrapes to be made."""

    def __init__(self):
        self.exporter = Exporter()
        self.steps = {}
        self.exporter.pages["/metrics"] = self._serve

    def _serve(self, asked):
        client = asked.client_address
        step = self.steps.get(client, 0) + 1
        self.steps[client] = step
        return 200, {"Content-Type": OPENMETRICS if "openmetrics" in asked.headers.get("Accept", "") else TEXT}, page(step)


class Thanos:
    """A `thanos query` over the nodes."""

    def __init__(self, folder, strategy, nodes):
        self.port = free_port()
        command = [
            THANOS,
            "query",
            f"--http-address=127.0.0.1:{self.port}",
            f"--grpc-address=127.0.0.1:{free_port()}",
            f"--grpc.proxy-strategy={strategy}",
            "--query.replica-label=replica",
            "--log.level=debug",
        ]
        command += [f"--endpoint-strict=127.0.0.1:{node.grpc_port}" for node in nodes]
        self.log_path = os.path.join(folder, f"thanos-{strategy}.log")
        self.child = spawn(command, self.log_path)

    def get(self, path, **params):
        """The whole answer below /api/v1, as JSON."""
        return request(self.port, "GET", f"/api/v1/{path}?{encode(params)}").json()

    def data(self, path, **params):
        answer = self.get(path, **params)
        if answer.get("status") != "success" or answer.get("warnings"):
            raise AssertionError(f"thanos: {path} {params}: {json.dumps(answer)[:500]}")
        return answer["data"]

    def stores(self):
        try:
            return self.data("stores").get("sidecar", [])
        except (OSError, http.client.HTTPException, ValueError):
            return []

    def wait_healthy(self, count):
        def healthy():
            stores = self.stores()
            return len(stores) == count and all(store["lastError"] is None and store["labelSets"] for store in stores)

        if not wait_until(healthy, HEALTHY_SECONDS_MAX):
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"stores are not healthy: {self.stores()}\n{log.read()[-3000:]}")


def matrix(data, without=()):
    """{labels: {t: value}} of a range query."""
    return {
        labels_of({k: v for k, v in series["metric"].items() if k not in without}): {
            round(float(t) * 1000): float(v) for t, v in series["values"]
        }
        for series in data["result"]
    }


def same_matrix(got, want):
    """What differs, shortened; empty: nothing."""
    if got.keys() != want.keys():
        return f"series differ: {list(got.keys() ^ want.keys())[:3]}"
    for labels, values in want.items():
        other = got[labels]
        if values.keys() != other.keys():
            return f"{labels}: times differ: {len(other)} and {len(values)}"
        wrong = [t for t in values if not same_number(other[t], values[t], relative=1e-12)]
        if wrong:
            return f"{labels}: at {wrong[0]} {other[wrong[0]]} and {values[wrong[0]]}"
    return ""


def check_stores(checks, thanos, nodes):
    stores = {store["name"]: store for store in thanos.stores()}
    for node, labels in nodes:
        store = stores.get(f"127.0.0.1:{node.grpc_port}", {})
        checks.equal(store.get("labelSets"), [labels], f"labels of {node.name} in /stores")
        checks.that(0 < store.get("minTime", 0) <= time.time() * 1000, f"times of {node.name} in /stores", store)


def check_ranges(checks, thanos, node, labels, span):
    """Each query on one node alone, chosen by its labels, equals the node's own answer."""
    selector = ",".join(f'{name}="{value}"' for name, value in labels.items())
    for query in QUERIES:
        narrowed = query
        for metric in ("requests_total", "temperature", "latency_seconds_bucket", "nothing_there"):
            narrowed = narrowed.replace(metric, f"{metric}{{{selector}}}")
        wanted = matrix(node.api("query_range", query=query, **span))
        checks.that(wanted, f"{query} has an answer")
        for engine in ENGINES:
            got = matrix(thanos.data("query_range", query=narrowed, engine=engine, dedup="false", **span), labels)
            wanted_here = wanted
            if query.startswith("absent"):  # names the labels that it looked for
                got = {(): next(iter(got.values()), {})}
                wanted_here = {(): next(iter(wanted.values()), {})}
            difference = same_matrix(got, wanted_here)
            checks.that(not difference, f"{node.name}, {engine}: {query}", difference)


def check_dedup(checks, thanos, at):
    """Two nodes with the same targets count once."""
    for engine in ENGINES:
        for dedup, factor in (("true", 1), ("false", 2)):
            found = thanos.data(
                "query", query='count(requests_total{cluster="one"})', time=at, dedup=dedup, engine=engine
            )["result"]
            checks.equal(
                [float(sample["value"][1]) for sample in found], [56.0 * factor], f"{engine}, dedup={dedup}: series"
            )


def check_labels(checks, thanos):
    names = thanos.data("labels")
    for name in ("cluster", "path", "replica", "zzz", "aaa", "region"):
        checks.that(name in names, f"label {name} among all", names)
    checks.equal(thanos.data("label/replica/values"), ["a", "b", "own"], "values of the replica label")
    checks.equal(thanos.data("label/cluster/values"), ["one", "two"], "values of an external label")
    checks.equal(thanos.data("label/path/values"), [f"/{i}" for i in range(8)], "values of a stored label")
    series = thanos.data("series", **{"match[]": 'requests_total{zone="0",cluster="one"}'})
    checks.equal(len(series), 12, "series of /series, deduplicated")
    checks.that(all("replica" not in one for one in series), "no replica label in /series", series[:2])


def check_others(checks, thanos, nodes):
    metadata = thanos.data("metadata")
    checks.equal(
        metadata.get("temperature"), [{"type": "gauge", "help": "How warm it is.", "unit": ""}], "metadata of a metric"
    )
    targets = thanos.data("targets")
    checks.equal(
        sorted(target["labels"]["cluster"] for target in targets["activeTargets"]),
        ["one", "two"],
        "targets, those of replicas once",
    )
    checks.that(all(target["health"] == "up" for target in targets["activeTargets"]), "targets are up", targets)
    checks.that(targets["droppedTargets"], "dropped targets")
    checks.equal(thanos.data("rules"), {"groups": []}, "rules")
    now = time.time()
    found = thanos.data("query_exemplars", query='requests_total{cluster="one"}', start=now - 600, end=now + 1)
    checks.that(found, "exemplars")
    own = nodes[0].api("query_exemplars", query="requests_total", start=now - 600, end=now + 1)
    checks.equal(len(found), len(own), "series with exemplars, deduplicated")
    checks.that(
        all(series["seriesLabels"].get("cluster") == "one" for series in found), "external labels of exemplars", found[:1]
    )


def check_death(checks, thanos, at):
    answer = thanos.get("query", query="count by (cluster) (requests_total)", time=at)
    checks.equal(answer["status"], "success", "a query with a node dead")
    checks.that(answer.get("warnings"), "a warning about the dead node", answer)
    checks.equal([one["metric"] for one in answer["data"]["result"]], [{"cluster": "one"}], "what is left")
    answer = thanos.get("query", query="count(requests_total)", time=at, partial_response="false")
    if answer["status"] == "success" and answer.get("warnings"):
        # Versions before 0.38 tell stores of the strategy, and do not follow it themselves.
        checks.not_looked_at.append("an error without partial response, which this thanos turns into a warning")
        return
    checks.equal(answer["status"], "error", "a query with a node dead and no partial response")


def loaded(node):
    return (node.value('count_over_time(temperature{path="/0",zone="0"}[1m])') or 0) >= SCRAPES


def test(checks, folder):
    feeder = Feeder()
    labels = {"a": {"cluster": "one"}, "b": {"cluster": "one"}, "c": {"cluster": "two", "region": "r", "replica": "own"}}
    nodes = []
    for name, own in labels.items():
        config = CONFIG.format(interval=INTERVAL_MS, labels=json.dumps(own), address=feeder.exporter.address)
        flags = [f"--cluster.node-id={name}", "--enable-feature=exemplar-storage"]
        nodes.append(Server(folder, name, config, flags).start())
    shown = [{"replica": name, **own} for name, own in labels.items()]
    proxies = {strategy: Thanos(folder, strategy, nodes) for strategy in STRATEGIES}
    begun = time.time()
    for node in nodes:
        checks.that(wait_until(lambda one=node: loaded(one), LOAD_SECONDS_MAX), f"{node.name} has scraped")
    end = time.time() - 1
    start = max(begun + 1, end - 6)
    span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": "0.25"}
    for strategy, thanos in proxies.items():
        say("strategy", strategy)
        thanos.wait_healthy(len(nodes))
        checks.run("stores", check_stores, checks, thanos, list(zip(nodes, shown)))
        for node, own in zip(nodes, shown):
            checks.run(f"ranges of {node.name}", check_ranges, checks, thanos, node, own, span)
        checks.run("dedup", check_dedup, checks, thanos, f"{end:.3f}")
        checks.run("labels", check_labels, checks, thanos)
        checks.run("others", check_others, checks, thanos, nodes)
    checks.that(
        (nodes[0].metric("skein_grpc_server_sent_bytes_total") or 0) > 0, "bytes sent are counted in the node's metrics"
    )
    checks.equal(nodes[0].metric("skein_grpc_server_calls"), 0.0, "calls that run when nobody asks")
    nodes[2].kill()
    for strategy, thanos in proxies.items():
        checks.run(f"a dead node, {strategy}", check_death, checks, thanos, f"{end:.3f}")
    for node in nodes[:2]:
        code, seconds = node.stop()
        checks.that(code == 0, f"{node.name} stops while a querier is connected", f"{code} after {seconds:.1f} s")


if not THANOS:
    skip("thanos is not on PATH; nothing to ask the nodes with")
main(test)
