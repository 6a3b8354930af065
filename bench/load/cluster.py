"""Queries over several nodes: what asking all of them adds to asking one, and what goes over the wire."""
import json
import statistics
import time

from .farm import Farm
from .process import BenchError, free_port, http_get
from .servers import Product, find_products, write_config

NODES = 3
REPEATS = 21
RANGE_S = 300
PEERS_TIMEOUT_S = 30
SCRAPED_TIMEOUT_S = 120
NO_PUSH_DOWN = {"replicaLabels[]": "no_such_label"}  # with labels to take off nothing is pushed down

# name, endpoint, expression
QUERIES = [
    ("up_instant", "query", "sum(up)"),
    ("light_instant", "query", 'go_goroutines{instance="farm-00000.example:9100"}'),
    ("sum_rate_instant", "query", "sum by (service, code) (rate(http_requests_total[2m]))"),
    ("sum_rate_by", "query_range", "sum by (service, code) (rate(http_requests_total[2m]))"),
    ("sum_by_instance", "query_range", "sum by (instance) (container_memory_rss)"),
    ("count_all_instant", "query", 'count by (job) ({__name__=~".+"})'),
    ("topk", "query_range", "topk(10, rate(container_cpu_usage_seconds_total[2m]))"),
]


class Cluster:
    """NODES servers that share the farm's targets, as one configuration has them."""

    def __init__(self, workspace, options, progress):
        skein = find_products(options)[0]
        if skein.name != "skein" or skein.path is None:
            raise BenchError("there is no skein to measure: " + skein.why_absent)
        self.workspace = workspace
        self.skein = skein
        self.farm = Farm(workspace, options)
        self.config = write_config(workspace.path / "nodes.yml", "nodes", options.interval, self.farm.sd_path)
        ports = [free_port() for _ in range(NODES)]
        self.join = ",".join(f"127.0.0.1:{port}" for port in ports)
        self.nodes = []
        self.started = time.monotonic()
        for number, port in enumerate(ports):
            progress(f"node {number}")
            self.nodes.append(self.launch(number, port))
        for node in self.nodes:
            node.wait_ready()

    def launch(self, number, port):
        name = f"node-{number}"
        flags = [f"--grpc.listen-address=127.0.0.1:{port}", f"--cluster.node-id={name}",
                 "--web.enable-admin-api", f"--cluster.join={self.join}"]
        product = Product(name, self.skein.path, "", lambda: flags)
        return product.launch(self.workspace, self.config, self.workspace.folder(name) / "data")

    def add(self):
        """One more node, whose address the list of the others does not have."""
        node = self.launch(len(self.nodes), free_port())
        node.wait_ready()
        self.nodes.append(node)
        return node

    def wait_seen(self):
        for node in self.nodes:
            node.process.wait_for(lambda node=node: self._sees_others(node), PEERS_TIMEOUT_S,
                                  "seeing the others")

    @staticmethod
    def _sees_others(node):
        stores = json.loads(http_get(node.url + "/api/v1/stores"))["data"].get("node", [])
        return len(stores) == NODES - 1 and all(store["lastError"] is None for store in stores)

    def wait_scraped(self, options):
        """Unix time at which every target is up and the window before it has samples."""
        node = self.nodes[0]
        node.process.wait_for(
            lambda: node.query_value("sum(up)", time.time()) == options.targets, SCRAPED_TIMEOUT_S,
            "having every target up")
        time.sleep(options.seconds)
        return time.time() - options.interval

    def sent_bytes(self):
        return sum(node.metric("skein_grpc_server_sent_bytes_total")[0] or 0 for node in self.nodes)


def parameters_of(endpoint, expression, at, options):
    if endpoint == "query":
        return {"query": expression, "time": f"{at:.3f}"}
    return {"query": expression, "start": f"{at - min(RANGE_S, options.seconds):.3f}", "end": f"{at:.3f}",
            "step": options.interval}


def median_ms(node, endpoint, parameters):
    node.ask(endpoint, parameters)
    return statistics.median(node.ask(endpoint, parameters)[0] for _ in range(REPEATS)) * 1e3


def measure(cluster, endpoint, parameters):
    """Milliseconds of one node alone and of all, and bytes that nodes sent with and without push-down."""
    local = [median_ms(node, endpoint, parameters | {"local": "1"}) for node in cluster.nodes]
    node = cluster.nodes[0]
    whole = median_ms(node, endpoint, parameters)
    sent = []
    for extra in ({}, NO_PUSH_DOWN):
        before = cluster.sent_bytes()
        _, body = node.ask(endpoint, parameters | extra)
        answer = json.loads(body)
        if answer.get("status") != "success" or answer.get("warnings"):
            raise BenchError(f"{parameters['query']}: {answer.get('error') or answer.get('warnings')}")
        sent.append(cluster.sent_bytes() - before)
    return {"slowest_local_ms": max(local), "cluster_ms": whole, "added_ms": whole - max(local),
            "pushed_bytes": sent[0], "selected_bytes": sent[1], "series": len(answer["data"]["result"])}


def run(workspace, options, progress):
    cluster = Cluster(workspace, options, progress)
    cluster.wait_seen()
    progress(f"{NODES} nodes scrape {cluster.farm.series} series for {options.seconds} s")
    at = cluster.wait_scraped(options)
    cluster.farm.process.stop()
    progress(f"{len(QUERIES)} queries")
    found = {name: measure(cluster, endpoint, parameters_of(endpoint, expression, at, options))
             for name, endpoint, expression in QUERIES}
    return {"cluster": found, "warnings": []}
