#!/usr/bin/env python3
"""A full disk makes the storage read-only, and freeing it makes it whole again, without a restart.

The server's data lies on a small tmpfs in a mount namespace of this test. Somebody else fills it to the last byte and
frees it, again and again: the server says so within a second, answers queries meanwhile, goes on scraping into memory
and is back within five seconds of space being there. At the end it is killed, and nothing that was there before the
kill is missing after the start.
"""

import os
import subprocess
import sys
import tempfile
import time

ROUNDS = 20
DISK_MIB = 64
READONLY_SECONDS_MAX = 1.0
RESUME_SECONDS_MAX = 5.0
SCRAPE_MS = 200
FIRST_SCRAPE_SECONDS_MAX = 12
INSIDE = "SKEIN_DISK_FULL_INSIDE"


def enter_namespace():
    """Runs this test again in a mount namespace of its own; ends the process unless it is there already."""
    if os.environ.get(INSIDE):
        return
    probe = subprocess.run(
        ["unshare", "-m", "sh", "-c", "d=$(mktemp -d) && mount -t tmpfs none $d && umount $d; rmdir $d"],
        capture_output=True,
        check=False,
    )
    if probe.returncode != 0:
        print("SKIPPED: no mount namespace with a tmpfs is allowed here (needs unshare -m as root)", flush=True)
        sys.exit(0)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-m", sys.executable, os.path.abspath(__file__)] + sys.argv[1:])


enter_namespace()

from lib import STANDIN, Server, main, say, skip, wait_until  # noqa: E402

CONFIG = f"""
global:
  scrape_interval: {SCRAPE_MS}ms
  scrape_timeout: {SCRAPE_MS}ms
scrape_configs:
  - job_name: self
    static_configs:
      - targets: ["127.0.0.1:PORT"]
"""


def fill(path):
    """Takes every byte that is free."""
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            piece = b"x" * size
            try:
                while True:
                    file.write(piece)
            except OSError:
                pass


def readonly(server):
    return bool(server.metric("skein_storage_readonly"))


def samples(server):
    """Samples of `up` that a query finds."""
    return int(server.value("count_over_time(up[1h])") or 0)


def test(checks, folder):
    if STANDIN:
        skip("only Skein says that it is read-only")
    disk = tempfile.mkdtemp(dir=folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", disk], check=True)
    server = Server(folder, "skein", CONFIG)
    server.data = os.path.join(disk, "data")
    try:
        rounds(checks, server, os.path.join(disk, "filler"))
    finally:
        server.kill()
        subprocess.run(["umount", "-l", disk], check=False)


def rounds(checks, server, filler):
    server.start()
    checks.that(wait_until(lambda: samples(server) > 1, FIRST_SCRAPE_SECONDS_MAX), "there are samples at first")
    slowest_stop, slowest_start = 0.0, 0.0
    for number in range(1, ROUNDS + 1):
        fill(filler)
        begun = time.monotonic()
        stopped = wait_until(lambda: readonly(server), 10, pause=0.02)
        slowest_stop = max(slowest_stop, time.monotonic() - begun)
        checks.that(stopped, f"round {number}: read-only when the disk is full")
        before = samples(server)
        scraped = wait_until(lambda before=before: samples(server) > before, 5)
        checks.that(scraped, f"round {number}: queries go on, with what is scraped meanwhile", before)
        os.remove(filler)
        begun = time.monotonic()
        resumed = wait_until(lambda: not readonly(server) and server.metric("skein_wal_kept_bytes") == 0, 20, pause=0.02)
        slowest_start = max(slowest_start, time.monotonic() - begun)
        checks.that(resumed, f"round {number}: it goes on when there is space")
    say(f"{ROUNDS} rounds: read-only after {slowest_stop:.2f} s, back after {slowest_start:.2f} s at most")
    checks.that(slowest_stop <= READONLY_SECONDS_MAX, f"read-only within {READONLY_SECONDS_MAX} s", slowest_stop)
    checks.that(slowest_start <= RESUME_SECONDS_MAX, f"back within {RESUME_SECONDS_MAX} s", slowest_start)
    before = samples(server)
    server.kill()
    server.start()
    checks.that(samples(server) >= before, "nothing is lost by the kill", before)
    checks.that("write-ahead log damaged" not in server.log(), "the write-ahead log is whole")


if __name__ == "__main__":
    main(test)
