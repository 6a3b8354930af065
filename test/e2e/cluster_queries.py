#!/usr/bin/env python3
"""Any of three nodes answers for all of them, and for a foreign StoreAPI endpoint.

Each of three targets is scraped by one node, whichever the leader gave it to, and one by two of them. What the nodes answer about the same time is
the same, is what each holds put together, and counts what two of them hold once. A node that is gone is named.
"""

import json
import time

from exporter import Exporter
from lib import Server, free_port, labels_of, main, run_to_end, same_number, wait_until

INTERVAL_MS = 250
SCRAPES = 20
LOAD_SECONDS_MAX = 30
SEEN_SECONDS_MAX = 15  # until nodes know how others are
SERIES = 50
NODES = ("a", "b", "c")
OWN_SERIES = {"a": 10, "b": 20, "c": 30}
JOBS = ("own-a", "own-b", "own-c", "shared")

CONFIG = """
global: {{scrape_interval: {interval}ms, scrape_timeout: 200ms, external_labels: {labels}}}
scrape_configs:
{jobs}{cluster}"""
# Nothing is moved while answers are compared.
CLUSTER = """cluster:
  jobs: {shared: {replication_factor: 2}}
  thresholds: {balance: 3, fill: 0.1}
"""
JOB = """  - job_name: {name}
    static_configs: [{{targets: ["{address}"]}}]
"""

# Of which every node has a part; pushed down or not.
QUERIES = (
    "sum by (zone) (rate(requests_total[2s]))",
    "count by (job) (requests_total)",
    "avg(temperature)",
    "max by (zone) (temperature)",
    "min by (job, zone) (max_over_time(temperature[1s]))",
    "stddev(temperature)",
    "group by (job) (requests_total)",
    "count_values('v', temperature)",
    "topk(3, requests_total)",
    "bottomk(2, temperature)",
    "quantile(0.5, temperature)",
    "sum(requests_total offset 1s)",
    "sum by (job) (increase(requests_total[2s])) / count by (job) (requests_total)",
    "requests_total > on (job, n) temperature",
    "temperature",
    "sum(sum_over_time(temperature[2s:500ms]))",
    "absent(nothing_there)",
)


def page(name, series):
    steps = {}

    def give(asked):
        step = steps[asked.client_address] = steps.get(asked.client_address, 0) + 1
        lines = ["# TYPE requests_total counter"]
        lines += [f'requests_total{{n="{n}",zone="{n % 3}",replica="own"}} {step * (n + 1)}' for n in range(series)]
        lines += ["# TYPE temperature gauge"]
        lines += [f'temperature{{n="{n}",zone="{n % 3}"}} {((step * 7 + n) % 31) / 4 + len(name)}' for n in range(series)]
        return "\n".join(lines) + "\n"

    return give


def matrix(data):
    return {
        labels_of(series["metric"]): {round(float(t) * 1000): float(v) for t, v in series["values"]}
        for series in data["result"]
    }


def difference(got, want):
    if got.keys() != want.keys():
        return f"series differ: {sorted(got.keys() ^ want.keys())[:3]}"
    for labels, values in want.items():
        other = got[labels]
        if values.keys() != other.keys():
            return f"{labels}: {len(other)} and {len(values)} times"
        wrong = [t for t in values if not same_number(other[t], values[t], relative=1e-12)]
        if wrong:
            return f"{labels}: at {wrong[0]} {other[wrong[0]]} and {values[wrong[0]]}"
    return ""


class Cluster:
    """Three nodes that know each other, and a fourth that one of them has as a store endpoint."""

    def __init__(self, folder):
        self.exporters = []
        shared = self._target("shared", SERIES)
        foreign = self._target("foreign", 5)
        config = CONFIG.format(interval=INTERVAL_MS, labels='{dc: "far"}', jobs=JOB.format(name="foreign", address=foreign), cluster="")
        self.foreign = Server(folder, "foreign", config, ["--cluster.node-id=foreign"])
        endpoints = f'  store_endpoints: [{{static_configs: [{{targets: ["127.0.0.1:{self.foreign.grpc_port}"]}}]}}]\n'
        jobs = "".join(JOB.format(name=f"own-{name}", address=self._target(name, OWN_SERIES[name])) for name in NODES)
        jobs += JOB.format(name="shared", address=shared)
        self.nodes = {}
        for name in NODES:
            config = CONFIG.format(
                interval=INTERVAL_MS,
                labels='{dc: "near"}',
                jobs=jobs,
                cluster=CLUSTER + (endpoints if name == "a" else ""),
            )
            self.nodes[name] = Server(folder, name, config, [f"--cluster.node-id={name}"])
        join = ",".join(f"127.0.0.1:{node.grpc_port}" for node in self.nodes.values())
        for node in self.nodes.values():
            node.flags.append(f"--cluster.join={join}")

    def _target(self, name, series):
        exporter = Exporter()
        exporter.pages["/metrics"] = page(name, series)
        self.exporters.append(exporter)
        return exporter.address

    def start(self):
        for server in (self.foreign, *self.nodes.values()):
            server.start()

    def holders(self, at):
        """job -> names of the nodes that have its series."""
        found = {}
        for name, node in self.nodes.items():
            ask = {"query": "count by (job) (requests_total)", "time": f"{at:.3f}", "local": "1"}
            for one in node.api("query", **ask)["result"]:
                found.setdefault(one["metric"]["job"], []).append(name)
        return found

    def stop_scraping(self):
        """What is asked about from now on does not change any more."""
        for exporter in self.exporters:
            exporter.pages["/metrics"] = lambda _: (503, {}, "no more\n")


