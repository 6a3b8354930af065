#!/usr/bin/env python3
"""What must not get into a cluster, or not harm it: each is refused or survived with a text that says why, and nothing is lost.

A node of another cluster, a node without the key or with the wrong one, one with a certificate of somebody else, a clock that is
five minutes off, a full disk on the leader, two nodes with one id, and a configuration that differs. (That messages are replayed
or come from a deposed leader is tested where they can be made: test/shard/raft/core_election_test.cc,
test/shard/session/worker_test.cc, test/shard/seal_test.cc and test/shard/leader/leader_test.cc.)
"""

import os
import secrets
import shutil
import subprocess
import tempfile
import time

from cluster_lib import SLOTS, Cluster, Timeline, stored
from cluster_tls import OPENSSL, Authority
from lib import Server, free_port, main, say, wait_until
from network import in_own_network
from oracle_targets import Oracle

NAMES = ("a", "b", "c")
INTERVAL_S = 1
TARGETS = 12
SETTLED_SECONDS_MAX = 60
SAID_SECONDS_MAX = 30  # until a log says what is wrong
WATCHED_S = 8  # of scraping while something is wrong
TAKEOVER_S = INTERVAL_S + 12  # between two samples, at most, when the leader goes
CLOCK_AHEAD_S = 300
DISK_MIB = 96

CONFIG = """
global: {{scrape_interval: {interval}s, scrape_timeout: 800ms}}
scrape_configs:
  - job_name: oracle
    http_sd_configs: [{{url: "http://{oracle}/sd", refresh_interval: 2s}}]
"""
COMPILER = next(filter(None, map(shutil.which, ("clang-19", "clang", "cc", "gcc"))), None)
CLOCK_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock_ahead.c")


class Case:
    """A cluster of three that scrapes an oracle, and what is checked of it in each case."""

    def __init__(self, checks, folder, name, flags=(), config=None, names=NAMES, prepare=None):
        self.checks = checks
        self.name = name
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder)
        self.oracle = Oracle(self.folder, TARGETS)
        self.text = CONFIG.format(interval=INTERVAL_S, oracle=self.oracle.address)
        self.cluster = Cluster(self.folder, names, config or (lambda _: self.text), flags)
        if prepare:
            prepare(self.cluster)
        self.begun = time.time()

    def start(self):
        self.cluster.start()
        self.settle("at first")
        self.begun = time.time()
        return self

    def settle(self, when):
        good = self.cluster.wait_settled(TARGETS, SETTLED_SECONDS_MAX)
        self.checks.that(good, f"{self.name}: every target has one owner {when}", self.cluster.scraped_by())

    def said(self, nodes, *parts):
        """Whether a line of one of these logs has all parts."""

        def found():
            return any(all(part in line for part in parts) for node in nodes for line in node.log().splitlines())

        logs = {node.name: node.log_tail(6) for node in nodes}
        self.checks.that(wait_until(found, SAID_SECONDS_MAX), f"{self.name}: a log says {' … '.join(parts)}", logs)

    def nothing_lost(self, gap_max=1.5 * INTERVAL_S, asked=None):
        """Since the cluster stood: every target, every slot."""
        time.sleep(WATCHED_S)
        node = asked or self.cluster.alive()[0]
        end = time.time() - 2 * INTERVAL_S
        timeline = Timeline(stored(node, self.begun, end, SLOTS), INTERVAL_S)
        numbers = Timeline(stored(node, self.begun, end), INTERVAL_S)
        self.checks.equal(len(timeline.samples), TARGETS, f"{self.name}: targets with samples")
        self.checks.that(timeline.longest() <= gap_max, f"{self.name}: time between samples", timeline.gaps()[:5])
        self.checks.equal(numbers.backwards(), [], f"{self.name}: counters that step back")

    def stop(self):
        self.cluster.stop(self.checks)


def wrong_cluster(checks, folder):
    """Nodes that belong to another cluster are started with this one's list: its voter, and one that must ask for a leader."""
    case = Case(checks, folder, "wrong cluster").start()
    other = Cluster(os.path.join(case.folder, "other"), ("x", "y"), lambda _: case.text).start()
    checks.that(wait_until(lambda: len(other.scraped_by()) == TARGETS, SETTLED_SECONDS_MAX), "another cluster", other.scraped_by())
    own_list = f"--cluster.join={other.join}"
    for node in other.nodes.values():
        checks.equal(node.stop(30)[0], 0, f"exit code of {node.name}")
        node.flags = [flag.replace(own_list, f"--cluster.join={case.cluster.join}") for flag in node.flags]
    x, y = other.nodes.values()
    y.start()
    case.said([y], "the leader refuses this node", "skein cluster reset")
    case.said(case.cluster.alive(), "a node was refused", "belongs to cluster")
    x.start()
    case.said([x], "a node of --cluster.join belongs to another cluster", "skein cluster reset")
    case.nothing_lost()
    checks.that(len(other.scraped_by()) == TARGETS, "the other cluster scrapes what it did", other.counts())
    known = {one["id"] for one in case.cluster.status()["nodes"]}
    checks.equal(known, set(NAMES), "they are none of the cluster's nodes")
    other.stop(checks)
    case.stop()


