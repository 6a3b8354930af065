#!/usr/bin/env python3
"""What happens when memory gets short: queries are refused first, then new series, and series that are there go on.

A server with a small --storage.memory-limit scrapes targets that grow without end. Its resident memory is looked at
all the time. Then the targets shrink again, the head lets their series go, and everything goes on.
"""

import http.client
import re
import threading
import time

from exporter import Exporter
from lib import STANDIN, Server, main, say, skip, wait_until

LIMIT_MB = 96
LIMIT_BYTES = LIMIT_MB << 20
TARGETS = 24
STEP = 250  # series that each of them grows by
STEP_SECONDS = 1.0
STEADY = 100
RESERVE = 1 / 8  # of the limit, which queries leave to series
# That may come between two looks at what is in use, a quarter of a second apart: series that queries have not yet given
# way to, pages that are being scraped, a commit on its way to the log.
LOOK_BYTES = 16 << 20
# Resident memory of the process' own (mapped files are not its own) may pass the limit by that, and by as much again
# that nobody uses any more and the allocator has not yet given back: it is asked to with every look. A block that is
# cut has no part in this: what it takes is kept ready before.
BEYOND_BYTES = 2 * LOOK_BYTES
SCRAPED_MIN = 0.7  # of the scrapes that are due; a busy machine may miss some
GROW_SECONDS_MAX = 150  # until series are refused
FULL_SECONDS = 6  # at the limit
SHRINK_SECONDS_MAX = 120  # until all goes on: two blocks are cut
START_SECONDS_MAX = 15
FLAGS = [
    f"--storage.memory-limit={LIMIT_MB}MB",
    "--storage.tsdb.min-block-duration=15s",
    "--storage.tsdb.max-block-duration=15s",
    "--storage.tsdb.block-reload-interval=1s",
]
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: steady
    metrics_path: /steady
    static_configs: [{{targets: ["{address}"]}}]
"""
GROWING_JOB = """
  - job_name: growing-{number}
    metrics_path: /growing/{number}
    static_configs: [{{targets: ["{address}"]}}]
