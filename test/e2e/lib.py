"""What the end-to-end tests share: servers as child processes, HTTP, and a list of checks.

The program under test is named by SKEIN_BINARY. A Prometheus may stand in for it (the tests were written
against one): flags it does not know are dropped, and what only Skein promises is skipped.
Everything runs on loopback, in one temporary folder per test that is removed at the end
(SKEIN_KEEP=1 keeps it).
"""

import atexit
import gzip
import http.client
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

READY_SECONDS_MAX = 30  # from the start of a server to /-/ready
STOP_SECONDS_MAX = 10  # from SIGTERM to the end
REQUEST_SECONDS_MAX = 30  # of one HTTP request
FAILURES_SHOWN_MAX = 40
LOG_TAIL_LINES = 40
LOG_SHOWN_LINES = 12  # of each server at the end of a test that failed
SERVER_PORT, SERVER_GRPC_PORT = 9090, 10901  # in a network namespace of its own

NIGHTLY = os.environ.get("SKEIN_NIGHTLY") == "1"
BINARY = os.environ.get("SKEIN_BINARY", "")
STANDIN = os.path.basename(BINARY).startswith("prometheus")
PROMETHEUS = shutil.which("prometheus") or ""

# Flags of Skein that a Prometheus standing in does not know.
OWN_FLAGS = ("--grpc.", "--cluster.", "--store.", "--storage.memory-limit", "--query.max-memory")


def skip(reason):
    """Ends the test as skipped; the line is what ctest looks for."""
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(0)


def say(*words):
    print(f"[{time.monotonic() - STARTED:6.1f}s]", *words, flush=True)


STARTED = time.monotonic()


# --- waiting ---------------------------------------------------------------------------------------------------


def wait_until(condition, seconds, pause=0.05):
    """The first true value of condition(), or the last false one once `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() >= deadline:
            return value
        time.sleep(pause)


_handed_out = set()


def free_port(host="127.0.0.1"):
    """A TCP port of an address of this machine that nobody listens on and that this test has not handed out before."""
    while True:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port = probe.getsockname()[1]
        if port not in _handed_out:
            _handed_out.add(port)
            return port


# --- HTTP ------------------------------------------------------------------------------------------------------


class Answer:
    """One HTTP response, read whole."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # http.client's message: case-insensitive
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)


