#!/usr/bin/env python3
"""Others read a node's series over remote read: a Prometheus, as samples, and a Thanos sidecar, as a stream of chunks.
Both must see what the node's own queries see."""

import os
import shutil

from exporter import Exporter
from lib import PROMETHEUS, Server, encode, free_port, main, request, spawn, wait_until

START_SECONDS_MAX = 20
SCRAPES = 12
THANOS = shutil.which("thanos") or ""

CONFIG = """
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
  external_labels: {{region: eu, job: outside}}
scrape_configs:
  - job_name: pages
    static_configs:
      - targets: ["{address}"]
"""

READER = """
global: {{scrape_interval: 1h}}
remote_read:
  - url: http://127.0.0.1:{port}/api/v1/read
    read_recent: true
"""

QUERIES = (
    "counter_total", "sum by (path) (counter_total)", 'counter_total{path=~"/[0-4]"}', 'counter_total{region="eu"}',
    'counter_total{region="us"}', 'counter_total{path!="/3"}', "rate(counter_total[1s])", "count({__name__=~'.+'})",
    "latency_seconds_bucket", "up", "stale_metric", "odd",
)  # fmt: skip


def page(step):
    lines = ["# TYPE counter_total counter"]
    lines += [f'counter_total{{path="/{i}"}} {step * (i + 1)}' for i in range(50)]
    lines += ["# TYPE latency_seconds histogram"]
    lines += [f'latency_seconds_bucket{{le="{bound}"}} {step * share}' for bound, share in (("0.5", 1), ("+Inf", 3))]
    lines += [f"latency_seconds_sum {step}", f"latency_seconds_count {step * 3}"]
    lines += ["odd NaN", 'odd{sign="-"} -0', 'odd{large="1"} 1e300', f'odd{{text="<&>\\n"}} {step / 3}']
    if step < SCRAPES // 2:
        lines.append("stale_metric 1")
    return "\n".join(lines) + "\n"


def vector(answer):
    """{labels: value text} of an answer, so that NaN equals NaN."""
    data = answer.json()["data"]
    return {tuple(sorted(one["metric"].items())): one.get("value", one.get("values")) for one in data["result"]}


def with_external(found):
    """As readers see series: with the node's external labels that the series lack."""
    return {tuple(sorted({"region": "eu", **dict(labels)}.items())): value for labels, value in found.items()}


def by_prometheus(checks, folder, node, at):
    if not PROMETHEUS:
        checks.not_looked_at.append("remote read by a Prometheus, which is not on PATH (Debian package prometheus)")
        return
    reader = Server(folder, "reader", READER.format(port=node.port), binary=PROMETHEUS).start()
    for query in QUERIES:
        asked = query.replace(',region="us"', "")
        got = vector(reader.get("/api/v1/query", query=asked, time=at))
        want = with_external(vector(node.get("/api/v1/query", query=asked, time=at)))
        if "region=" in query:
            plain = query.split("{", maxsplit=1)[0]
            want = with_external(vector(node.get("/api/v1/query", query=plain, time=at))) if "eu" in query else {}
        if query.startswith(("sum", "count(")):
            want = {tuple(p for p in labels if p[0] != "region"): value for labels, value in want.items()}
        checks.equal(got, want, f"{query} through a Prometheus")
    # Every sample of the time, staleness markers included.
    selector = '{__name__=~".+"}[1m]'
    got = vector(reader.get("/api/v1/query", query=selector, time=at))
    want = with_external(vector(node.get("/api/v1/query", query=selector, time=at)))
    checks.that(len(want) > 50, "there are series", len(want))
    checks.equal(got, want, "all samples through a Prometheus")
    found = reader.api("series", **{"match[]": '{__name__=~"counter_total|odd"}', "start": float(at) - 60, "end": at})
    checks.equal(len(found), 54, "series through a Prometheus")
    reader.stop()


def by_sidecar(checks, folder, node, at):
    if not THANOS:
        checks.not_looked_at.append("remote read by a Thanos sidecar, which is not on PATH")
        return
    ports = {name: free_port() for name in ("sidecar", "sidecar_http", "query", "query_grpc")}
    spawn(
        [THANOS, "sidecar", f"--prometheus.url=http://127.0.0.1:{node.port}", f"--tsdb.path={node.data}",
         f"--grpc-address=127.0.0.1:{ports['sidecar']}", f"--http-address=127.0.0.1:{ports['sidecar_http']}"],
        os.path.join(folder, "sidecar.log"),
    )  # fmt: skip
    spawn(
        [THANOS, "query", f"--http-address=127.0.0.1:{ports['query']}", f"--grpc-address=127.0.0.1:{ports['query_grpc']}",
         f"--endpoint=127.0.0.1:{ports['sidecar']}"],
        os.path.join(folder, "thanos.log"),
    )  # fmt: skip

    def ask(**params):
        return request(ports["query"], "GET", f"/api/v1/query?{encode(params)}")

    def there():
        try:
            return ask(query="count(counter_total)", time=at).json()["data"]["result"]
        except (OSError, ValueError, KeyError):
            return None

    if not checks.that(wait_until(there, START_SECONDS_MAX, 0.2), "a sidecar serves the node's series"):
        return
    for query in ("counter_total", "odd", 'counter_total{region="eu",path="/3"}', "counter_total[1m]", '{__name__=~".+"}[30s]'):
        got = vector(ask(query=query, time=at))
        plain = query.replace('region="eu",', "")
        want = vector(node.get("/api/v1/query", query=plain, time=at))
        # On the StoreAPI external labels win.
        want = {tuple(sorted({**dict(labels), "region": "eu", "job": "outside"}.items())): value for labels, value in want.items()}
        checks.equal(got, want, f"{query} through a sidecar")


def refusals(checks, node):
    checks.equal(node.get("/api/v1/read").status, 405, "GET /api/v1/read")
    answer = request(node.port, "POST", "/api/v1/read", b"nothing of the kind")
    checks.equal(answer.status, 400, "a body that is no request")
    bomb = b"\x80\x80\x80\x14" + b"\x00\x00" + b"\xfe\x01\x00" * (40 << 14)  # 2 MB that become 40 MiB of zeros
    answer = request(node.port, "POST", "/api/v1/read", bomb)
    checks.equal(answer.status, 400, "a request that would be too long")
    checks.contains(answer.text, str(32 << 20), "the limit is named")


def test(checks, folder):
    steps = iter(range(1, 1_000_000))
    exporter = Exporter().page("/metrics", lambda _: page(next(steps)))
    node = Server(folder, "node", CONFIG.format(address=exporter.address)).start()
    wait_until(lambda: (node.value("max(count_over_time(counter_total[1m]))") or 0) >= SCRAPES, START_SECONDS_MAX)
    newest = float(node.api("query", query="max(timestamp(up))")["result"][0]["value"][1])
    at = f"{newest - 0.05:.3f}"  # nothing is appended there any more
    checks.run("prometheus", by_prometheus, checks, folder, node, at)
    checks.run("sidecar", by_sidecar, checks, folder, node, at)
    checks.run("refusals", refusals, checks, node)
    checks.equal(node.stop()[0], 0, "exit code")


if __name__ == "__main__":
    main(test)
