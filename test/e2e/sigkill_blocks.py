#!/usr/bin/env python3
"""SIGKILL while blocks are cut and compacted, the log is truncated and queries read it all.

As sigkill.py, with blocks of two seconds: every second or so one is made. Half of the kills come the moment something
half made lies in the folder. Besides the client that asks for recent samples there is one that asks for parts of
what lies further back, and whatever it once was told must be there the next time it asks, without a restart too.
After every second kill it is stopped cleanly once: three unclean starts in a row would be its safe mode, without compaction.
`--kills N` says how often.
"""

import http.client
import os
import random
import subprocess
import sys
import threading
import time

import data_folder
from lib import STANDIN, Server, main, say, skip, wait_until
from sigkill import CONFIG, FIRST_SCRAPE_SECONDS_MAX, SCRAPE_MS, Oracle, Witness, kills, lost

ROUNDS = kills(5)
STRIKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "strike.py")
SEED = 4712
FLAGS = [
    "--storage.tsdb.min-block-duration=2s",
    "--storage.tsdb.max-block-duration=54s",
    "--storage.tsdb.block-reload-interval=1s",
]
ROUND_SECONDS = (1.0, 3.0)  # from the first new sample to the kill, drawn
HALF_MADE_SECONDS_MAX = 8  # until something half made is seen
COMPACTED_SECONDS_MAX = 20
KILLS_IN_A_ROW = 2
RECENT_MS = 60_000  # how far back the historian asks
WINDOW_MS = 5_000
SETTLED_MS = 2_500  # nothing is added to samples that are older


class Historian(threading.Thread):
    """Asks for windows of the past; .gaps lists what was there and was not the next time."""

    def __init__(self, server, newest):
        super().__init__(daemon=True)
        self.server = server
        self.newest = newest  # a function: ms
        self.gaps = []
        self.answers = 0
        self._seen = {}  # labels → {ms: value}
        self._dice = random.Random(SEED)
        self._stop_asked = threading.Event()

    def end(self):
        self._stop_asked.set()
        self.join()

    def run(self):
        while not self._stop_asked.is_set():
            end = self.newest() - SETTLED_MS - self._dice.randrange(RECENT_MS)
            try:
                self._take(end, self.server.samples(f'{{__name__=~"oracle.*"}}[{WINDOW_MS}ms]', end / 1000))
            except (OSError, http.client.HTTPException, ValueError, AssertionError):
                time.sleep(0.01)  # the server is killed or starts

    def _take(self, end, found):
        self.answers += 1
        for labels, known in self._seen.items():
            now = dict(found.get(labels, ()))
            within = {at: value for at, value in known.items() if end - WINDOW_MS < at <= end}
            self.gaps += [(dict(labels), at, value, now.get(at), end) for at, value in within.items() if now.get(at) != value]
        for labels, samples in found.items():
            self._seen.setdefault(labels, {}).update(samples)
        oldest = self.newest() - RECENT_MS - WINDOW_MS
        for labels in list(self._seen):
            self._seen[labels] = {at: value for at, value in self._seen[labels].items() if at > oldest}
            if not self._seen[labels]:
                del self._seen[labels]


def half_made(server):
    return data_folder.temporary(server.data)


def strike(server, number, dice):
    """Kills. Returns what was half made then."""
    if number % 2:
        wanted = dice.randrange(1, 5)  # a cut, the compaction after it, the next cut, …
        words = [server.data, server.child.pid, wanted, HALF_MADE_SECONDS_MAX]
        subprocess.run([sys.executable, "-B", STRIKE, *map(str, words)], check=True)
    else:
        time.sleep(dice.uniform(*ROUND_SECONDS))
    server.kill()
    return half_made(server)


def after_the_kill(checks, what, server, witness, left):
    begun = time.monotonic()
    server.start()
    took = time.monotonic() - begun
    missing, wrong, stored = lost(witness, server)
    good = checks.that(not missing, f"{what}: {len(missing)} samples are lost", missing[:3])
    good &= checks.that(not wrong, f"{what}: {len(wrong)} samples are wrong", wrong[:3])
    good &= checks.that(not witness.changed, f"{what}: samples changed under the reader", witness.changed[:3])
    # The name of a checkpoint may come again, that of a block does not.
    still = [name for name in set(left) & set(half_made(server)) if not name.startswith("wal")]
    good &= checks.that(not still, f"{what}: what was half made is cleared away", still)
    say(f"{what}: {witness.count()} samples seen, {stored} stored, ready after {took:.2f} s")
    return good


def the_end(checks, server, hits, historian):
    checks.that(not historian.gaps, f"{len(historian.gaps)} samples were gone for a while", historian.gaps[:3])
    checks.that(historian.answers > 3 * ROUNDS, "the past was asked for", historian.answers)
    compacted = wait_until(lambda: max(data_folder.levels(server.data), default=0) > 1, COMPACTED_SECONDS_MAX)
    levels = data_folder.levels(server.data)
    checks.that(compacted, "blocks are cut and compacted", levels)
    checks.equal(server.stop()[0], 0, "exit code after SIGTERM")
    checks.that(hits, "a kill met something half made")
    say(f"half made at a kill: {hits}; blocks of levels {levels}; {historian.answers} answers about the past")
    checks.equal(data_folder.quarantined(server.data), [], "nothing is in quarantine")
    code, text, problems = data_folder.skein("verify", server.data)
    checks.that(code == 0 and "no damage found" in text, "verify finds no damage", text[-500:] + problems[-500:])


def test(checks, folder):
    if STANDIN:
        skip("skein tsdb and block-reload-interval are Skein's")
    oracle, dice, hits = Oracle(), random.Random(SEED), []
    server = Server(folder, "skein", CONFIG.format(ms=SCRAPE_MS, targets=oracle.addresses()), FLAGS)
    server.start()
    witness = Witness(server)
    historian = Historian(server, lambda: witness.newest or time.time() * 1000)
    historian.start()
    say(f"{ROUNDS} kills, seed {SEED}")
    for number in range(1, ROUNDS + 1):
        what, before = f"round {number}", witness.newest
        witness.start()
        begins = wait_until(lambda before=before: witness.newest > before, FIRST_SCRAPE_SECONDS_MAX)
        checks.that(begins, f"{what}: new samples appear within {FIRST_SCRAPE_SECONDS_MAX} s of the start")
        left = strike(server, number, dice)
        hits += left
        witness.stop()
        if number % 4 == 0:  # and once more while it starts
            server.start(wait=False)
            time.sleep(dice.uniform(0, 0.15))
            server.kill()
        if not after_the_kill(checks, what, server, witness, left):
            return
        if number % KILLS_IN_A_ROW == 0:
            checks.equal(server.stop()[0], 0, f"{what}: exit code after SIGTERM")
            server.start()
    historian.end()
    the_end(checks, server, hits, historian)


if __name__ == "__main__":
    main(test)
