"""The cluster of ./dev demo: starts it, shows it, and does what keys say. scripts/demo calls it."""

import argparse
import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
import tty
import urllib.parse

FOLDER = "build/demo"
CONFIG = "examples/cluster/skein.yml"
TARGETS_PROGRAM = "examples/cluster/synthetic_targets.py"
TARGETS = 6
TARGETS_MAX = 60
BUDGET = 30_000  # series: two targets fit, a third one does not
COUNTED = "count(a00000000000metrics0)"
SERIES_PER_TARGET = 10_045
COUNTED_PER_TARGET = 10_000
READY_SECONDS_MAX = 60
BALANCED_SECONDS_MAX = 90
STOP_SECONDS_MAX = 20
REQUEST_SECONDS_MAX = 2
LOOK_SECONDS = 1.0
BAR = 20
EVENTS = 5
KEYS = "keys: a add a target   x take one away   k kill a node   d drain a node   r bring back what was killed or drained   q quit"


class Failed(Exception):
    """What keeps the demo from going on, for a person to read."""


def request(port, method, path):
    """The answer's JSON, whatever its status. OSError or ValueError: there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS_MAX)
    try:
        connection.request(method, path)
        return json.loads(connection.getresponse().read())
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


class Child:
    """A process that ends with this one."""

    def __init__(self, name, command):
        self.name = name
        self.command = command
        self.log = os.path.join(FOLDER, name + ".log")
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *self.command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)  # fmt: skip

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def require(self):
        if not self.alive():
            with open(self.log, encoding="utf-8", errors="replace") as log:
                last = "".join(log.readlines()[-12:])
            raise Failed(f"{self.name} ended; its last words, of {self.log}:\n{last}")

    def ask_to_stop(self):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)

    def stop(self):
        self.ask_to_stop()
        try:
            if self.process is not None:
                self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            print(f"dev: {self.name} did not end within {STOP_SECONDS_MAX} s and is killed", file=sys.stderr)
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Node(Child):
    def __init__(self, options, number, join):
        self.id = "node-" + "abcdefghi"[number]
        self.port = options.port + number
        self.url = f"http://127.0.0.1:{self.port}"
        address = f"127.0.0.1:{options.grpc_port + number}"
        super().__init__(
            self.id,
            [
                options.skein,
                f"--config.file={CONFIG}",
                f"--storage.tsdb.path={FOLDER}/{self.id}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--web.enable-admin-api",
                f"--grpc.listen-address={address}",
                f"--cluster.node-id={self.id}",
                f"--cluster.series-budget={BUDGET}",
                f"--cluster.join={join}",
            ],
        )

    def ready(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS_MAX)
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


class Demo:
    def __init__(self, options):
        self.options = options
        self.targets = Child(
            "targets",
            [sys.executable, TARGETS_PROGRAM, "--population", f"--targets={TARGETS}", f"--listen=127.0.0.1:{options.targets_port}"],
        )
        join = ",".join(f"127.0.0.1:{options.grpc_port + number}" for number in range(options.nodes))
        self.nodes = [Node(options, number, join) for number in range(options.nodes)]
        self.count = TARGETS
        self.started = time.monotonic()
        self.said = ""

    def start(self):
        self.targets.start()
        for node in self.nodes:
            node.start()
        end = time.monotonic() + READY_SECONDS_MAX
        while not all(node.ready() for node in self.nodes):
            for child in (self.targets, *self.nodes):
                child.require()
            if time.monotonic() > end:
                raise Failed(f"the nodes did not get ready within {READY_SECONDS_MAX} s; see {FOLDER}/*.log")
            time.sleep(0.1)

    def stop(self):
        children = [*self.nodes, self.targets]
        for child in children:
            child.ask_to_stop()  # all at once: nobody takes over from anybody
        for child in children:
            child.stop()

    # What there is

    def ask(self, path, **parameters):
        """The data of a GET of the first node that answers; None: nobody does."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        for node in self.nodes:
            if node.alive():
                try:
                    answer = request(node.port, "GET", f"/api/v1/{path}{query}")
                    if answer.get("status") == "success":
                        return answer["data"]
                except (OSError, ValueError):
                    pass
        return None

    def counted(self):
        """Series of all targets, as any node counts them."""
        data = self.ask("query", query=COUNTED)
        return int(float(data["result"][0]["value"][1])) if data and data["result"] else 0

    def balanced(self):
        status = self.ask("cluster/status")
        if not status or status["moves_in_flight"]:
            return False
        shares = [node["targets"] or 0 for node in status["nodes"]]
        series = sum(node["active_series"] or 0 for node in status["nodes"])
        spread = sum(shares) == self.count and max(shares) - min(shares) <= 1
        return spread and series == self.count * SERIES_PER_TARGET and self.counted() == self.count * COUNTED_PER_TARGET

    def table(self):
        status = self.ask("cluster/status")
        if not status:
            return "no node answers yet\n"
        urls = {node.id: node.url for node in self.nodes}
        lines = [f"{'node':<8} {'state':<12} {'role':<8} {'targets':>7} {'series':>8}  of its budget of {BUDGET:,}"]
        for node in sorted(status["nodes"], key=lambda node: node["id"]):
            series = node["active_series"]
            filled = min(BAR, round(BAR * (series or 0) / BUDGET))
            over = " over" if (series or 0) > BUDGET else ""
            lines.append(
                f"{node['id']:<8} {node['state']:<12} {node['role']:<8} {number(node['targets']):>7} {number(series):>8}  "
                f"{'#' * filled}{'.' * (BAR - filled)}{over:<5} {urls.get(node['id'], '')}"
            )
        lines.append(
            f"{self.count} targets, {self.counted():,} series counted by a query; nodes needed: {number(status['needed_nodes'])}, "
            f"moves in flight: {number(status['moves_in_flight'])}, leader: {status['leader'] or 'none'} (term {status['term']})"
        )
        return "\n".join(lines) + "\n"

    def events(self):
        history = self.ask("cluster/history", limit=EVENTS)
        events = history.get("events", []) if isinstance(history, dict) else history or []
        return "".join(f"  {event.get('text', '')[:110]}\n" for event in events[:EVENTS])

    # What keys do

    def set_count(self, count):
        self.count = max(1, min(TARGETS_MAX, count))
        request(self.options.targets_port, "POST", f"/targets?count={self.count}")
        return f"there are {self.count} targets now"

    def kill_one(self):
        alive = [node for node in self.nodes if node.alive()]
        if len(alive) <= 1:
            return "one node is left; r brings the others back"
        alive[-1].kill()
        return f"{alive[-1].id} is killed: others scrape its targets within seconds"

    def drain_one(self):
        status = self.ask("cluster/status") or {"nodes": []}
        free = [node["id"] for node in status["nodes"] if node.get("admin", "active") == "active" and node["targets"]]
        if len(free) <= 1:
            return "one node takes targets; r brings the others back"
        return self.post("drain", node=free[-1])

    def bring_back(self):
        done = []
        for node in self.nodes:
            if not node.alive():
                node.start()
                done.append(f"{node.id} is started")
        status = self.ask("cluster/status") or {"nodes": []}
        for node in status["nodes"]:
            if node["state"] in ("draining", "drained"):
                done.append(self.post("undrain", node=node["id"]))
        return "; ".join(done) or "nothing was killed or drained"

    def post(self, verb, **parameters):
        for node in self.nodes:
            if node.alive():
                try:
                    answer = request(node.port, "POST", f"/api/v1/cluster/{verb}?{urllib.parse.urlencode(parameters)}")
                except (OSError, ValueError) as error:
                    return f"{verb}: {error}"
                if answer.get("status") != "success":
                    return answer.get("error", f"{verb} was refused")
                data = answer.get("data")
                return data.get("done", verb) if isinstance(data, dict) else str(data or verb)
        return "no node is left"

    def key(self, pressed):
        """False: that is the end."""
        actions = {
            "a": lambda: self.set_count(self.count + 1),
            "x": lambda: self.set_count(self.count - 1),
            "k": self.kill_one,
            "d": self.drain_one,
            "r": self.bring_back,
        }
        if pressed in ("q", "\x03", "\x04"):
            return False
        if pressed in actions:
            self.said = actions[pressed]()
        return True


