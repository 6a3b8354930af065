#!/usr/bin/env python3
"""Targets, queries and clients that mean harm, beside twenty good targets that must not notice.

Bad targets get up = 0 and a reason, memory stays under a ceiling, the good targets' scrapes stay on time, and the
server answers its probes throughout.
"""

import atexit
import gzip
import http.client
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

from exporter import Exporter, shut_hard
from lib import NIGHTLY, Server, main, request, say, wait_until

GOOD_TARGETS = 20
INTERVAL = 1.0
WATCH_SECONDS = 120 if NIGHTLY else 30
START_SECONDS_MAX = 15
MEMORY_LIMIT = "512MB"  # what the server is told
RSS_CEILING_BYTES = 800 << 20  # what it may hold with every bad target at once: the limit, code, stacks and pages of the heap
BOMB_BYTES = 10 << 30
LATE_MS_MAX = 500  # how far from the interval a good target's scrape may lie, beside what the machine is late itself
WINDOWS_MAX = 3  # looked at for scrapes that are on time
STRETCH_MAX = 3.0  # what other work may be blamed for
WAITED_MAX = 0.1  # of the time that threads that scrape want to run; from then on the machine has other work

SERVE = "--serve-bad-targets"

CONFIG = """
global:
  scrape_interval: 1s
  scrape_timeout: 900ms
scrape_configs:
  - job_name: good
    static_configs:
      - targets: [{good}]
"""
BAD_JOB = """
  - job_name: {name}
    metrics_path: /{name}
    {more}
    static_configs:
      - targets: ["{address}"]
"""


# --- bad pages ---------------------------------------------------------------------------------------------------


def page_of(text, **headers):
    return lambda _: (200, {name.replace("_", "-"): value for name, value in headers.items()}, text)


def truncated_gzip(_):
    whole = gzip.compress(b"good_one 1\n" * 10000)
    return 200, {"Content-Encoding": "gzip"}, whole[: len(whole) // 2]


def head(request_, *lines):
    """The beginning of an answer without a length: it ends with the connection."""
    text = "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: text/plain; version=0.0.4", "Connection: close") + lines)
    request_.wfile.write(text.encode() + b"\r\n\r\n")


