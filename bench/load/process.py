"""Child processes that never outlive the benchmark, and the folder they live in."""
import ctypes
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

STOP_TIMEOUT_S = 120
HTTP_TIMEOUT_S = 30


class BenchError(Exception):
    """What keeps a benchmark from going on, for a person to read."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def http_get(url, timeout=HTTP_TIMEOUT_S):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read().decode()


def _die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child, its log file, and its end: stop() asks, waits, and at last kills, by pid."""

    def __init__(self, name, command, log_path):
        self.name = name
        self.command = [str(word) for word in command]
        self.log_path = pathlib.Path(log_path)
        with open(log_path, "ab") as log:
            self._child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_die_with_parent)
        self.pid = self._child.pid

    def check_alive(self):
        code = self._child.poll()
        if code is not None:
            raise BenchError(f"{self.name} ended by itself (exit code {code}):\n{self.log_tail()}")

    def log_tail(self, lines=15):
        text = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join("  " + line for line in text[-lines:])

    def wait_for(self, condition, timeout_s, what, pause_s=0.1):
        """Polls until condition() is true; its OSErrors count as not yet."""
        end = time.monotonic() + timeout_s
        while True:
            self.check_alive()
            try:
                if condition():
                    return
            except (OSError, ValueError, urllib.error.URLError):
                pass
            if time.monotonic() > end:
                raise BenchError(f"{self.name}: {what} took more than {timeout_s:.0f} s:\n"
                                 f"{self.log_tail()}")
            time.sleep(pause_s)

    def stop(self, how=signal.SIGTERM):
        if self._child.poll() is None:
            self._child.send_signal(how)
            try:
                self._child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()


class Workspace:
    """A temporary folder and the children started in it; leaving it ends and removes both."""

    def __init__(self, keep):
        self.keep = keep
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="skein-bench-"))
        self._children = []

    def start(self, name, command):
        child = Process(name, command, self.path / f"{name}.log")
        self._children.append(child)
        return child

    def folder(self, *names):
        path = self.path.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in reversed(self._children):
            child.stop()
        if not self.keep:
            shutil.rmtree(self.path, ignore_errors=True)