"""


class Targets:
    """One that stays as it is, and many that have `size` series each."""

    def __init__(self):
        self.size = 0
        self.exporter = Exporter()
        self._pages = {}
        self.exporter.page("/steady", lambda _: "".join(f'steady{{n="{n}"}} {time.time():.3f}\n' for n in range(STEADY)))
        self.config = CONFIG.format(address=self.exporter.address)
        for number in range(TARGETS):
            self.exporter.page(f"/growing/{number}", lambda _, number=number: self._growing(number))
            self.config += GROWING_JOB.format(number=number, address=self.exporter.address)

    def _growing(self, number):
        size, page = self._pages.get(number, (0, ""))
        if size != self.size:
            page = "".join(
                f'growing{{path="/a/path/of/some/length/that/no/other/series/has/{number}/{n}",code="200"}} 1\n'
                for n in range(self.size)
            )
            self._pages[number] = (self.size, page)
        return page


class Watch:
    """Looks at what is resident, and asks a query, all the time."""

    def __init__(self, server):
        self.server = server
        self.rss_max = 0
        self.refusals = []
        self.wrong = []
        threading.Thread(target=self._look, daemon=True).start()
        threading.Thread(target=self._ask, daemon=True).start()

    def _look(self):
        while self.server.alive():
            try:
                self.rss_max = max(self.rss_max, self.server.rss_bytes("RssAnon"))
            except (OSError, AssertionError):
                pass
            time.sleep(0.05)

    def _ask(self):
        while self.server.alive():
            try:
                answer = self.server.get("/api/v1/query", query='count({__name__=~".+"})')
                self._judge(answer)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if self.server.alive():
                    self.wrong.append(repr(error))
            time.sleep(0.3)

    def _judge(self, answer):
        if answer.status == 200:
            return
        envelope = answer.json()
        self.refusals.append(envelope.get("error", ""))
        if answer.status != 422 or envelope.get("errorType") != "execution":
            self.wrong.append(f"{answer.status} {answer.text[:200]}")


def figures(server):
    names = (
        "skein_memory_used_bytes",
        "skein_memory_unaccounted_bytes",
        "skein_upkeep_memory_kept_bytes",
        "skein_query_memory_limit_bytes",
    )
    used, unaccounted, kept, queries = (round((server.metric(name) or 0) / (1 << 20)) for name in names)
    series = server.metric("prometheus_tsdb_head_series")
    return (
        f"{series:.0f} series, {refused(server):.0f} refused, resident {server.rss_bytes('RssAnon') >> 20} MiB, used {used} "
        f"({unaccounted} unaccounted, {kept} kept for a cut), left for queries {queries}"
    )


def refused(server):
    return server.metric("skein_head_series_refused_total") or 0.0


def default_limit(checks, folder):
    """Without the flag the limit is 75 % of what there is, and is told."""
    server = Server(folder, "default", "global: {}\n").start()
    limit = server.metric("skein_memory_limit_bytes")
    with open("/proc/meminfo", encoding="ascii") as file:
        machine = int(re.search(r"MemTotal: *(\d+)", file.read()).group(1)) * 1024
    checks.that(0 < limit <= 0.76 * machine, "the default limit is 75 % of the machine's memory or less", limit)
    checks.equal(server.api("status/runtimeinfo")["GOMEMLIMIT"], int(limit), "the limit in status/runtimeinfo")
    first = server.log().splitlines()[0]
    checks.contains(first, f"memory_limit_bytes={int(limit)}", "the limit in the log")
    checks.contains(first, ("75 % of the machine's", "75 % of the cgroup's"), "where the limit comes from, in the log")
    server.stop()


def at_the_limit(server):
    """Series have been refused, and not only while a block was cut: queries have nothing left either."""
    return refused(server) > 0 and server.metric("skein_query_memory_limit_bytes") == 0


def grow(checks, server, targets, watch):
    """Until new series are refused. Queries are refused before."""
    deadline = time.monotonic() + GROW_SECONDS_MAX
    steps, beyond = 0, []
    while not at_the_limit(server) and time.monotonic() < deadline:
        targets.size += STEP
        steps += 1
        if steps % 10 == 0:
            say("  ", figures(server))
        time.sleep(STEP_SECONDS)
        page = server.get("/metrics").text
        used, queries, left = (
            float(re.search(rf"^{name} (.*)$", page, re.M).group(1))
            for name in ("skein_memory_used_bytes", "skein_query_memory_used_bytes", "skein_query_memory_limit_bytes")
        )
        if left > max(0.0, (1 - RESERVE) * LIMIT_BYTES - (used - queries)) + LOOK_BYTES:
            beyond.append((used, queries, left))
    say("  ", figures(server))
    checks.that(refused(server) > 0, f"new series are refused within {GROW_SECONDS_MAX} s", figures(server))
    checks.equal(beyond, [], "queries leave an eighth of the limit to series")
    none = wait_until(lambda: server.metric("skein_query_memory_limit_bytes") == 0, 5)
    checks.that(none, "queries have nothing left when new series are refused", figures(server))
    wait_until(lambda: watch.refusals, 10)
    named = [error for error in watch.refusals if "memory limit" in error and "--storage.memory-limit" in error]
    checks.that(named, "the error of a refused query names the limit", watch.refusals[:3])


def full(checks, server, targets):
    """At the limit: who is refused is named, and what is there goes on."""
    targets.size += STEP
    kept = server.metric("skein_upkeep_memory_kept_bytes")
    checks.that(0 < kept <= LIMIT_BYTES / 4, "at most a quarter of the limit is kept ready for the next cut", kept)
    begun = time.time()
    time.sleep(FULL_SECONDS)
    say("  ", figures(server))
    jobs = {one["job"] for one in server.api("status/storage")["refusedSeries"]}
    checks.that(jobs and all(job.startswith("growing-") for job in jobs), "refused series are named by target", jobs)
    lines = [line for line in server.log().splitlines() if "new series refused" in line]
    checks.that(lines, "the log says that series are refused")
    checks.that(all("job=growing-" in line and "storage.memory-limit" in line for line in lines), "whose, and why", lines[:2])
    checks.that(len(lines) <= 2 + (time.time() - begun) / 10 + 1, "and says it rarely", len(lines))
    bad = [one for one in server.api("targets")["activeTargets"] if one["health"] == "down"]
    checks.equal([], [(one["labels"]["job"], one["lastError"]) for one in bad][:3], "targets whose scrapes fail at the limit")
    return begun, kept


def patiently(ask):
    """The answer of a query that may be refused at first."""

    def answer():
        try:
            return [ask()]
        except AssertionError as error:
            return "memory limit" not in str(error) and [ask()]

    return wait_until(answer, SHRINK_SECONDS_MAX, 0.5)[0]


def gapless(checks, server, since, until):
    """Series that were there before the limit have a sample for every second at the limit."""
    seconds = int(until - since)
    for query in (f'steady{{n="1"}}[{seconds}s]', f'up{{job="steady"}}[{seconds}s]'):
        found = patiently(lambda query=query: server.samples(query, until))
        counts = [len(samples) for samples in found.values()]
        checks.that(len(counts) == 1 and counts[0] >= SCRAPED_MIN * seconds, f"samples of {query} at the limit", counts)
    failed = f'count_over_time((up{{job="steady"}} == 0)[{seconds}s:1s])'
    down = patiently(lambda: server.value(failed, until))
    checks.equal(down, None, "failed scrapes of the steady target at the limit")


def shrink(checks, server, targets, kept):
    """The growing targets have nothing any more: their series leave the head, and everything goes on."""
    targets.size = 0
    targets.exporter.page("/growing/0", lambda _: 'grown_later{a="1"} 1\n')

    def goes_on():
        answer = server.get("/api/v1/query", query="count(grown_later)")
        return answer.status == 200 and answer.json()["data"]["result"]

    back = wait_until(goes_on, SHRINK_SECONDS_MAX, 0.5)
    say("  ", figures(server))
    checks.that(back, "queries and new series go on below the limit", figures(server))
    few = wait_until(lambda: server.metric("prometheus_tsdb_head_series") < 1000, SHRINK_SECONDS_MAX, 0.5)
    checks.that(few, "series that ended leave the head", figures(server))
    limit = wait_until(lambda: server.metric("skein_query_memory_limit_bytes") > LIMIT_BYTES / 10, 60, 0.5)
    say("  ", figures(server))
    checks.that(limit, "queries have a tenth of the limit again", figures(server))
    taken = server.metric("skein_upkeep_memory_max_bytes")
    say(f"   a cut took {taken / (1 << 20):.1f} MiB at most")
    checks.that(0 < taken <= kept, "cuts took no more than was kept ready at the limit", (taken, kept))
    before = refused(server)
    time.sleep(3)
    checks.equal(refused(server), before, "no more series are refused")


def test(checks, folder):
    if STANDIN:
        skip("only Skein has a memory limit")
    checks.run("the default", default_limit, checks, folder)
    targets = Targets()
    server = Server(folder, "skein", targets.config, FLAGS).start()
    if sanitized(server):
        skip("a sanitizer takes several times the memory")
    watch = Watch(server)
    wait_until(lambda: server.vector("steady"), START_SECONDS_MAX, 0.2)
    checks.run("growing", grow, checks, server, targets, watch)
    since, kept = full(checks, server, targets)
    until = time.time()
    checks.run("shrinking", shrink, checks, server, targets, kept)
    checks.run("samples at the limit", gapless, checks, server, since, until)
    say(f"resident memory at most {watch.rss_max >> 20} MiB; {len(watch.refusals)} queries refused")
    checks.that(watch.rss_max <= LIMIT_BYTES + BEYOND_BYTES, "resident memory", f"{watch.rss_max >> 20} MiB of {LIMIT_MB}")
    checks.equal(watch.wrong[:3], [], "every query is answered or refused with a typed error")
    checks.equal(server.stop()[0], 0, "exit code")


def sanitized(server):
    """Shadow memory is terabytes of addresses."""
    return server.rss_bytes("VmSize") > 1 << 40


if __name__ == "__main__":
    main(test)