def request(port, method, path, body=None, headers=None, timeout=REQUEST_SECONDS_MAX, host="127.0.0.1"):
    """One request on a connection of its own. Raises OSError or HTTPException when there is no answer."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        data = response.read()
        if response.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        return Answer(response.status, response.headers, data)
    finally:
        connection.close()


def encode(params):
    """A query string; values that are lists are repeated."""
    return urllib.parse.urlencode(params, doseq=True)


# --- servers ---------------------------------------------------------------------------------------------------

_children = []


def _kill_children():
    for child in _children:
        if child.poll() is None:
            child.kill()
            child.wait()


atexit.register(_kill_children)


def spawn(command, log_path, cwd=None):
    """A child that ends with this process, even when this process is killed."""
    if shutil.which("setpriv"):
        command = ["setpriv", "--pdeathsig", "KILL", "--"] + command
    with open(log_path, "ab") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd)
    _children.append(child)
    return child


class Server:
    """A Skein or a Prometheus on its own port, data folder and configuration file.

    host: its address; in another network namespace than the test's, with `inside`, the words that run a command there."""

    def __init__(self, folder, name, config, flags=(), binary=None, host="127.0.0.1", inside=()):
        self.name = name
        self.host = host
        self.inside = list(inside)
        self.binary = binary or BINARY
        self.is_prometheus = os.path.basename(self.binary).startswith("prometheus")
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        self.config_path = os.path.join(self.folder, "prometheus.yml")
        self.port = SERVER_PORT if inside else free_port(host)
        self.grpc_port = SERVER_GRPC_PORT if inside else free_port(host)
        self.flags = list(flags)
        self.child = None
        self.write_config(config)

    def write_config(self, text):
        """Replaces the configuration file in one step; `PORT` stands for the server's own port."""
        replace_file(self.config_path, text.replace("PORT", str(self.port)))

    def command(self):
        flags = [
            f"--config.file={self.config_path}",
            f"--storage.tsdb.path={self.data}",
            f"--web.listen-address={self.host}:{self.port}",
            f"--grpc.listen-address={self.host}:{self.grpc_port}",
        ] + self.flags
        if self.is_prometheus:
            flags = [flag for flag in flags if not flag.startswith(OWN_FLAGS)]
        return [self.binary] + flags

    def start(self, wait=True):
        self.child = spawn(self.inside + self.command(), self.log_path, cwd=self.folder)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=READY_SECONDS_MAX):
        def ready():
            if self.child.poll() is not None:
                raise AssertionError(f"{self.name} ended with code {self.child.returncode}:\n{self.log_tail()}")
            return self.is_ready()

        if not wait_until(ready, seconds):
            raise AssertionError(f"{self.name} was not ready within {seconds} s:\n{self.log_tail()}")

    def is_ready(self):
        try:
            return self.request("GET", "/-/ready", timeout=2).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def stop(self, seconds=STOP_SECONDS_MAX):
        """SIGTERM; the exit code and how long it took. Killed, with code None, when it takes too long."""
        begun = time.monotonic()
        self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = None
        return code, time.monotonic() - begun

    def kill(self):
        self.child.kill()
        self.child.wait()

    def signal(self, number):
        self.child.send_signal(number)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def log_tail(self, lines=LOG_TAIL_LINES):
        return "\n".join(line[:400] for line in self.log().splitlines()[-lines:])

    def rss_bytes(self, field="VmRSS"):
        with open(f"/proc/{self.child.pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        raise AssertionError(f"/proc names no {field}")

    # Requests

    def request(self, method, path, body=None, headers=None, timeout=REQUEST_SECONDS_MAX):
        return request(self.port, method, path, body, headers, timeout, self.host)

    def get(self, path, **params):
        return self.request("GET", path + ("?" + encode(params) if params else ""))

    def post(self, path, **params):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", path, encode(params), headers)

    def api(self, path, **params):
        """The data of a successful GET below /api/v1; AssertionError with the answer otherwise."""
        answer = self.get("/api/v1/" + path, **params)
        try:
            envelope = answer.json()
        except ValueError:
            raise AssertionError(f"{self.name}: {path} {params}: {answer.status} {answer.text[:300]}") from None
        if envelope.get("status") != "success":
            raise AssertionError(f"{self.name}: {path} {params}: {answer.status} {answer.text[:300]}")
        return envelope.get("data")

    def vector(self, query, at=None, **params):
        """{labels as sorted tuple: float} of an instant query (a scalar has the labels ())."""
        params |= {"query": query} if at is None else {"query": query, "time": f"{at:.3f}"}
        data = self.api("query", **params)
        if data["resultType"] == "scalar":
            return {(): float(data["result"][1])}
        return {labels_of(sample["metric"]): float(sample["value"][1]) for sample in data["result"]}

    def value(self, query, at=None):
        """The value of the only element; None when there is none."""
        found = self.vector(query, at)
        if len(found) > 1:
            raise AssertionError(f"{self.name}: {query} has {len(found)} elements")
        return next(iter(found.values()), None)

    def samples(self, selector, at=None):
        """{labels: [(ms, value)]} of a range selector, as stored."""
        params = {"query": selector} if at is None else {"query": selector, "time": f"{at:.3f}"}
        data = self.api("query", **params)
        return {
            labels_of(series["metric"]): [(round(float(t) * 1000), float(v)) for t, v in series["values"]]
            for series in data["result"]
        }

    def metric(self, name):
        """The sum over one metric's series of the server's own /metrics; None when it has none."""
        found = None
        for line in self.get("/metrics").text.splitlines():
            if line.startswith((name + " ", name + "{")):
                found = (found or 0.0) + float(line.rsplit(" ", 1)[1])
        return found


def run_to_end(arguments, seconds=20, binary=None, cwd=None):
    """Exit code and output of a command of the program under test that ends by itself."""
    binary = binary or BINARY
    if os.path.basename(binary).startswith("prometheus"):
        arguments = [flag for flag in arguments if not flag.startswith(OWN_FLAGS)]
    try:
        done = subprocess.run(
            [binary] + arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, cwd=cwd, check=False
        )
    except subprocess.TimeoutExpired as error:
        return None, ((error.stdout or b"") + (error.stderr or b"")).decode("utf-8", "replace")
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def labels_of(metric):
    return tuple(sorted(metric.items()))


def replace_file(path, text):
    """Writes a file so that a reader sees the old or the new content, never a part."""
    temporary = path + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


# --- checks ----------------------------------------------------------------------------------------------------


def same_number(left, right, relative=1e-9, absolute=0.0):
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    if left == right:
        return True
    return math.isclose(left, right, rel_tol=relative, abs_tol=absolute)


class Checks:
    """Counts what was looked at and keeps what was wrong, so that one run names every difference."""

    def __init__(self):
        self.count = 0
        self.failures = []
        self.not_looked_at = []

    def that(self, good, what, detail=""):
        self.count += 1
        if not good:
            self.failures.append(f"{what}: {detail}" if detail != "" else what)
            say("WRONG:", self.failures[-1][:2000])
        return bool(good)

    def equal(self, got, want, what):
        if isinstance(got, dict) and isinstance(want, dict) and got != want:
            # Only what differs: a long vector says little.
            keys = [key for key in {**got, **want} if got.get(key) != want.get(key)]
            got, want = ({key: side[key] for key in keys if key in side} for side in (got, want))
        return self.that(got == want, what, f"got {str(got)[:800]}, want {str(want)[:800]}")

    def built(self, server, path):
        """Whether an endpoint exists; counted as not looked at otherwise."""
        if server.get(path).status != 404:
            return True
        self.not_looked_at.append(f"{path}, which is not built yet")
        return False

    def contains(self, text, part, what):
        parts = [part] if isinstance(part, str) else part
        found = any(one.lower() in text.lower() for one in parts)
        return self.that(found, what, f"{text[:800]!r} has none of {parts}")

    def skein_only(self, what):
        """Whether a check of what only Skein promises can run; counted as not looked at otherwise."""
        if STANDIN:
            self.not_looked_at.append(what)
        return not STANDIN

    def run(self, name, step, *arguments):
        """Runs one part; an exception in it is a failure and does not keep the next part from running."""
        say("--", name)
        try:
            step(*arguments)
        except Exception as error:  # pylint: disable=broad-except
            traceback.print_exc(file=sys.stdout)
            self.that(False, name, f"{type(error).__name__}: {error}")


def main(test, need_prometheus=False):
    """Runs test(checks, folder) and ends the process: 0 when every check held."""
    if not BINARY or not os.access(BINARY, os.X_OK):
        skip("the skein program is not built here (SKEIN_BINARY names it)")
    if need_prometheus and not PROMETHEUS:
        skip("prometheus is not on PATH (Debian package prometheus); nothing to compare with")
    checks = Checks()
    folder = tempfile.mkdtemp(prefix="skein-e2e-")
    try:
        checks.run(os.path.basename(sys.argv[0]), test, checks, folder)
    finally:
        _kill_children()
        if checks.failures:
            show_logs(folder)
        if os.environ.get("SKEIN_KEEP") == "1":
            say("kept", folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for what in dict.fromkeys(checks.not_looked_at):
        print(f"not looked at by {os.path.basename(BINARY)}: {what}")
    for failure in checks.failures[:FAILURES_SHOWN_MAX]:
        print("FAILED:", failure[:3000])
    say(f"{checks.count} checks, {len(checks.failures)} failed")
    sys.stdout.flush()
    # Handlers of stalled connections may still sit in their threads: nothing is left to wait for.
    os._exit(1 if checks.failures or not checks.count else 0)


def show_logs(folder):
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name, "log")
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as log:
                lines = log.read().splitlines()[-LOG_SHOWN_LINES:]
            print(f"--- last lines of the log of {name}")
            print("\n".join(line[:250] for line in lines))
