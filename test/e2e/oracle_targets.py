"""Targets that count how they are scraped (examples/cluster/synthetic_targets.py) as a child of a test."""

import os
import sys

import lib

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "cluster")
sys.path.append(EXAMPLES)

# pylint: disable=wrong-import-position,unused-import
from synthetic_targets import POPULATION_COUNTED, POPULATION_METRIC, POPULATION_SERIES  # noqa: E402,F401

START_SECONDS_MAX = 10


class Oracle:
    """What was served, when and to whom; and what is served from now on."""

    def __init__(self, folder, targets, address="127.0.0.1", population=False, padding=0):
        self.host = address
        self.port = lib.free_port(address)
        self.address = f"{address}:{self.port}"
        program = os.path.join(EXAMPLES, "synthetic_targets.py")
        command = [sys.executable, program, f"--listen={self.address}", f"--targets={targets}", f"--padding={padding}"]
        if population:
            command.append("--population")
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
