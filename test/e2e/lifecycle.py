#!/usr/bin/env python3
"""Starting, stopping and starting again: flags, busy ports, locked folders, signals, and a damaged WAL.

The damage is exact: the test reads the WAL itself (wal.py) and knows which samples lie in whole records before the
damaged place. All of those must be there after the start, and nothing that was never written.
"""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import wal
from exporter import Exporter
from lib import Server, labels_of, main, request, run_to_end, say, spawn, wait_until

SCRAPE_MS = 200
START_SECONDS_MAX = 12  # until the first scrape is stored; Prometheus waits 5 s for its discovery
WAL_FLAGS = ["--no-storage.tsdb.wal-compression"]

CONFIG = """
global:
  scrape_interval: {ms}ms
  scrape_timeout: {ms}ms
scrape_configs:
  - job_name: oracle
    static_configs:
      - targets: ["{address}"]
"""
EMPTY_CONFIG = "global: {scrape_interval: 1m}\n"
SERIES = 30


def oracle():
    """A target whose values are the number of the scrape; .numbers lists (number, Unix time of its answer)."""
    exporter = Exporter()
    exporter.numbers = []

    def page(_):
        number = len(exporter.numbers) + 1
        exporter.numbers.append((number, time.time()))
        return "".join(f'oracle{{series="{series}"}} {number}\n' for series in range(SERIES))

    return exporter.page("/metrics", page)


def config_for(exporter):
    return CONFIG.format(ms=SCRAPE_MS, address=exporter.address)


def wait_for_samples(server, count=5):
    wait = f"count_over_time(oracle{{series='0'}}[1h]) >= {count}"
    if not wait_until(lambda: server.vector(wait), START_SECONDS_MAX, 0.1):
        raise AssertionError(f"{server.name} has not stored {count} samples within {START_SECONDS_MAX} s")


# --- flags -------------------------------------------------------------------------------------------------------


def flags(checks, folder):
    code, output = run_to_end(["--version"])
    checks.equal(code, 0, "exit code of --version")
    checks.contains(output, "version", "--version names the version")
    code, output = run_to_end(["--help"])
    checks.equal(code, 0, "exit code of --help")
    for flag in ("--config.file", "--storage.tsdb.path", "--web.listen-address", "--web.enable-lifecycle"):
        checks.contains(output, flag, "--help lists the flags")
    code, output = run_to_end(["--no.such.flag=1"])
    checks.that(code in (1, 2), "an unknown flag ends the program", f"code {code}")
    checks.contains(output, "no.such.flag", "the error names the unknown flag")
    if checks.skein_only("an unknown flag ends with code 2"):
        checks.equal(code, 2, "exit code of an unknown flag")
    code, output = run_to_end(["--query.timeout=soon"])
    checks.that(code not in (0, None), "a malformed value ends the program", f"code {code}")
    checks.contains(output, "query.timeout" if not checks.not_looked_at else "duration", "the error names the flag")
    code, output = run_to_end([f"--config.file={folder}/none.yml", f"--storage.tsdb.path={folder}/none"])
    checks.that(code not in (0, None), "a missing configuration file ends the program", f"code {code}")
    checks.contains(output, "none.yml", "the error names the missing file")

    more = ["--no-web.enable-lifecycle", "--log.format=json", "--log.level=debug", "--no-storage.tsdb.wal-compression"]
    server = Server(folder, "flags", EMPTY_CONFIG, more).start()
    checks.equal(server.api("status/flags")["web.enable-lifecycle"], "false", "--no-web.enable-lifecycle")
    checks.equal(server.api("status/flags")["log.format"], "json", "--log.format in status/flags")
    checks.that(server.log().splitlines()[0].startswith("{"), "--log.format=json logs JSON", server.log()[:200])
    checks.equal(server.stop()[0], 0, "exit code")

    if checks.skein_only("flags without effect are accepted with a warning"):
        more = ["--storage.agent.path=x", "--auto-gomaxprocs", "--enable-feature=no-such-feature"]
        server = Server(folder, "ignored", EMPTY_CONFIG, more).start()
        for name in ("storage.agent.path", "auto-gomaxprocs", "no-such-feature"):
            lines = [line for line in server.log().splitlines() if name in line]
            checks.that(any("warn" in line.lower() for line in lines), f"a warning names {name}", lines)
        server.stop()


# --- ports and folders -------------------------------------------------------------------------------------------