def stores(node):
    return [store for some in node.api("stores").values() for store in some]


def all_seen(node, count):
    known = stores(node)
    return len(known) == count and all(store["lastError"] is None for store in known)


def check_same(checks, cluster, at):
    """Every node gives the same answers, whoever holds the series."""
    span = {"start": f"{at - 3:.3f}", "end": f"{at:.3f}", "step": "0.25"}
    only_nodes = {"storeMatch[]": '{__address__!="127.0.0.1:%d"}' % cluster.foreign.grpc_port}
    for query in QUERIES:
        answers = {}
        for name, node in cluster.nodes.items():
            envelope = node.get("/api/v1/query_range", query=query, **span, **only_nodes).json()
            checks.equal(envelope.get("status"), "success", f"{name}: {query}")
            checks.equal(envelope.get("warnings"), None, f"{name}: {query}: warnings")
            answers[name] = matrix(envelope["data"])
        checks.that(answers["a"], f"{query} has an answer")
        if query.startswith(("topk", "bottomk")):
            continue  # ties
        for name in NODES[1:]:
            checks.that(not difference(answers[name], answers["a"]), f"{query} on {name}", difference(answers[name], answers["a"]))


def check_whole(checks, cluster, at):
    """The cluster's answer is what the nodes hold, put together."""
    node = cluster.nodes["c"]
    holders = cluster.holders(at)
    for name in NODES:
        for query in (f'sum(rate(requests_total{{job="own-{name}"}}[2s]))', f'temperature{{job="own-{name}"}}'):
            params = {"query": query, "time": f"{at:.3f}"}
            want = cluster.nodes[holders[f"own-{name}"][0]].api("query", local="1", **params)
            got = node.api("query", **params)
            checks.that(want["result"], f"{query} has an answer on its own node")
            same = {labels_of(one["metric"]): one["value"] for one in got["result"]} == {
                labels_of(one["metric"]): one["value"] for one in want["result"]
            }
            checks.that(same, f"{query} asked elsewhere", (got["result"][:2], want["result"][:2]))
    total = sum(OWN_SERIES.values()) + SERIES
    checks.equal(node.value("count(requests_total)", at), float(total), "series of all nodes, those of two of them once")
    own = node.api("query", query="count(requests_total)", time=f"{at:.3f}", local="1")
    held = [job for job, names in holders.items() if "c" in names]
    want = sum(SERIES if job == "shared" else OWN_SERIES[job[-1]] for job in held)
    checks.equal(float(own["result"][0]["value"][1]), float(want), "series of the node alone")
    series = node.api("series", **{"match[]": "requests_total", "start": f"{at - 5:.3f}", "end": f"{at:.3f}"})
    checks.equal(len(series), total, "series of /series")
    checks.that(all(one["replica"] == "own" and "dc" not in one for one in series), "labels stay as they are", series[:1])
    jobs = node.api("label/job/values", start=f"{at - 5:.3f}", end=f"{at:.3f}")
    checks.equal(jobs, list(JOBS), "values of a label on all nodes")


def check_dedup(checks, cluster, at):
    node = cluster.nodes["c"]
    params = {"query": 'count by (replica) (temperature{job="shared"})', "time": f"{at:.3f}", "dedup": "false"}
    found = {one["metric"].get("replica"): float(one["value"][1]) for one in node.api("query", **params)["result"]}
    checks.equal(found, {name: float(SERIES) for name in cluster.holders(at)["shared"]}, "holders of series apart, without dedup")
    params = {"query": 'count by (replica) (requests_total{job="shared"})', "time": f"{at:.3f}", "replicaLabels[]": "replica"}
    found = [(one["metric"], float(one["value"][1])) for one in node.api("query", **params)["result"]]
    checks.equal(found, [({}, float(SERIES))], "a label that is taken off")


