"""Targets that count how they are scraped as a child of a test: examples/cluster/synthetic_targets.py, or skein-farm, which plays many
for little and knows when it did not run in time."""

import os
import sys

import lib

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "cluster")
sys.path.append(EXAMPLES)

# pylint: disable=wrong-import-position,unused-import
from synthetic_targets import POPULATION_COUNTED, POPULATION_METRIC, POPULATION_SERIES  # noqa: E402,F401

START_SECONDS_MAX = 10
FARM = os.environ.get("SKEIN_FARM") or os.path.join(os.path.dirname(lib.BINARY), "skein-farm")


class Oracle:
    """What was served, when and to whom; and what is served from now on."""

    def __init__(self, folder, targets, address="127.0.0.1", population=False, padding=0):
        program = os.path.join(EXAMPLES, "synthetic_targets.py")
        self._place(address)
        command = [sys.executable, program, f"--listen={self.address}", f"--targets={targets}", f"--padding={padding}"]
        if population:
            command.append("--population")
        self._start(command, folder)

    def _place(self, address):
        self.host = address
        self.port = lib.free_port(address)
        self.address = f"{address}:{self.port}"

    def _start(self, command, folder):
        self.child = lib.spawn(command, os.path.join(folder, "oracle.log"))
        if not lib.wait_until(self.answers, START_SECONDS_MAX):
            raise AssertionError("the oracle does not answer")

    def answers(self):
        try:
            return self.ask("GET", "/sd") is not None
        except OSError:
            return False

    def ask(self, method, path):
        return lib.request(self.port, method, path, host=self.host).json()

    def set_targets(self, count):
        self.ask("POST", f"/targets?count={count}")

    def fail(self, *targets):
        self.ask("POST", "/fail?targets=" + ",".join(map(str, targets)))

    def served(self, start_ms=0, end_ms=float("inf")):
        """{target: [(number, ms, client)]}"""
        found = self.ask("GET", f"/served?from={start_ms}&to={end_ms}")
        return {int(target): [tuple(one) for one in scrapes] for target, scrapes in found.items()}

    def late(self, start_ms=0, end_ms=float("inf")):
        """[(ms, late_ms)]: when the oracle itself did not run in time, as far as it knows."""
        del self, start_ms, end_ms
        return []


class QuickOracle(Oracle):
    """The same in C++, for many targets. What is served stays as it is."""

    def __init__(self, folder, targets, address="127.0.0.1"):  # pylint: disable=super-init-not-called
        self._place(address)
        self._start([FARM, "oracle", f"--host={address}", f"--port={self.port}", f"--targets={targets}"], folder)

    @staticmethod
    def is_built():
        return os.access(FARM, os.X_OK)

    def late(self, start_ms=0, end_ms=float("inf")):
        return [tuple(one) for one in self.ask("GET", f"/late?from={start_ms:.0f}&to={end_ms:.0f}")]