def busy_port(checks, folder):
    server = Server(folder, "busy", EMPTY_CONFIG)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", server.port))
        holder.listen()
        code, output = run_to_end(server.command()[1:])
        checks.that(code not in (0, None), "a busy port ends the program", f"code {code}")
        checks.contains(output, str(server.port), "the error names the port")
        checks.contains(output, "in use", "the error says why")


def second_instance(checks, folder):
    if not checks.skein_only("a second server on the same folder is refused"):
        return  # Debian's Prometheus 2.42 does not lock
    first = Server(folder, "first", EMPTY_CONFIG).start()
    second = Server(folder, "second", EMPTY_CONFIG)
    second.data = first.data
    code, output = run_to_end(second.command()[1:])
    checks.that(code not in (0, None), "a second server on the same folder ends", f"code {code}")
    checks.contains(output, "lock", "the error speaks of the lock")
    checks.contains(output, first.data, "the error names the folder")
    checks.that(first.is_ready(), "the first server goes on")
    checks.equal(first.stop()[0], 0, "exit code of the first")
    first.start()
    checks.equal(first.stop()[0], 0, "the folder is free after the stop")


# --- stopping ----------------------------------------------------------------------------------------------------


def graceful_stop(checks, folder):
    exporter = oracle()
    exporter.page("/slow", lambda _: time.sleep(60) or "")
    config = config_for(exporter) + f"""
  - job_name: slow
    scrape_interval: 1m
    scrape_timeout: 30s
    metrics_path: /slow
    static_configs:
      - targets: ["{exporter.address}"]
"""
    server = Server(folder, "stop", config).start()
    stored = set()
    for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")):
        wait_for_samples(server, len(stored) + 5)
        asked = time.time()
        server.signal(number)
        begun = time.monotonic()
        try:
            code = server.child.wait(10)
        except subprocess.TimeoutExpired:
            code = "still running"
        took = time.monotonic() - begun
        checks.equal(code, 0, f"{name} ends the server within 10 s, while a scrape hangs")
        say(f"{name}: ended after {took:.2f} s")
        # What was answered one interval before the signal was stored before it.
        must = [value for value, at in exporter.numbers if at < asked - 2 * SCRAPE_MS / 1000]
        server.start()
        found = server.samples("oracle[1h]")
        for series in range(SERIES):
            labels = labels_of(
                {"__name__": "oracle", "instance": exporter.address, "job": "oracle", "series": str(series)}
            )
            got = {round(value) for _, value in found.get(labels, ())}
            missing = sorted(set(must) - got)
            if not checks.that(not missing, f"{name}: samples are lost of series {series}", missing[:10]):
                break
        stored = {round(value) for samples in found.values() for _, value in samples}
    server.stop()


def probes(checks, folder):
    """What /-/ready and the API say while the server starts, runs and stops."""
    exporter = oracle()
    server = Server(folder, "probes", config_for(exporter)).start()
    wait_for_samples(server)
    for path in ("/-/ready", "/-/healthy"):
        for method in ("GET", "HEAD"):
            checks.equal(request(server.port, method, path).status, 200, f"{method} {path}")
    checks.contains(server.get("/-/ready").text, "ready", "the text of /-/ready")
    server.stop()

    seen, stop = [], threading.Event()

    def poll():
        while not stop.is_set():
            for path in ("/-/ready", "/api/v1/query?query=oracle"):
                try:
                    answer = request(server.port, "GET", path, timeout=5)
                    seen.append((path, answer.status))
                    if answer.status == 503 and path.startswith("/api"):
                        seen.append(("X-Prometheus-Stopping", answer.headers.get("X-Prometheus-Stopping")))
                except (OSError, EOFError, ValueError, Exception):  # pylint: disable=broad-except
                    seen.append((path, "refused"))

    poller = threading.Thread(target=poll, daemon=True)
    poller.start()
    server.start()
    time.sleep(0.3)
    server.stop()
    stop.set()
    poller.join()
    kinds = {}
    for one in seen:
        kinds[one] = kinds.get(one, 0) + 1
    say("while it started and stopped:", kinds)
    statuses = {status for path, status in kinds if path.startswith("/")}
    checks.that(statuses <= {200, 503, "refused"}, "only 200, 503 or no answer while starting and stopping", kinds)


# --- a damaged WAL -----------------------------------------------------------------------------------------------


