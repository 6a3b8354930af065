#!/usr/bin/env python3
"""The demo of Kvass as an acceptance test: six targets of 10,045 series over three nodes with a budget of 30,000.

A plain Prometheus file, three nodes: two targets each, nothing stored twice, one answer for all. Then a node dies, a seventh target
comes before a fourth node, and there are twenty targets for a while. Every 5 s; every 15 s as in the demo with SKEIN_NIGHTLY=1.
"""

import json
import os
import time

from cluster_lib import Cluster, Timeline, ask, holders, stored
from lib import NIGHTLY, main, say, wait_until
from oracle_targets import POPULATION_COUNTED, POPULATION_METRIC, POPULATION_SERIES, Oracle

INTERVAL_S = 15 if NIGHTLY else 5
BUDGET = 30_000
TARGETS = 6
NODES = ("node-a", "node-b", "node-c")
PLACED_SECONDS_MAX = 60  # from the start of the nodes on: A1 to A3
TAKEOVER_SECONDS = 6  # over the interval that a target's samples may be apart when its node dies
LEADER_TAKEOVER_SECONDS = 12  # if that led
BACK_SECONDS_MAX = 150  # until a node that came back has targets again, and nothing moves
NEEDED_SECONDS_MAX = 60

# What a Prometheus would be given, as in the demo: pods are kept by an annotation, and named twice.
CONFIG = """global:
  scrape_interval: %(interval)ds
  evaluation_interval: %(interval)ds
  scrape_timeout: 4s
  external_labels:
    cluster: custom2
scrape_configs:
  - job_name: metrics-test
    file_sd_configs:
      - files: ["%(targets)s"]
        refresh_interval: 1s
    relabel_configs:
      - source_labels: [__meta_pod_label_metrics]
        regex: "true"
        action: keep
      - source_labels: [__meta_pod_name]
        target_label: pod
    metric_relabel_configs:
      - source_labels: [pod]
        target_label: pod1
"""


class Demo:
    def __init__(self, checks, folder):
        self.checks = checks
        self.oracle = Oracle(folder, targets=64, population=True)
        self.targets_path = os.path.join(folder, "targets.json")
        self.set_targets(TARGETS)
        text = CONFIG % {"interval": INTERVAL_S, "targets": self.targets_path}
        self.config = text
        self.cluster = Cluster(folder, NODES, lambda _: text, [f"--cluster.series-budget={BUDGET}"])
        self.started = 0.0

    def set_targets(self, count):
        groups = [
            {
                "targets": [self.oracle.address],
                "labels": {
                    "__metrics_path__": f"/t/{n}",
                    "instance": f"t{n}",
                    "__meta_pod_name": f"metrics-{n}",
                    "__meta_pod_label_metrics": "true" if n < count else "false",
                },
            }
            for n in range(64)
        ]
        with open(self.targets_path + ".new", "w", encoding="utf-8") as file:
            json.dump(groups, file)
        os.replace(self.targets_path + ".new", self.targets_path)

    def any(self):
        return self.cluster.alive()[-1]

    def shares(self):
        return sorted(self.cluster.counts().values())

    def needed(self):
        found = self.cluster.status()
        return found and found["needed_nodes"]

    def check_timeline(self, start, gap_seconds_max, what):
        end = time.time() - 1
        timeline = Timeline(stored(self.any(), start, end), INTERVAL_S)
        longest = timeline.longest()
        say(f"{what}: {longest:.3f} s between samples at most (limit {gap_seconds_max:g} s)")
        self.checks.that(longest <= gap_seconds_max, f"{what}: time between samples", f"{longest:.3f} s: {timeline.gaps()[:5]}")
        self.checks.equal(timeline.twice(holders(self.cluster, start, end)), [], f"{what}: samples twice")
        self.checks.equal(timeline.backwards(), [], f"{what}: counters that step back")


