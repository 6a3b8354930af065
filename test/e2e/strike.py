#!/usr/bin/env python3
"""strike.py DATA PID WANTED SECONDS: SIGKILL to PID while something half made lies in DATA.

Not the first thing seen but the WANTED-th. What is half made lives for some milliseconds, too short for a thread of a process
that has others: PID is stopped when it is seen, killed if it is still there then, and goes on otherwise. After SECONDS it is killed anyway.
"""

import os
import signal
import sys
import time

from data_folder import temporary

POLL_SECONDS = 0.0001
STOPPED_SECONDS = 0.001  # until every thread has stopped


def strike(data, process, wanted, seconds):
    seen, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        now = temporary(data)
        seen.update(now)
        if now and len(seen) >= wanted:
            os.kill(process, signal.SIGSTOP)
            time.sleep(STOPPED_SECONDS)
            if temporary(data):
                break
            os.kill(process, signal.SIGCONT)
        time.sleep(POLL_SECONDS)
    os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    strike(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