def cut(path, keep):
    with open(path, "r+b") as file:
        file.truncate(keep)


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def damaged_wal(checks, folder):
    exporter = oracle()
    server = Server(folder, "whole", config_for(exporter), WAL_FLAGS).start()
    wait_for_samples(server, 10)
    server.kill()
    server.start()
    wait_for_samples(server, 25)
    server.kill()
    killed_ms = int(time.time() * 1000)

    paths = wal.segments(server.data)
    per_segment = [list(wal.records(path)) for path in paths]
    full = [index for index, found in enumerate(per_segment) if len(found) > 5]
    checks.that(len(full) >= 2, "two runs wrote two segments", [len(found) for found in per_segment])
    first, last = full[0], full[-1]
    ends = per_segment[last]
    middle = ends[len(ends) // 2]
    early = per_segment[first][len(per_segment[first]) // 2]
    # name, segment, what to do, the last good record
    damages = [
        ("one byte is missing at the end", last, lambda p: cut(p, ends[-1].end - 1), ends[-1]),
        ("the last record ends in its header", last, lambda p: cut(p, ends[-1].begin + 5), ends[-1]),
        ("half of the last record is missing", last, lambda p: cut(p, (ends[-1].begin + ends[-1].end) // 2), ends[-1]),
        ("the file ends after a whole record", last, lambda p: cut(p, ends[-1].end), None),
        ("zeros follow the last record", last, lambda p: cut(p, os.path.getsize(p) + 5000), None),
        ("a bit of the last record flipped", last, lambda p: flip(p, ends[-1].end - 3), ends[-1]),
        ("a bit of a record's data flipped", last, lambda p: flip(p, (middle.begin + middle.end) // 2), middle),
        ("a bit of a record's length flipped", last, lambda p: flip(p, middle.begin + 1), middle),
        ("a bit of a record's checksum flipped", last, lambda p: flip(p, middle.begin + 4), middle),
        ("a bit in an earlier segment flipped", first, lambda p: flip(p, (early.begin + early.end) // 2), early),
    ]
    whole = wal.samples_of(record for found in per_segment for record in found)
    for number, (what, segment, damage, stop_at) in enumerate(damages):
        before = []
        for record in (record for found in per_segment for record in found):
            if record is stop_at:
                break
            before.append(record)
        name = f"damaged-{number}"
        copy = Server(folder, name, config_for(exporter), WAL_FLAGS)
        shutil.copytree(server.data, copy.data)
        damage(wal.segments(copy.data)[segment])
        checks.run(what, one_damage, checks, copy, what, before, whole, killed_ms, stop_at is not None)
        shutil.rmtree(copy.data, ignore_errors=True)


def one_damage(checks, server, what, before, whole, killed_ms, is_damage):
    must = wal.samples_of(before)
    server.start()
    compare(checks, server, what, must, whole, killed_ms)
    if is_damage and checks.skein_only(f"{what}: the log says what was dropped"):
        told = [line for line in server.log().splitlines() if "write-ahead log" in line and "lost_bytes=" in line]
        checks.that(told, f"{what}: the log says what was dropped", server.log_tail(8))
    # It goes on writing behind the damage, and the next start finds that too.
    wait_for_samples(server, 1)
    last = server.value("max_over_time(oracle{series='0'}[1h])")
    wait_until(lambda: server.value("max_over_time(oracle{series='0'}[1h])") > last + 2, START_SECONDS_MAX)
    newest = server.value("max_over_time(oracle{series='0'}[1h])")
    server.kill()
    server.start()
    compare(checks, server, what + ", at the second start", must, whole, killed_ms)
    checks.that(
        (server.value("max_over_time(oracle{series='0'}[1h])") or 0) >= newest, f"{what}: what was written after it stays"
    )
    server.kill()


def compare(checks, server, what, must, whole, killed_ms):
    found = server.samples('{job="oracle"}[1h]')
    for labels, samples in must.items():
        got = dict(found.get(labels, ()))
        # Staleness markers are no samples to a query.
        missing = [(at, value) for at, value in samples.items() if value == value and got.get(at) != value]
        if not checks.that(not missing, f"{what}: whole records are lost", f"{dict(labels)} {missing[:3]}"):
            return
    for labels, samples in found.items():
        known = whole.get(labels, {})
        new = [(at, value) for at, value in samples if at < killed_ms and known.get(at) != value]
        if not checks.that(not new, f"{what}: samples that were never written", f"{dict(labels)} {new[:3]}"):
            return


def test(checks, folder):
    checks.run("flags", flags, checks, folder)
    checks.run("busy port", busy_port, checks, folder)
    checks.run("second instance", second_instance, checks, folder)
    checks.run("graceful stop", graceful_stop, checks, folder)
    checks.run("probes", probes, checks, folder)
    checks.run("damaged WAL", damaged_wal, checks, folder)


if __name__ == "__main__":
    main(test)