def bomb_of(unit):
    """Ten gigabytes of a repeated unit as gzip, about ten megabytes on the wire, compressed once."""
    block = unit * ((1 << 20) // len(unit))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)

    def bomb(request_):
        head(request_, "Content-Encoding: gzip")
        request_.wfile.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
        # After a full flush the same bytes mean the same text again.
        for _ in range(BOMB_BYTES // len(block)):
            request_.wfile.write(first)

    return bomb


def endless(request_):
    head(request_)
    number = 0
    while True:
        request_.wfile.write("".join(f'endless{{n="{number + one}"}} 1\n' for one in range(2000)).encode())
        number += 2000


def endless_line(request_):
    head(request_)
    while True:
        request_.wfile.write(b"a" * 65536)


def endless_headers(request_):
    request_.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        request_.wfile.write(b"X-More: " + b"x" * 8000 + b"\r\n")


def huge_header(request_):
    head(request_, "X-Huge: " + "x" * (12 << 20))
    request_.wfile.write(b"late 1\n")


def drip(request_):
    head(request_)
    while True:
        request_.wfile.write(b"d")
        request_.wfile.flush()
        time.sleep(0.05)


def drip_headers(request_):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: " + b"b" * 10**6:
        request_.wfile.write(bytes([byte]))
        request_.wfile.flush()
        time.sleep(0.05)


def reset_in_body(request_):
    head(request_, "Content-Length: 100000")
    request_.wfile.write(b"begun 1\n")
    request_.wfile.flush()
    time.sleep(0.05)
    return shut_hard(request_)


def short_body(request_):
    head(request_, "Content-Length: 100000")
    request_.wfile.write(b"begun 1\n")


def no_http(request_):
    request_.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def bad_chunks(request_):
    head(request_, "Transfer-Encoding: chunked")
    request_.wfile.write(b"ZZZ\r\ngood_one 1\n\r\n0\r\n\r\n")


def silent(_):
    time.sleep(5)
    return ""


def many_redirects(request_):
    return 302, {"Location": f"http://127.0.0.1:{request_.server.server_address[1]}/redirect_loop"}, ""


BAD = {
    # name: (page, more configuration)
    "malformed": (page_of("good_one 1\nbad{ 2\n"), ""),
    "no_value": (page_of("good_one 1\nbad_one\n"), ""),
    "bad_number": (page_of("bad_one 1x\n"), ""),
    "unclosed": (page_of('bad_one{a="b 1\n'), ""),
    "binary": (page_of(bytes(range(255, -1, -1)) * 100), ""),
    "bad_utf8": (page_of(b'bad_one{a="\xff\xfe"} 1\n'), ""),
    "html": (page_of("<html><body>It works!</body></html>"), ""),
    "truncated_gzip": (truncated_gzip, ""),
    "false_gzip": (page_of("good_one 1\n", Content_Encoding="gzip"), ""),
    "bomb_zeros": (bomb_of(b"\0"), ""),
    "bomb_comments": (bomb_of(b"# a comment that goes on and on\n"), ""),
    "bomb_limited": (bomb_of(b"# a comment that goes on and on\n"), "body_size_limit: 1MB"),
    "endless": (endless, ""),
    "endless_limited": (endless, "body_size_limit: 1MB"),
    "endless_line": (endless_line, ""),
    "endless_headers": (endless_headers, ""),
    "huge_header": (huge_header, ""),
    "drip": (drip, ""),
    "drip_headers": (drip_headers, ""),
    "reset": (shut_hard, ""),
    "reset_in_body": (reset_in_body, ""),
    "short_body": (short_body, ""),
    "no_http": (no_http, ""),
    "bad_chunks": (bad_chunks, ""),
    "silent": (silent, ""),
    "redirect_loop": (many_redirects, ""),
    "long_value_limited": (page_of('bad_one{a="' + "v" * (1 << 20) + '"} 1\n'), "label_value_length_limit: 65536"),
    "many_labels_limited": (page_of("bad_one{" + ",".join(f'l{n}="v"' for n in range(5000)) + "} 1\n"), "label_limit: 100"),
    "many_series_limited": (page_of("".join(f'bad_one{{n="{n}"}} 1\n' for n in range(50000))), "sample_limit: 1000"),
}

# Prometheus takes these; a limit of our own may refuse them. Either way the server must stay well.
ODD = {
    "long_value": (page_of('odd{a="' + "v" * (1 << 20) + '"} 1\n'), ""),
    "many_labels": (page_of("odd{" + ",".join(f'l{n}="v"' for n in range(2000)) + "} 1\n"), ""),
    "wrong_type": (page_of("odd 1\n", Content_Type="image/png"), ""),
    "no_type": (page_of("odd 1\n", Content_Type=None), ""),
    "nul_value": (page_of(b'odd{a="a\0b"} 1\n'), ""),
}

# What lastError must speak of; for the others any reason will do.
REASONS = {
    "truncated_gzip": ("gzip", "unexpected eof", "truncated"),
    "bomb_limited": "body size limit exceeded",
    "endless_limited": "body size limit exceeded",
    "long_value_limited": "label_value_length_limit exceeded",
    "many_labels_limited": "label_limit exceeded",
    "many_series_limited": "sample limit exceeded",
    "redirect_loop": "redirect",
    "silent": ("deadline exceeded", "timed out", "timeout"),
    "drip": ("deadline exceeded", "timed out", "timeout"),
    "drip_headers": ("deadline exceeded", "timed out", "timeout"),
    "reset": ("reset", "eof", "closed"),
    "bad_utf8": "utf",
}


class Good:
    """Targets whose page changes with each scrape."""

    def __init__(self):
        self.exporters = []
        for _ in range(GOOD_TARGETS):
            self.exporters.append(Exporter().page("/metrics", self._page()))

    @staticmethod
    def _page():
        numbers = iter(range(10**9))
        return lambda _: f"number {next(numbers)}\n" + "".join(f'steady{{n="{n}"}} {n}\n' for n in range(50))

    def addresses(self):
        return ", ".join(f'"{exporter.address}"' for exporter in self.exporters)


class Watch:
    """Looks at memory and probes all the time."""

    def __init__(self, server):
        self.server = server
        self.rss_max = 0
        self.probes = 0
        self.slow = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while self.server.alive():
            try:
                self.rss_max = max(self.rss_max, self.server.rss_bytes())
                begun = time.monotonic()
                request(self.server.port, "GET", "/-/healthy", timeout=10)
                took = time.monotonic() - begun
                self.probes += 1
                if took > 1:
                    self.slow.append(round(took, 2))
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.slow.append(repr(error))
            time.sleep(0.1)


BEAT = """
import os, time
test = os.getppid()
while os.getppid() == test:  # it ends with the test, however that ends
    begun = time.time()
    time.sleep(0.02)
    late = time.time() - begun - 0.02
    if late > 0.05:
        print(time.time(), late, flush=True)
"""


class Beat:
    """How late the machine lets a process be that wants nothing but to wake up: other work on it delays the server as
    well, and says nothing about it. Nothing is noted on a machine without other work."""

    def __init__(self):
        self.late = []  # (Unix time, ms)
        self._child = subprocess.Popen([sys.executable, "-c", BEAT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        atexit.register(self._child.kill)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        for line in self._child.stdout:
            at, late = line.split()
            self.late.append((float(at), 1000 * float(late)))

    def worst_ms(self, since, until):
        return max((late for at, late in self.late if since <= at <= until + 1), default=0.0)


def lane_times(server):
    """Seconds that the threads that scrape have run, and that they have waited for a processor."""
    ran = waited = 0
    folder = f"/proc/{server.child.pid}/task"
    for task in os.listdir(folder):
        try:
            with open(f"{folder}/{task}/comm", encoding="ascii") as comm, open(f"{folder}/{task}/schedstat", encoding="ascii") as stat:
                if comm.read().strip() == "scrape":
                    times = stat.read().split()
                    ran, waited = ran + int(times[0]), waited + int(times[1])
        except OSError:
            pass  # a thread that has ended; or a kernel that does not tell
    return ran / 1e9, waited / 1e9


def stretch_of(before, after):
    """How many times as long as alone everything takes when processors are shared with other work. 1 when nobody waits
    for more than a tenth of the time."""
    ran, waited = after[0] - before[0], after[1] - before[1]
    if ran <= 0 or waited <= WAITED_MAX * (ran + waited):
        return 1.0
    return min(STRETCH_MAX, (ran + waited) / ran)


def windows(checks, beat, server, what, step, *arguments):
    """Runs a step until the good targets were on time beside it, three times at most."""
    for window in range(WINDOWS_MAX):
        start, before = time.time(), lane_times(server)
        step(*arguments)
        last = window + 1 == WINDOWS_MAX
        stretch = stretch_of(before, lane_times(server))
        if on_time(checks, server, start, what, stretch, beat.worst_ms(start, time.time()), last):
            return
        if not last:
            say(f"   {what}: not all on time, looked at once more")


def on_time(checks, server, since, what, stretch, late_ms, last):
    """Whether the good targets were scraped at every interval between `since` and now, with what the machine's other
    work takes from that; a failure if it is the last window that is looked at."""
    now = time.time()
    allowed = LATE_MS_MAX * stretch + late_ms
    missed_max = max(1, int(stretch))
    seconds = max(2, int(now - since))
    found = server.samples(f'up{{job="good"}}[{seconds}s]', now)
    checks.equal(len(found), GOOD_TARGETS, f"{what}: good targets with samples")
    worst, missed, down, fewest = 0.0, 0, 0, seconds
    for samples in found.values():
        times = [at for at, _ in samples]
        steps = [later - at for at, later in zip(times, times[1:])]
        missed = max([missed] + [round(step / (INTERVAL * 1000)) - 1 for step in steps])
        worst = max([worst] + [abs(step - INTERVAL * 1000) for step in steps if step < 1.5 * INTERVAL * 1000])
        down += sum(value != 1 for _, value in samples)
        fewest = min(fewest, len(times))
    say(
        f"{what}: in {seconds} s the farthest scrape was {worst:.0f} ms off ({allowed:.0f} are allowed), at most {missed} "
        f"missed in a row, {down} failed; other work stretches time by {stretch:.1f}"
    )
    enough = seconds / INTERVAL - 3 * stretch
    if fewest >= enough and missed <= missed_max and worst <= allowed and down == 0:
        checks.count += 4
        return True
    if last:
        checks.that(fewest >= enough, f"{what}: scrapes of a good target", f"{fewest} in {seconds} s")
        checks.that(missed <= missed_max, f"{what}: no two scrapes of a good target are missed in a row", missed)
        checks.that(worst <= allowed, f"{what}: scrapes of good targets are on time", f"{worst:.0f} ms")
        checks.equal(down, 0, f"{what}: failed scrapes of good targets")
    return False


def targets(checks, beat, server, watch):
    windows(checks, beat, server, "beside bad targets", time.sleep, WATCH_SECONDS)
    state = {one["labels"]["job"]: one for one in server.api("targets")["activeTargets"] if one["labels"]["job"] != "good"}
    ups = {dict(labels)["job"]: value for labels, value in server.vector("up").items()}
    for name in bad_targets(server):
        if not checks.that(name in state, f"target {name} is listed"):
            continue
        checks.equal(ups.get(name), 0.0, f"up of {name}")
        checks.equal(state[name]["health"], "down", f"health of {name}")
        error = state[name]["lastError"]
        checks.that(error, f"lastError of {name}")
        checks.that(len(error) <= 2000, f"lastError of {name} is short", len(error))
        if name in REASONS:
            checks.contains(error, REASONS[name], f"lastError of {name}")
        say(f"   {name}: {error[:110]}")
    for name in ODD:
        say(f"   {name}: up {ups.get(name)}, {state[name]['lastError'][:110]}")
        good = ups.get(name) == (0.0 if state[name]["lastError"] else 1.0)
        checks.that(good, f"{name}: up and lastError agree", (ups.get(name), state[name]["lastError"][:200]))
    for query in ("good_one", "bad_one", "begun", "late", "endless"):
        checks.equal(len(server.vector(query)), 0, f"nothing is stored of failed scrapes: {query}")
    say(f"resident memory at most {watch.rss_max >> 20} MiB")
    if checks.skein_only("memory stays under the ceiling"):
        checks.that(watch.rss_max < RSS_CEILING_BYTES, "resident memory", f"{watch.rss_max >> 20} MiB")


def bad_targets(server):
    # Prometheus reads a body without limit whole before it looks at it.
    unlimited = ("bomb_zeros", "bomb_comments", "endless", "endless_line")
    return [name for name in BAD if not server.is_prometheus or name not in unlimited]


# --- queries -----------------------------------------------------------------------------------------------------


def hostile_queries(checks, server):
    branches = "|".join(f"value{n}x" for n in range(10000))
    deep = 10000
    cases = [
        # name, query, statuses that are right
        ("a regular expression with 10,000 branches", f'steady{{n=~"{branches}"}}', (200, 400, 422)),
        ("a regular expression that grows when it is compiled", 'steady{n=~"((a{100}){100}){100}"}', (400, 422)),
        ("a regular expression that backtracks elsewhere", 'steady{n=~"(a+)+(a+)+(a+)+b"}', (200,)),
        ("10,000 parentheses", "(" * deep + "1" + ")" * deep, (200, 400, 422)),
        ("10,000 open parentheses", "(" * deep, (400, 422)),
        ("10,000 signs", "-" * deep + "1", (200, 400, 422)),
        ("10,000 nested functions", "abs(" * deep + "steady" + ")" * deep, (200, 400, 422, 503)),
        ("10,000 additions", "+".join(["1"] * deep), (200, 400, 422, 503)),
        ("10,000 nested subqueries", "max_over_time(" * deep + "steady" + "[5m:1m])" * deep, (200, 400, 422, 503)),
        ("a query of 1 MB", "steady + " + "1" * (1 << 20), (200, 400, 413, 422)),
        ("a label value of 1 MB", 'steady{n="' + "x" * (1 << 20) + '"}', (200, 400, 413, 422)),
        ("a long number", "1e" + "9" * 100000, (200, 400)),
        ("no UTF-8", b"steady{n=\"\xff\xfe\"}", (200, 400)),
        ("NUL bytes", "steady\0{}", (400,)),
        ("an immense range", "sum_over_time(steady[100000y])", (200, 400)),
        ("an immense subquery", "sum_over_time(steady[1y:1ms])", (200, 400, 422, 503)),
        ("an immense offset", "steady offset 292277024y", (200, 400)),
        ("an immense product", "count(" + " * ".join(f"on() group_left() sum(steady{{n=\"{n}\"}})" for n in range(3)) + ")", (400,)),
        ("count_values with a wild label", 'count_values("\\xff", steady)', (400, 422, 200)),
    ]
    for name, query, statuses in cases:
        if name == "an immense subquery" and not checks.skein_only(name):
            continue  # Prometheus 2.42 ends for want of memory
        begun = time.monotonic()
        try:
            answer = server.post("/api/v1/query", query=query, timeout="10s")
        except (OSError, http.client.HTTPException) as error:
            checks.that(False, f"{name}: no answer", repr(error))
            continue
        took = time.monotonic() - begun
        say(f"   {name}: {answer.status} after {took:.2f} s, {answer.text[:120]!r}")
        checks.that(answer.status in statuses, f"{name}: status", (answer.status, answer.text[:300]))
        checks.that(took < 15, f"{name}: time", took)
        if answer.status in (400, 422, 503):
            envelope = answer.json()
            checks.equal(envelope.get("status"), "error", f"{name}: envelope")
            checks.that(envelope.get("errorType") and envelope.get("error"), f"{name}: type and text", str(envelope)[:300])
        if not server.alive():
            raise AssertionError(f"{name} ended the server")
    for query, position in (("sum(steady) by (", "1:"), ("steady{n=~'('}", ""), ("1 +\n+ * 2", "2:3")):
        answer = server.get("/api/v1/query", query=query)
        checks.equal((answer.status, answer.json()["errorType"]), (400, "bad_data"), f"malformed {query!r}")
        checks.contains(answer.json()["error"], position, f"malformed {query!r}: the error has the position")
    checks.equal(len(server.vector('up{job="good"} == 1')), GOOD_TARGETS, "the server goes on after hostile queries")


def many_queries(checks, server):
    """More expensive queries at once than may run at once: each gets an answer."""
    statuses, lock = {}, threading.Lock()

    def ask():
        try:
            params = {"query": "sum(sum_over_time(steady[1h:1s]))", "timeout": "5s"}
            status = server.get("/api/v1/query", **params).status
        except (OSError, http.client.HTTPException) as error:
            status = repr(error)
        with lock:
            statuses[status] = statuses.get(status, 0) + 1

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    say("60 queries at once:", statuses)
    checks.equal(sum(statuses.values()), 60, "every query is answered")
    checks.that(set(statuses) <= {200, 422, 503}, "answers are results or typed errors", statuses)


# --- clients -----------------------------------------------------------------------------------------------------


def talk(server, data, seconds=5.0, close_write=False):
    """What the server says to raw bytes until it closes or the time is up; None: still open and silent."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as client:
        client.settimeout(seconds)
        try:
            client.sendall(data)
            if close_write:
                client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused early, the answer may still be there
        answer, deadline = b"", time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                part = client.recv(65536)
                if not part:
                    return answer
                answer += part
        except socket.timeout:
            return answer or None
        except OSError:
            return answer
        return answer


def hostile_clients(checks, server):
    host = b"Host: x\r\n"
    cases = [
        # name, bytes, what the first line may hold (b"" stands for a connection that is closed without a word)
        ("no HTTP", b"\x16\x03\x01\x02\x00garbage\r\n\r\n", (b" 400", b"")),
        ("an unknown method", b"BREW /-/healthy HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n", (b" 4", b" 501")),
        ("HTTP 9", b"GET / HTTP/9.9\r\n" + host + b"\r\n", (b" 400", b" 505", b"")),
        ("a header of 2 MB", b"GET /-/healthy HTTP/1.1\r\nX: " + b"x" * (2 << 20) + b"\r\n\r\n", (b" 431", b" 400", b"")),
        ("50,000 headers", b"GET /-/healthy HTTP/1.1\r\n" + b"X: y\r\n" * 500000 + b"\r\n", (b" 431", b" 400", b"")),
        ("a path of 2 MB", b"GET /" + b"a" * (2 << 20) + b" HTTP/1.1\r\n" + host + b"\r\n", (b" 414", b" 431", b" 400", b"")),
        ("a bad chunk", b"POST /api/v1/query HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\nfoo\r\n", (b" 4", b"")),
        ("an immense chunk", b"POST /api/v1/query HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", (b" 4", b"")),
        ("a negative length", b"POST /api/v1/query HTTP/1.1\r\n" + host + b"Content-Length: -5\r\n\r\n", (b" 4", b"")),
        ("an immense length", b"POST /api/v1/query HTTP/1.1\r\n" + host + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99999999999999\r\n\r\nquery=1", (b" 4", b"")),
        ("length and chunks", b"POST /api/v1/query HTTP/1.1\r\n" + host + b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\nquery=1", (b" 4", b"")),
        ("a bare line end in a header", b"GET /-/healthy HTTP/1.1\nHost: x\nConnection: close\n\n", (b" 200", b" 400", b"")),
        ("a NUL in a header", b"GET /-/healthy HTTP/1.1\r\nX: a\0b\r\n" + host + b"Connection: close\r\n\r\n", (b" 400", b" 200", b"")),
        ("bad percent signs", b"GET /api/v1/query?query=%zz HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n", (b" 400",)),
        ("dots in the path", b"GET /../../../../etc/passwd HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n", (b" 301", b" 302", b" 307", b" 400", b" 404")),
        ("encoded dots in the path", b"GET /assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n", (b" 301", b" 302", b" 307", b" 400", b" 404")),
    ]  # fmt: skip
    for name, data, wanted in cases:
        answer = talk(server, data, close_write=True)
        first = (answer or b"").split(b"\r\n")[0]
        good = any((part and part in first) or (not part and answer == b"") for part in wanted)
        if server.is_prometheus and name in ("an immense length", "length and chunks", "a negative length", "an immense chunk"):
            good = True  # Go reads what there is
        checks.that(good, f"{name}: the answer", (answer or b"nothing at all")[:200])
        checks.that(b"root:" not in (answer or b""), f"{name}: no file is shown")
        if not server.alive():
            raise AssertionError(f"{name} ended the server")

    # Pipelining: good requests, then garbage. The good ones are answered in their order.
    good = b"GET /-/healthy HTTP/1.1\r\n" + host + b"\r\n"
    answer = talk(server, good * 20 + b"\0\0\0 garbage\r\n\r\n", close_write=True) or b""
    checks.equal(answer.count(b"HTTP/1.1 200"), 20, "pipelined good requests are answered")
    checks.that(answer.count(b"HTTP/1.1 400") <= 1, "garbage after them gets one 400 at most")


def slowloris(checks, server):
    """Many connections that send their headers byte by byte keep nobody else waiting."""
    held = []
    for _ in range(200):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        client.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nX-A: ")
        held.append(client)
    start = time.time()
    slow = []
    while time.time() - start < 5:
        for client in held:
            try:
                client.send(b"b")
            except OSError:
                pass  # closed by the server: its right
        begun = time.monotonic()
        checks.equal(server.get("/-/healthy").status, 200, "a probe beside 200 slow clients")
        slow.append(time.monotonic() - begun)
        time.sleep(0.2)
    checks.that(max(slow) < 1, "a probe beside 200 slow clients is quick", f"{max(slow):.2f} s")
    # Half of them vanish with a reset, the others just stop.
    for client in held[::2]:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    # Readers that never read: answers do not pile up without bound.
    readers = []
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /api/v1/query?query=%7B__name__%3D~%22.%2B%22%7D%5B1h%5D HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
        readers.append(client)
    time.sleep(2)
    checks.equal(server.get("/-/healthy").status, 200, "a probe beside readers that do not read")
    for client in readers + held:
        client.close()
    checks.equal(len(server.vector('up{job="good"} == 1')), GOOD_TARGETS, "good targets beside slow clients")


def bad_exporter():
    """The address of the bad targets, in a process of their own: they must not slow the good ones down by
    sharing an interpreter with them."""
    child = subprocess.Popen([sys.executable, os.path.abspath(__file__), SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(child.kill)
    return child.stdout.readline().decode().strip()


def serve_bad_targets():
    exporter = Exporter()
    for name, (page, _) in {**BAD, **ODD}.items():
        exporter.page("/" + name, page)
    print(exporter.address, flush=True)
    sys.stdin.read()  # until the test is gone
    os._exit(0)


def queries_and_clients(checks, server):
    checks.run("queries", hostile_queries, checks, server)
    checks.run("many queries", many_queries, checks, server)
    checks.run("clients", hostile_clients, checks, server)
    checks.run("slow clients", slowloris, checks, server)


def test(checks, folder):
    good, bad = Good(), bad_exporter()
    config = CONFIG.format(good=good.addresses())
    server = Server(folder, "skein", config, ["--web.max-connections=512", f"--storage.memory-limit={MEMORY_LIMIT}"])
    for name in bad_targets(server) + list(ODD):
        more = (BAD.get(name) or ODD[name])[1]
        config += BAD_JOB.format(name=name, address=bad, more=more)
    server.write_config(config)
    server.start()
    watch = Watch(server)
    ready = wait_until(lambda: len(server.vector('up{job="good"}')) == GOOD_TARGETS, START_SECONDS_MAX, 0.2)
    checks.that(ready, "the good targets are scraped")
    beat = Beat()
    checks.run("targets", targets, checks, beat, server, watch)
    # The rest goes without the bad targets, so that its own effect shows.
    server.write_config(CONFIG.format(good=good.addresses()))
    server.signal(1)
    wait_until(lambda: len(server.api("targets")["activeTargets"]) == GOOD_TARGETS, 20, 0.2)
    time.sleep(2)
    windows(checks, beat, server, "beside hostile queries and clients", queries_and_clients, checks, server)
    say(f"{watch.probes} probes, slow ones: {watch.slow[:10]}")
    checks.that(not [one for one in watch.slow if isinstance(one, str)], "every probe is answered", watch.slow[:5])
    say(f"resident memory at most {watch.rss_max >> 20} MiB")
    if checks.skein_only("memory stays under the ceiling after queries and clients"):
        checks.that(watch.rss_max < RSS_CEILING_BYTES, "resident memory at the end", f"{watch.rss_max >> 20} MiB")
    code, took = server.stop()
    checks.equal(code, 0, f"exit code after SIGTERM ({took:.1f} s)")


if __name__ == "__main__":
    if sys.argv[1:] == [SERVE]:
        serve_bad_targets()
    main(test)