def key_file(folder, name):
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    return path


def without_key(checks, folder):
    """Nodes that lack the cluster's key, or have another one."""
    case = Case(checks, folder, "without the key", [f"--cluster.key-file={key_file(folder, 'key')}"]).start()
    strangers = {"no-key": [], "other-key": [f"--cluster.key-file={key_file(folder, 'other-key-file')}"]}
    for name, flags in strangers.items():
        node = Server(case.folder, name, case.text, [f"--cluster.node-id={name}", f"--cluster.join={case.cluster.join}", *flags])
        node.start()
        case.said([node], "--cluster.key-file")
        known = {one["id"] for one in case.cluster.status()["nodes"]}
        checks.that(name not in known, f"{name} is none of the cluster's nodes", known)
        checks.equal(node.api("targets", state="active", local="1")["activeTargets"], [], f"targets of {name}")
        checks.equal(node.stop(30)[0], 0, f"exit code of {name}")
    case.nothing_lost()
    case.stop()


def other_authority(checks, folder):
    """A node whose certificate somebody else signed."""
    if not OPENSSL:
        checks.not_looked_at.append("certificates: openssl is not on PATH")
        return
    good, bad = Authority(folder, "good"), Authority(folder, "bad")

    def certified(node, authority):
        cert, key = authority.sign(node.name)
        node.flags += [
            f"--grpc-server-tls-cert={cert}",
            f"--grpc-server-tls-key={key}",
            f"--grpc-server-tls-client-ca={authority.cert}",
        ]

    case = Case(
        checks, folder, "other authority", prepare=lambda cluster: [certified(node, good) for node in cluster.nodes.values()]
    ).start()
    stranger = Server(case.folder, "stranger", case.text, ["--cluster.node-id=stranger", f"--cluster.join={case.cluster.join}"])
    certified(stranger, bad)
    stranger.start()
    case.said([stranger], "does not answer")
    case.nothing_lost()
    known = {one["id"] for one in case.cluster.status()["nodes"]}
    checks.that("stranger" not in known, "a stranger is none of the cluster's nodes", known)
    checks.equal(stranger.api("targets", state="active", local="1")["activeTargets"], [], "targets of a stranger")
    checks.equal(stranger.stop(30)[0], 0, "exit code of a stranger")
    case.stop()


def wrong_clock(checks, folder):
    """One node's clock is five minutes ahead."""
    if not COMPILER:
        checks.not_looked_at.append("a clock that is off: there is no C compiler")
        return
    shim = os.path.join(folder, "clock_ahead.so")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", shim, CLOCK_SOURCE], check=True, timeout=60)

    def ahead(cluster):
        cluster.nodes["c"].inside = ["env", f"LD_PRELOAD={shim}", f"CLOCK_AHEAD_SECONDS={CLOCK_AHEAD_S}"]

    case = Case(checks, folder, "clock off", prepare=ahead).start()
    case.said(case.cluster.alive(), "clock", "differs from the leader's")
    case.said([case.cluster.nodes["a"], case.cluster.nodes["b"]], "a node's clock is off", "node=c")
    checks.equal(case.cluster.own_targets(case.cluster.nodes["c"]), {}, "targets of the node whose clock is off")
    case.nothing_lost(asked=case.cluster.nodes["a"])
    off = [one for one in case.cluster.status()["nodes"] if one["id"] == "c"]
    checks.that(off and off[0].get("clock_off"), "the status says so", off)
    case.stop()