def placed(demo):
    """A1 to A3, within 60 s."""
    checks, cluster = demo.checks, demo.cluster
    settled = wait_until(lambda: demo.shares() == [2, 2, 2] and cluster.settled(TARGETS), PLACED_SECONDS_MAX, pause=0.3)
    checks.that(settled, "A1: two targets on each of three nodes", cluster.scraped_by())
    say(f"placed {time.time() - demo.started:.1f} s after the start")

    def counted():
        return demo.any().value(f"count({POPULATION_METRIC})") == TARGETS * POPULATION_COUNTED

    def measured():
        return [one["series"] for one in ask(demo.any(), "cluster/targets") or []] == [POPULATION_SERIES] * TARGETS

    def left():
        return demo.started + PLACED_SECONDS_MAX - time.time()

    checks.that(wait_until(counted, left()), "A3: series of all nodes", demo.any().value(f"count({POPULATION_METRIC})"))
    checks.that(wait_until(measured, left()), "A1: series of each target", ask(demo.any(), "cluster/targets"))
    checks.that(wait_until(lambda: demo.needed() == 3, left()), "A1: nodes that are needed", demo.needed())
    for node in cluster.alive():
        checks.equal(node.value(f"count({POPULATION_METRIC})"), 60_000.0, f"A3: counted on {node.name}")
        checks.equal(node.value("sum(scrape_samples_scraped)"), 60_270.0, f"A3: series scraped, on {node.name}")
        found = ask(node, "targets", state="active")["activeTargets"]
        checks.equal(len(found), TARGETS, f"A1: targets of all nodes, on {node.name}")
        checks.equal({one["health"] for one in found}, {"up"}, f"A1: health on {node.name}")
        own = set(cluster.own_targets(node))
        named = {one["labels"]["instance"] for one in found if one.get("node") == node.name}
        checks.equal(named, own, f"A1: the owner is named, on {node.name}")
        said = ask(node, "cluster/targets")
        checks.equal({len(one["owners"]) for one in said}, {1}, f"A1: owners of each target, on {node.name}")
        checks.equal([one["series"] for one in said], [POPULATION_SERIES] * TARGETS, f"A1: series, on {node.name}")
        check_head(checks, node)


def check_head(checks, node):
    """A2: what a node has in its head comes from its own two targets."""
    series = node.metric("prometheus_tsdb_head_series")
    checks.that(20_090 <= series <= 20_200, f"A2: series in the head of {node.name}", series)
    checks.equal(node.metric("prometheus_tsdb_head_series_created_total"), series, f"A2: series created on {node.name}")
    checks.equal(node.metric("prometheus_tsdb_head_series_removed_total"), 0.0, f"A2: series removed on {node.name}")


def death(demo):
    """A5: a node is killed; its targets are scraped elsewhere, and queries say what is missing."""
    checks, cluster = demo.checks, demo.cluster
    for leads in (False, True):
        leader = cluster.leading()
        victim = leader if leads else next(node for node in cluster.alive() if node is not leader)
        what = "A5: the leader is killed" if leads else "A5: a node is killed"
        limit = INTERVAL_S + (LEADER_TAKEOVER_SECONDS if leads else TAKEOVER_SECONDS)
        begun = time.time()
        wait_until(lambda: False, 2 * INTERVAL_S)
        victim.kill()
        killed = time.time()
        orphans = cluster.scraped_by
        taken = wait_until(lambda: len(orphans()) == TARGETS, limit + 5, pause=0.1)
        checks.that(taken, f"{what}: its targets are scraped elsewhere", orphans())
        say(f"{what}: taken over {time.time() - killed:.1f} s later")
        answer = demo.any().get("/api/v1/query", query=f"count({POPULATION_METRIC})").json()
        address = cluster.address(victim)
        whole = answer["status"] == "success" and answer["data"]["result"] and float(answer["data"]["result"][0]["value"][1]) == 60_000
        named = any(address in text or victim.name in text for text in answer.get("warnings", []))
        checks.that(whole or named, f"{what}: a query is whole or names the node", answer)
        wait_until(lambda: False, 2 * INTERVAL_S)
        victim.start()
        back = wait_until(lambda: demo.shares() == [2, 2, 2] and cluster.settled(TARGETS), BACK_SECONDS_MAX, pause=0.5)
        checks.that(back, f"{what}: it has targets again when it is back", cluster.scraped_by())
        say(f"{what}: balanced again {time.time() - killed:.1f} s later")
        wait_until(lambda: False, 2 * INTERVAL_S)
        demo.check_timeline(begun, limit, what)


