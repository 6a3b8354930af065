#!/usr/bin/env python3
"""What a query has once returned survives SIGKILL.

An oracle target serves values that name their series and scrape. A client asks for recent samples all the time and
keeps every one it ever saw. The server is killed again and again under that load; after each start every sample
seen so far must still be there, with its value and nowhere else. `--kills N` says how often.
"""

import argparse
import http.client
import random
import threading
import time

from exporter import Exporter
from lib import STANDIN, Server, main, say, wait_until



def kills(default):
    """--kills of the command line."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--kills", type=int, default=default)
    return parser.parse_known_args()[0].kills


ROUNDS = kills(3 if STANDIN else 20)
FIRST_SCRAPE_SECONDS_MAX = 12  # Prometheus waits 5 s for its discovery
ROUND_SECONDS = (1.0, 2.2)  # from ready to the kill, drawn
TARGETS = 5
SERIES_PER_TARGET = 40
SCRAPE_MS = 100
SEED = 4711

CONFIG = """
global:
  scrape_interval: {ms}ms
  scrape_timeout: {ms}ms
scrape_configs:
  - job_name: oracle
    static_configs:
      - targets: [{targets}]
"""


class Oracle:
    """Each scrape of a target gets a number of its own; a value is number * 1000 + series."""

    def __init__(self):
        self.exporters = []
        for _ in range(TARGETS):
            self.exporters.append(Exporter().page("/metrics", self._page()))

    @staticmethod
    def _page():
        numbers = iter(range(1, 10**9))

        def give(_):
            number = next(numbers)
            churn = f'oracle_churn{{n="{number // 10}"}} {number * 1000 + 999}\n'
            return churn + "".join(
                f'oracle{{series="{series}"}} {number * 1000 + series}\n' for series in range(SERIES_PER_TARGET)
            )

        return give

    def addresses(self):
        return ", ".join(f'"{exporter.address}"' for exporter in self.exporters)


class Witness:
    """Asks for recent samples until told to stop; {labels: {ms: value}} of all it ever saw."""

    def __init__(self, server):
        self.server = server
        self.seen = {}
        self.newest = 0  # ms
        self.changed = []  # samples that were there with another value: must stay empty
        self._stop = threading.Event()
        self._thread = None

    def start(self):
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.is_set():
            try:
                self.take(self.server.samples('{__name__=~"oracle.*"}[1s]'))
            except (OSError, http.client.HTTPException, ValueError):
                pass  # the kill hits requests under way; a half answer is no answer

    def take(self, found):
        for labels, samples in found.items():
            known = self.seen.setdefault(labels, {})
            self.newest = max(self.newest, samples[-1][0])
            for at, value in samples:
                if known.setdefault(at, value) != value:
                    self.changed.append((labels, at, known[at], value))

    def count(self):
        return sum(len(samples) for samples in self.seen.values())


def lost(witness, server):
    """Samples seen before that are not there now, and samples that cannot be right."""
    found = server.samples('{__name__=~"oracle.*"}[1h]')
    missing, wrong = [], []
    for labels, samples in witness.seen.items():
        now = dict(found.get(labels, ()))
        missing += [(dict(labels), at, value) for at, value in samples.items() if at not in now]
        wrong += [(dict(labels), at, value, now[at]) for at, value in samples.items() if now.get(at, value) != value]
    for labels, samples in found.items():
        series = int(dict(labels).get("series", "999"))
        for (at, value), (later, bigger) in zip(samples, samples[1:]):
            if later <= at or bigger <= value:
                wrong.append((dict(labels), at, value, later, bigger))
        wrong += [(dict(labels), at, value) for at, value in samples if value % 1000 != series]
    return missing, wrong, sum(map(len, found.values()))


def test(checks, folder):
    oracle = Oracle()
    server = Server(folder, "skein", CONFIG.format(ms=SCRAPE_MS, targets=oracle.addresses()))
    server.start()
    witness = Witness(server)
    dice = random.Random(SEED)
    say(f"{ROUNDS} kills, seed {SEED}")
    for number in range(1, ROUNDS + 1):
        before = witness.newest
        witness.start()
        checks.that(
            wait_until(lambda before=before: witness.newest > before, FIRST_SCRAPE_SECONDS_MAX),
            f"round {number}: new samples appear within {FIRST_SCRAPE_SECONDS_MAX} s of the start",
        )
        time.sleep(dice.uniform(*ROUND_SECONDS))
        server.kill()
        witness.stop()
        if number % 4 == 0:  # and once more while it starts
            server.start(wait=False)
            time.sleep(dice.uniform(0, 0.15))
            server.kill()
        begun = time.monotonic()
        server.start()
        took = time.monotonic() - begun
        missing, wrong, stored = lost(witness, server)
        say(f"round {number}: {witness.count()} samples seen, {stored} stored, ready after {took:.2f} s")
        good = checks.that(not missing, f"round {number}: {len(missing)} samples are lost", missing[:3])
        good &= checks.that(not wrong, f"round {number}: {len(wrong)} samples are wrong", wrong[:3])
        good &= checks.that(not witness.changed, f"round {number}: samples changed under the reader", witness.changed[:3])
        if not good:
            return
    checks.that(witness.count() > ROUNDS * TARGETS * SERIES_PER_TARGET * 3, "the load was one", witness.count())
    code, took = server.stop()
    checks.equal(code, 0, f"exit code after SIGTERM ({took:.1f} s)")


if __name__ == "__main__":
    main(test)