def fill(path):
    """Takes every byte that is free."""
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def full_disk(checks, folder):
    """Every node has a small disk of its own; that of the leader is full."""
    disks = {}
    for name in NAMES:
        disks[name] = tempfile.mkdtemp(dir=folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", disks[name]], check=True)

    def place(cluster):
        for name, node in cluster.nodes.items():
            node.data = os.path.join(disks[name], "data")

    case = Case(checks, folder, "full disk", prepare=place).start()
    leader = case.cluster.leading()
    filler = os.path.join(disks[leader.name], "filler")
    fill(filler)
    say(f"the disk of {leader.name}, which leads, is full")
    case.said([leader], "full")
    # Something has to be decided now, so that it has to be written.
    case.oracle.set_targets(TARGETS + 4)
    others = [node for node in case.cluster.alive() if node is not leader]
    placed = wait_until(lambda: len(case.cluster.scraped_by()) == TARGETS + 4, SETTLED_SECONDS_MAX, pause=0.3)
    checks.that(placed, "full disk: new targets are scraped nevertheless", case.cluster.scraped_by())
    time.sleep(WATCHED_S)
    timeline = Timeline(stored(others[0], case.begun, time.time() - 2 * INTERVAL_S, SLOTS), INTERVAL_S)
    checks.that(timeline.longest() <= TAKEOVER_S, "full disk: time between samples", timeline.gaps()[:5])
    os.remove(filler)
    checks.equal(leader.stop(30)[0], 0, "full disk: exit code")
    leader.start()
    settled = case.cluster.wait_settled(TARGETS + 4, 2 * SETTLED_SECONDS_MAX)
    checks.that(settled, "full disk: all is well when there is space", case.cluster.scraped_by())
    status = case.cluster.status()
    checks.that(all(node["state"] == "live" for node in status["nodes"]), "full disk: all nodes are live again", status["nodes"])
    case.stop()
    for disk in disks.values():
        subprocess.run(["umount", "-l", disk], check=False)


def twins(checks, folder):
    """A second node says that it is b."""
    case = Case(checks, folder, "twins").start()
    twin = Server(case.folder, "twin", case.text, ["--cluster.node-id=b", f"--cluster.join={case.cluster.join}"])
    twin.start()
    case.said([twin], "another node that is there has the id b", "--cluster.node-id")
    case.said(case.cluster.alive(), "a node was refused", "has the id b")
    checks.equal(twin.api("targets", state="active", local="1")["activeTargets"], [], "targets of the twin")
    case.nothing_lost()
    checks.equal(twin.stop(30)[0], 0, "exit code of the twin")
    case.stop()


def other_configuration(checks, folder):
    """One node's job is configured otherwise: it keeps what it has and gets nothing new of that job."""
    case = Case(checks, folder, "other configuration").start()
    leader = case.cluster.leading()
    other = next(node for node in case.cluster.alive() if node is not leader)
    had = set(case.cluster.own_targets(other))
    other.write_config(case.text.replace("job_name: oracle", "job_name: oracle\n    honor_labels: true"))
    checks.equal(other.post("/-/reload").status, 200, "a configuration that differs is loaded")
    case.said([leader], "configured otherwise than the leader's", f"node={other.name}", "oracle")
    case.oracle.set_targets(TARGETS + 6)
    placed = wait_until(lambda: case.cluster.settled(TARGETS + 6), SETTLED_SECONDS_MAX, pause=0.3)
    checks.that(placed, "other configuration: new targets are placed", case.cluster.scraped_by())
    checks.that(set(case.cluster.own_targets(other)) <= had, "other configuration: that node gets none of them", had)
    case.oracle.set_targets(TARGETS)
    said = [one for one in case.cluster.status()["nodes"] if one["id"] == other.name]
    checks.that(said and said[0].get("foreign_jobs") == ["oracle"], "the status names the job", said)
    case.settle("when the new ones are gone")
    time.sleep(WATCHED_S)
    timeline = Timeline(stored(leader, case.begun, time.time() - 2 * INTERVAL_S, SLOTS), INTERVAL_S)
    old = {instance: values for instance, values in timeline.samples.items() if int(instance[1:]) < TARGETS}
    checks.equal(Timeline(old, INTERVAL_S).gaps(), [], "other configuration: missed slots")
    case.stop()


def unreachable_list(checks, folder):
    """A node whose list nobody answers at scrapes nothing, and says whom it waits for."""
    gone = f"127.0.0.1:{free_port()}"
    node = Server(folder, "alone", "scrape_configs: []\n", ["--cluster.node-id=alone"])
    node.flags.append(f"--cluster.join={Cluster.address(node)},{gone},127.0.0.1:{free_port()}")
    node.start()
    said = wait_until(lambda: gone in node.log() and "not founded" in node.log(), SAID_SECONDS_MAX)
    checks.that(said, "a node that waits names whom it waits for", node.log_tail())
    checks.equal(node.stop(30)[0], 0, "exit code of a node that waits")


def test(checks, folder):
    for part in (
        wrong_cluster,
        without_key,
        other_authority,
        wrong_clock,
        full_disk,
        twins,
        other_configuration,
        unreachable_list,
    ):
        checks.run(part.__name__, part, checks, folder)


if __name__ == "__main__":
    in_own_network()
    main(test)