def seventh(demo):
    """A6: a seventh target is placed though it is too much; a fourth node takes it, or another, and nothing is lost."""
    checks, cluster = demo.checks, demo.cluster
    begun = time.time()
    demo.set_targets(7)
    placed_now = wait_until(lambda: demo.shares() == [2, 2, 3] and cluster.settled(7), NEEDED_SECONDS_MAX, pause=0.3)
    checks.that(placed_now, "A6: the seventh target is placed", cluster.scraped_by())
    checks.that(wait_until(lambda: demo.needed() == 4, NEEDED_SECONDS_MAX), "A6: four nodes are needed", demo.needed())
    leader = cluster.leading()
    needed = wait_until(lambda: leader.metric("skein_cluster_needed_nodes") == 4, NEEDED_SECONDS_MAX)
    checks.that(needed, "A6: skein_cluster_needed_nodes", leader.metric("skein_cluster_needed_nodes"))
    over = wait_until(lambda: leader.metric("skein_cluster_over_budget_nodes") == 1, NEEDED_SECONDS_MAX)
    checks.that(over, "A6: a node is over its budget", leader.metric("skein_cluster_over_budget_nodes"))
    before = cluster.scraped_by()
    cluster.add("node-d").start()
    checks.that(
        wait_until(lambda: demo.shares()[0] > 0 and cluster.settled(7), BACK_SECONDS_MAX, pause=0.3),
        "A6: the fourth node gets targets",
        cluster.scraped_by(),
    )
    wait_until(lambda: False, 2 * INTERVAL_S)
    after = cluster.scraped_by()
    moved = [instance for instance in after if before.get(instance) != after[instance]]
    checks.that(1 <= len(moved) <= 2, "A6: at most two moves", (before, after))
    checks.that(wait_until(lambda: leader.metric("skein_cluster_over_budget_nodes") == 0, 30), "A6: nobody is over budget")
    demo.check_timeline(begun, 1.5 * INTERVAL_S, "A6: a fourth node")
    span = int(time.time() - begun)
    counted = demo.any().vector(f"count_over_time(oracle_scrape_number[{span}s])")
    most = max(counted.values())
    checks.that(most <= span / INTERVAL_S + 1, "A6: samples of a target, none twice", (most, span))


def twenty(demo):
    """A7: twenty targets need ten nodes; when there are six again, what is left of the others counts for nothing."""
    checks, cluster = demo.checks, demo.cluster
    demo.set_targets(20)
    checks.that(cluster.wait_settled(20, BACK_SECONDS_MAX), "A7: twenty targets are placed", cluster.scraped_by())
    checks.that(wait_until(lambda: demo.needed() == 10, NEEDED_SECONDS_MAX), "A7: ten nodes are needed", demo.needed())
    demo.set_targets(TARGETS)
    checks.that(cluster.wait_settled(TARGETS, BACK_SECONDS_MAX), "A7: six targets again", cluster.scraped_by())
    checks.that(wait_until(lambda: demo.needed() == 3, NEEDED_SECONDS_MAX), "A7: three nodes are needed", demo.needed())
    loads = [node["active_series"] for node in cluster.status()["nodes"]]
    checks.that(
        wait_until(lambda: sum(n["active_series"] for n in cluster.status()["nodes"]) <= 60_270 + 100, NEEDED_SECONDS_MAX),
        "A7: series that ended are no load",
        loads,
    )


def plain_file(demo):
    """A8: the nodes' file is the plain one."""
    for node in demo.cluster.nodes.values():
        with open(node.config_path, encoding="utf-8") as file:
            text = file.read()
        demo.checks.equal(text, demo.config, f"A8: the file of {node.name}")
        demo.checks.that("hashmod" not in text and "cluster:\n" not in text, "A8: nothing of sharding in it")


def test(checks, folder):
    demo = Demo(checks, folder)
    demo.started = time.time()
    demo.cluster.start()
    for part in (placed, death, seventh, twenty, plain_file):
        checks.run(part.__name__, part, demo)
    demo.cluster.stop(checks)


if __name__ == "__main__":
    main(test)
