"""What one query adds to the memory of a server that has just started.

A server that has answered before holds memory that it would take again: freed, not yet collected, or kept for
reuse. How much of a query's memory was there already cannot be told from outside, so each figure has a process of
its own. Memory that stands for files (blocks that are mapped) is the kernel's to take back and does not count.
"""
import threading
import time

from . import machine
from .query_data import END_S
from .query_servers import requests_for

SETTLE_S = 0.5
LOOK_S = 0.002
# Below this a difference says nothing: the kernel counts pages in batches for each CPU.
FLOOR_BYTES = 1 << 20
FIRST_QUERIES = 3


class Watch:
    """The most anonymous memory of a process, looked at all the time."""

    def __init__(self, pid):
        self.most = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._over.is_set():
            self.most = max(self.most, machine.process_memory(self._pid)["anon"])
            time.sleep(LOOK_S)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def peak_bytes(target, query):
    """The most anonymous memory while a new server answers, above what it had before.

    The kernel keeps the peak of all resident memory only. Less what stands for files at the end (mappings
    only fill up) it is no more than the anonymous peak, and nor is what was seen: the larger one counts."""
    for _ in range(FIRST_QUERIES):  # what any first query needs: threads, connections
        target.ask("query", {"query": "vector(1)", "time": END_S - 1})
    time.sleep(SETTLE_S)
    before = machine.process_memory(target.pid)["anon"]
    known = machine.reset_peak(target.pid)
    with Watch(target.pid) as watch:
        target.ask_all(requests_for(target, query))
    after = machine.process_memory(target.pid)
    most = max(watch.most, after["anon"])
    if known:
        most = max(most, after["peak"] - (after["rss"] - after["anon"]))
    return max(0, most - before)
