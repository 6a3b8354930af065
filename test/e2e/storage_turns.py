#!/usr/bin/env python3
"""Skein and Debian's Prometheus 2.42 take turns on one data folder.

Blocks of two seconds are cut and compacted meanwhile, and every second turn ends with SIGKILL. Every sample that one
of them ever returned must be there at each later start, with its value.
"""

import os
import time

import data_folder
import sigkill
from lib import PROMETHEUS, STANDIN, Server, main, say, wait_until
from storage_interop import flags_for, no_complaints, tools

TINY = ["--storage.tsdb.min-block-duration=2s", "--storage.tsdb.max-block-duration=18s"]
TURNS = 3  # of each
TURN_SECONDS = 4.5  # the head is cut when it holds one and a half block
EVERYTHING = '{__name__=~"oracle.*"}[1h]'


def newest_of(server):
    """Time of the newest sample of an oracle, in ms."""
    found = server.samples('oracle{series="0"}[1m]')
    return max((samples[-1][0] for samples in found.values()), default=0)


def unlock(data):
    path = os.path.join(data, "lock")
    if os.path.exists(path):
        os.unlink(path)


def take_turn(checks, what, server, witness):
    unlock(server.data)
    before = set(data_folder.blocks(server.data))
    server.start()
    missing, wrong, stored = sigkill.lost(witness, server)
    checks.that(not missing, f"{what}: {len(missing)} samples are lost", missing[:3])
    checks.that(not wrong, f"{what}: {len(wrong)} samples are wrong", wrong[:3])
    old = newest_of(server)
    begins = wait_until(lambda: newest_of(server) > old, sigkill.FIRST_SCRAPE_SECONDS_MAX)
    checks.that(begins, f"{what}: new samples are stored")
    witness.server = server
    witness.start()
    time.sleep(TURN_SECONDS)
    witness.stop()
    witness.take(server.samples(EVERYTHING))
    checks.that(not witness.changed, f"{what}: samples changed under the reader", witness.changed[:3])
    new = set(data_folder.blocks(server.data)) - before
    checks.that(new, f"{what}: blocks are made")
    say(f"{what}: found {stored} samples, {witness.count()} were seen, {len(new)} new blocks")


def test(checks, folder):
    oracle = sigkill.Oracle()
    config = sigkill.CONFIG.format(ms=sigkill.SCRAPE_MS, targets=oracle.addresses())
    pair = [Server(folder, name, config, flags_for(binary, TINY), binary)
            for name, binary in (("skein", None), ("prometheus", PROMETHEUS))]  # fmt: skip
    pair[1].data = pair[0].data
    witness = sigkill.Witness(pair[0])
    for turn in range(2 * TURNS):
        server = pair[turn % 2]
        take_turn(checks, f"turn {turn} of {server.name}", server, witness)
        if turn % 4 < 2:
            server.kill()
        else:
            checks.equal(server.stop()[0], 0, f"turn {turn}: exit code of {server.name}")
    for server in pair:
        no_complaints(checks, server)
    if data_folder.PROMTOOL and not STANDIN:
        unlock(pair[0].data)
        tools(checks, folder, pair[0])


if __name__ == "__main__":
    main(test, need_prometheus=True)
