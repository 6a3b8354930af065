#!/usr/bin/env python3
"""Blocks, chunks of the head and checkpoints pass between Skein and Debian's Prometheus 2.42.

Each fills a folder, is killed, and promtool, `skein tsdb` and both servers read it: the same samples, the same
answers, no complaint. (How they take turns on one folder is looked at by storage_turns.py.)

Forty minutes of samples arrive with one scrape, under timestamps of their own: a later scrape could not bring them,
as the head by then ends now and takes nothing that is older by half a block.
"""

import os
import re
import shutil
import time

import data_folder
import oracle_data
import queries
from differential import Comparison
from exporter import Exporter
from lib import PROMETHEUS, STANDIN, Server, main, say, wait_until
from tsdb_tools import sections

NOTHING = "global: {scrape_interval: 1m}\n"
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: oracle
    metrics_path: /{name}
    static_configs: [{{targets: ["{address}"], labels: {{instance: oracle}}}}]
"""
# First everything stays in the head, then blocks of 5 minutes are cut and compacted. Prometheus looks for work with
# each commit.
LONG = ["--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=18h"]
SHORT = ["--storage.tsdb.min-block-duration=5m", "--storage.tsdb.max-block-duration=45m"]
OWN = ["--storage.tsdb.block-reload-interval=1s", "--enable-feature=promql-experimental-functions"]
LOAD_SECONDS_MAX = 30
LIVE_SERIES = 10
LIVE_MS = 25
ANALYZE = ("analyze", "--extended", "--limit=100000")  # of equal counts any may come first
QUERIES_EVERY = 3  # of the list
# What a kill or a stop may leave in the logs: of Prometheus, a log that ends within a record and a compaction that the
# stop ended; of Skein, a block half made.
EXPECTED = (
    "Encountered WAL read error, attempting repair",
    "Starting corruption repair",
    "Rewrite corrupted segment",
    "Received SIGTERM",
    "context canceled",
    "left by an interrupted process",
    "the last run did not end cleanly",
    "safe mode: after so many starts in a row",  # the scenario kills it as often
    "flag has no effect",
)


class Feeder:
    """All steps of the oracle with the first scrape, then what passed since the scrape before."""

    def __init__(self):
        # The last samples lie in the last minute: in the head.
        self.start = oracle_data.start_of(time.time()) + 7 * 60
        self.history = "".join(oracle_data.page(step, self.start) for step in range(oracle_data.STEPS)).encode()
        self._last = {}

    def page(self, name):
        def give(_):
            now = int(time.time() * 1000)
            begin, self._last[name] = self._last.get(name), now
            if begin is None:
                return self.history
            times = range(begin + LIVE_MS, now + 1, LIVE_MS)
            return "".join(f'live{{n="{n}"}} {at % 100_000 + n} {at}\n' for n in range(LIVE_SERIES) for at in times)

        return give


def flags_for(binary, flags):
    return flags + ([] if os.path.basename(binary or "").startswith("prometheus") or STANDIN else OWN)


def fill(checks, folder, name, binary, feeder, exporter):
    """A folder with compacted blocks, a checkpoint, chunks in files and a log, of a program that was killed."""
    exporter.page("/" + name, feeder.page(name))
    server = Server(folder, name, CONFIG.format(name=name, address=exporter.address), flags_for(binary, LONG), binary)
    server.start()
    loaded = wait_until(lambda: server.value("count_over_time(marker[1h])") == oracle_data.STEPS, LOAD_SECONDS_MAX, 0.2)
    checks.that(loaded, f"{name}: all {oracle_data.STEPS} steps are stored")
    full = "min(count_over_time(live[1h])) > 130"
    checks.that(wait_until(lambda: server.vector(full), LOAD_SECONDS_MAX, 0.2), f"{name}: what comes later is stored")
    checks.equal(server.stop()[0], 0, f"{name}: exit code")
    for _ in range(2):  # each start begins a segment; a checkpoint needs several
        server.start()
        server.kill()
    server.flags = flags_for(binary, SHORT)
    server.start()

    checks.that(
        wait_until(lambda: data_folder.checkpoints(server.data), LOAD_SECONDS_MAX), f"{name}: the log is truncated"
    )
    checks.that(
        wait_until(lambda: max(data_folder.levels(server.data), default=0) > 1, LOAD_SECONDS_MAX, 0.2), f"{name}: blocks are compacted"
    )
    wait_until(lambda: server.vector("count_over_time(live{n='0'}[3s]) > 60"), LOAD_SECONDS_MAX, 0.2)
    server.kill()
    checks.that(data_folder.head_chunk_bytes(server.data) > 0, f"{name}: chunks of the head lie in files")
    say(f"{name}: blocks of levels {data_folder.levels(server.data)}, log {sorted(os.listdir(server.data + '/wal'))}")
    return server


# --- one folder, every reader ------------------------------------------------------------------------------------


def tools(checks, folder, source):
    """`skein tsdb` and promtool say the same of it."""
    mine, theirs = (data_folder.copy(source.data, os.path.join(folder, f"{source.name}-{tool}")) for tool in ("a", "b"))
    for flags in ([], ["-r"]):
        got, want = data_folder.skein("list", *flags, mine), data_folder.promtool("list", *flags, theirs)
        checks.equal(got[:2], want[:2], f"{source.name}: list {flags}")
    for block in data_folder.blocks(mine):
        got, want = data_folder.skein(*ANALYZE, mine, block), data_folder.promtool(*ANALYZE, theirs, block)
        checks.equal(sections(got[1]), sections(want[1]), f"{source.name}: analyze {block}")
    got, want = data_folder.dump(data_folder.skein, mine), data_folder.dump(data_folder.promtool, theirs)
    checks.that(len(want) > 15_000, f"{source.name}: the dump has samples", len(want))
    same_lines(checks, f"{source.name}: dump", got, want)
    code, text, problems = data_folder.skein("verify", mine)
    checks.equal((code, problems), (0, ""), f"{source.name}: verify")
    checks.contains(text, "no damage found", f"{source.name}: verify")
    shutil.rmtree(mine)
    shutil.rmtree(theirs)


def same_lines(checks, what, got, want):
    more, less = sorted(set(got) - set(want)), sorted(set(want) - set(got))
    checks.that(got == want, what, f"{len(got)} lines, want {len(want)}; too many {more[:3]}, missing {less[:3]}")


def servers(checks, folder, source, start):
    """Both start on a copy each, complain of nothing and answer alike."""
    guests = []
    for binary in (None, PROMETHEUS):
        name = f"{source.name}-read-by-{'prometheus' if binary else 'skein'}"
        guest = Server(folder, name, NOTHING, flags_for(binary, SHORT), binary)
        data_folder.copy(source.data, guest.data)
        guests.append(guest.start())
    comparison = Comparison(checks, guests[0], guests[1], start)
    for part in ("samples", "series_and_labels", "sorted_order"):
        checks.run(f"{source.name}: {part}", getattr(comparison, part))
    for ours, theirs in queries.everything()[::QUERIES_EVERY]:
        comparison.instant(ours, theirs)
        comparison.ranges(ours, theirs)
    comparison.instant("live[10m]", instants=[time.time()])
    checks.that(comparison.found["full"] > comparison.found["empty"], "most queries find something", comparison.found)
    for guest in guests:
        no_complaints(checks, guest)
        guest.kill()
    if not data_folder.PROMTOOL or STANDIN:
        return
    # And what a start did to the folder, the other's tool reads.
    dumps = [data_folder.dump(tool, guest.data) for tool, guest in zip((data_folder.promtool, data_folder.skein), guests)]
    same_lines(checks, f"{source.name}: dump after both started on it", *dumps)


def no_complaints(checks, server):
    lines = [line for line in server.log().splitlines() if re.search(r"level=(warn|error)", line, re.IGNORECASE)]
    lines = [line for line in lines if not any(expected in line for expected in EXPECTED)]
    checks.that(not lines, f"{server.name}: the log has no complaints", lines[:3])
    checks.equal(data_folder.quarantined(server.data), [], f"{server.name}: nothing is in quarantine")


def test(checks, folder):
    exporter, feeder = Exporter(), Feeder()
    for name, binary in (("skeins", None), ("prometheus", PROMETHEUS)):
        source = fill(checks, folder, name, binary, feeder, exporter)
        if data_folder.PROMTOOL and not STANDIN:
            checks.run(f"tools on the folder of {name}", tools, checks, folder, source)
        checks.run(f"servers on the folder of {name}", servers, checks, folder, source, feeder.start)


if __name__ == "__main__":
    main(test, need_prometheus=True)
