#!/usr/bin/env python3
"""What metrics say of themselves (/api/v1/metadata): over restarts, without targets, from somebody else's log."""

import time

import wal
from exporter import Exporter
from lib import Server, main, wait_until

CONFIG = """
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs:
  - job_name: told
    static_configs: [{targets: ["ADDRESS"]}]
"""
NO_TARGETS = "global: {scrape_interval: 1m}\n"
KEPT_SECONDS_MAX = 10  # until what a scrape has found is kept; Skein writes every 5 s
FOUND_SECONDS_MAX = 12

PAGE = """# HELP told_bytes_total Sent, with \\\\ and \\n inside: ä.
# TYPE told_bytes_total counter
told_bytes_total 1
# HELP told_seconds How long.
# TYPE told_seconds histogram
told_seconds_bucket{le="+Inf"} 1
told_seconds_sum 1
told_seconds_count 1
# TYPE told_unsaid gauge
told_unsaid 1
"""
TOLD = {
    "told_bytes_total": [{"type": "counter", "help": "Sent, with \\ and \n inside: ä.", "unit": ""}],
    "told_seconds": [{"type": "histogram", "help": "How long.", "unit": ""}],
    "told_unsaid": [{"type": "gauge", "help": "", "unit": ""}],
}


def told(server):
    return {metric: said for metric, said in server.api("metadata").items() if metric.startswith("told")}


def restarts(checks, folder):
    exporter = Exporter()
    page = [PAGE]
    exporter.page("/metrics", lambda _: page[0])
    config = CONFIG.replace("ADDRESS", exporter.address)
    server = Server(folder, "restarts", config).start()
    wait_until(lambda: told(server) == TOLD, FOUND_SECONDS_MAX)
    checks.equal(told(server), TOLD, "metadata of a target that is scraped")
    checks.equal(server.stop()[0], 0, "exit code")
    if not checks.skein_only("metadata outlives restarts"):
        return

    server.write_config(NO_TARGETS)
    server.start()
    checks.equal(told(server), TOLD, "metadata after a restart, without the target")
    one = server.api("metadata", metric="told_seconds")
    checks.equal(one, {"told_seconds": TOLD["told_seconds"]}, "metadata of one metric after a restart")
    checks.equal(len(server.api("metadata", limit=2)), 2, "metadata with a limit after a restart")
    server.stop()

    page[0] = PAGE.replace("How long.", "How long it took.")
    server.write_config(config)
    server.start()
    changed = {**TOLD, "told_seconds": [{"type": "histogram", "help": "How long it took.", "unit": ""}]}
    wait_until(lambda: told(server) == changed, FOUND_SECONDS_MAX)
    checks.equal(told(server), changed, "what a target says now counts, and nothing else")

    page[0] += "# HELP told_late Late.\n# TYPE told_late gauge\ntold_late 1\n"
    checks.that(wait_until(lambda: "told_late" in told(server), FOUND_SECONDS_MAX), "a metric that comes later")
    time.sleep(KEPT_SECONDS_MAX)
    server.kill()
    server.write_config(NO_TARGETS)
    server.start()
    late = [{"type": "gauge", "help": "Late.", "unit": ""}]
    checks.equal(told(server).get("told_late"), late, "metadata that a SIGKILL finds kept")
    server.stop()


def taken_over(checks, folder):
    if not checks.skein_only("metadata in the log of a folder that is taken over"):
        return
    server = Server(folder, "taken-over", NO_TARGETS)
    now = round(time.time() * 1000)
    names = ["told_bytes_total", "told_seconds_bucket", "told_seconds_sum", "told_seconds_count", "told_unsaid"]
    series = {ref: {"__name__": name, "job": "told"} for ref, name in enumerate(names, 1)}
    said = TOLD["told_bytes_total"][0]["help"]
    described = [(1, 1, "", said), (2, 3, "", "How long."), (3, 3, "", "How long."), (4, 3, "", "How long.")]
    wal.write_segment(
        server.data,
        [
            wal.series_record(series),
            wal.metadata_record([(1, 1, "", "An older text.")]),
            wal.metadata_record(described + [(5, 2, "", "")]),
            wal.samples_record([(ref, now, 1.0) for ref in series]),
        ],
    )
    for turn in ("at the first start", "at the second"):
        server.start()
        checks.equal(server.value("count({job='told'})"), 5, f"series of the folder {turn}")
        checks.equal(told(server), TOLD, f"metadata in the log of the folder {turn}")
        checks.equal(server.stop()[0], 0, "exit code")


def test(checks, folder):
    checks.run("restarts", restarts, checks, folder)
    checks.run("a folder that is taken over", taken_over, checks, folder)


main(test)