def check_foreign(checks, cluster, at):
    node = cluster.nodes["a"]
    found = node.vector("count by (dc, replica) (temperature)", at)
    want = {(): float(sum(OWN_SERIES.values()) + SERIES), (("dc", "far"), ("replica", "foreign")): 5.0}
    checks.equal(found, want, "series of a foreign endpoint, with its labels")
    params = {"query": 'sum(requests_total{dc="far"})', "time": f"{at:.3f}"}
    own = cluster.foreign.api("query", query="sum(requests_total)", time=f"{at:.3f}")
    checks.equal(node.api("query", **params)["result"][0]["value"], own["result"][0]["value"], "a sum over a foreign endpoint")


def check_command(checks, cluster, at):
    """skein query asks endpoints itself."""
    stores_of = [f"--store=127.0.0.1:{node.grpc_port}" for node in cluster.nodes.values()]
    code, text = run_to_end(
        ["query", "instant", "count(temperature)", f"--time={at:.3f}", "--replica-label=replica", *stores_of]
    )
    checks.equal(code, 0, "exit code of skein query --store")
    checks.that(text.startswith(f"{{}} => {sum(OWN_SERIES.values()) + SERIES} @"), "its answer", text)
    code, text = run_to_end(["query", "labels", "job", *stores_of])
    checks.equal((code, text.split()), (0, list(JOBS)), "label values of endpoints")
    code, text = run_to_end(["query", "series", "--match=temperature{n='1'}", *stores_of])
    checks.equal((code, len(text.splitlines())), (0, 5), "series of endpoints, each with its replica label")
    gone = f"127.0.0.1:{free_port()}"
    code, text = run_to_end(["query", "instant", "count(temperature)", f"--store={gone}", *stores_of])
    checks.that(code == 1 and gone in text, "an endpoint that does not answer is named", (code, text))
    code, text = run_to_end(
        ["query", "instant", "count(temperature)", f"--store={gone}", "--partial-response", f"--time={at:.3f}", *stores_of]
    )
    checks.that(code == 0 and gone in text and "=>" in text, "and is a warning when that will do", (code, text))


def check_death(checks, cluster, at):
    dead = cluster.nodes["b"]
    holders = cluster.holders(at)
    checks.equal(len(holders["shared"]), 2, "nodes that have the target of two nodes")
    address = f"127.0.0.1:{dead.grpc_port}"
    dead.kill()
    node = cluster.nodes["c"]
    ask = {"query": "count by (job) (requests_total)", "time": f"{at:.3f}"}

    def warned():
        envelope = node.get("/api/v1/query", **ask).json()
        return envelope.get("status") == "success" and any(address in text for text in envelope.get("warnings", []))

    checks.that(wait_until(warned, SEEN_SECONDS_MAX), "a warning names the node that is gone")
    found = {labels_of(one["metric"]): float(one["value"][1]) for one in node.api("query", **ask)["result"]}
    want = {
        (("job", job),): float(SERIES if job == "shared" else OWN_SERIES[job[-1]])
        for job, names in holders.items()
        if names != ["b"]
    }
    checks.equal(found, want, "what the others hold, the target of two nodes among it")
    answer = node.get("/api/v1/query", **ask, partial_response="false")
    checks.that(answer.status == 500 and address in answer.text, "an error without partial responses", answer.text[:300])
    envelope = node.get("/api/v1/labels").json()
    checks.that(any(address in text for text in envelope.get("warnings", [])), "a warning of /labels", envelope)
    local = node.get("/api/v1/query", **ask, local="1").json()
    checks.equal(local.get("warnings"), None, "warnings of a query for the node alone")
    dead.start()
    checks.that(wait_until(lambda: not warned(), SEEN_SECONDS_MAX), "no warning once it is back")


def test(checks, folder):
    cluster = Cluster(folder)
    cluster.start()
    for name, node in cluster.nodes.items():
        seen = wait_until(lambda node=node, name=name: all_seen(node, 3 if name == "a" else 2), SEEN_SECONDS_MAX)
        checks.that(seen, f"{name} sees the others", json.dumps(node.api("stores")))
    for server in (cluster.foreign, *cluster.nodes.values()):
        loaded = wait_until(
            lambda server=server: max(server.vector("count_over_time(temperature[1m])", local="1").values(), default=0) >= SCRAPES,
            LOAD_SECONDS_MAX,
        )
        checks.that(loaded, f"{server.name} has scraped")
    at = time.time() - 1
    cluster.stop_scraping()
    checks.run("same", check_same, checks, cluster, at)
    checks.run("whole", check_whole, checks, cluster, at)
    checks.run("dedup", check_dedup, checks, cluster, at)
    checks.run("foreign", check_foreign, checks, cluster, at)
    checks.run("command", check_command, checks, cluster, at)
    checks.run("death", check_death, checks, cluster, at)
    for name, node in cluster.nodes.items():
        checks.equal(node.stop()[0], 0, f"exit code of {name}")


if __name__ == "__main__":
    main(test)