def number(value):
    return "?" if value is None else f"{value:,}"


def show(demo, redraw):
    """The table; in place of the one before where there is a screen."""
    text = demo.table()
    if redraw:
        columns = shutil.get_terminal_size().columns - 1
        whole = f"\nAll of it: {demo.nodes[0].url}/cluster (any node answers)\n\n{text}\n{demo.events()}\n{demo.said}\n{KEYS}\n"
        print("\x1b[H\x1b[J" + "\n".join(line[:columns] for line in whole.splitlines()), flush=True)
    else:
        print(f"[{time.monotonic() - demo.started:5.1f} s]\n{text}", flush=True)
    return text


def check(demo):
    """Until it is balanced."""
    last = ""
    end = time.monotonic() + BALANCED_SECONDS_MAX
    while not demo.balanced():
        for child in (demo.targets, *demo.nodes):
            child.require()
        if time.monotonic() > end:
            show(demo, False)
            raise Failed(f"the targets were not balanced within {BALANCED_SECONDS_MAX} s; see {FOLDER}/*.log")
        text = demo.table()
        if text != last:
            last = show(demo, False)
        time.sleep(LOOK_SECONDS)
    show(demo, False)
    print(f"==> {TARGETS} targets are balanced, and {COUNTED} is {demo.counted():,} on any node", flush=True)


def watch(demo):
    """Until q. Without a terminal: until a signal, and the table when it changes."""
    screen = sys.stdin.isatty() and sys.stdout.isatty()
    if not screen:
        print(f"==> the cluster's page: {demo.nodes[0].url}/cluster; Ctrl-C stops it", flush=True)
    before = termios.tcgetattr(sys.stdin) if screen else None
    last = ""
    try:
        if screen:
            tty.setcbreak(sys.stdin)
        while True:
            demo.targets.require()
            if screen:
                show(demo, True)
                if select.select([sys.stdin], [], [], LOOK_SECONDS)[0] and not demo.key(sys.stdin.read(1)):
                    return
            else:
                if demo.table() != last:
                    last = show(demo, False)
                time.sleep(LOOK_SECONDS)
    finally:
        if before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--skein", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--grpc-port", type=int, required=True)
    parser.add_argument("--targets-port", type=int, required=True)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


def main():
    options = parse()
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = Demo(options)
    print(f"==> start {options.nodes} nodes and {TARGETS} targets of 10,045 series; data and logs lie in {FOLDER}", flush=True)
    try:
        demo.start()
        if options.check:
            check(demo)
        else:
            watch(demo)
    except Failed as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("==> stop", flush=True)
        demo.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
