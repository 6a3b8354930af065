#!/usr/bin/env python3
"""Five nodes in network namespaces lose each other, die, restart, drain and join, while an oracle counts every scrape.

Each part says how long scrapes of a target were apart, how many slots have none, how many were stored twice, how many were answered
late, and for how long the oracle itself did not run (both are the machine's fault), and is held against the promise for it. Needs root. 100 targets every second and two
deaths of a kind; with --full, or SKEIN_NIGHTLY=1, 1,000 targets and twenty. --ci leaves out what takes longest.
"""

import argparse
import math
import os
import random
import re
import secrets
import sys
import time
from datetime import datetime, timezone

from cluster_lib import SLOTS, Cluster, Timeline, command, holders, stored, strangers
from lib import NIGHTLY, main, say, wait_until
from network import HUB, Network, in_own_network
from oracle_targets import Oracle, QuickOracle

NAMES = ("n1", "n2", "n3", "n4", "n5")
LATE = "n6"  # joins
INTERVAL_S = 1
TIMEOUT_MS = 800  # shorter, so that a target that is late, on a machine that is busy, costs no slot after it
NODE_DEATH_S = INTERVAL_S + 6  # between two samples of a target, at most, when its node dies
LEADER_DEATH_S = INTERVAL_S + 12
NEW_LEADER_S = 5  # from a leader's death, of 99 in 100; looked at in the full run
NEW_LEADER_MOST_S = 10
SETTLED_SECONDS_MAX = 180
TWICE_SHOWN_S = 8
QUIET_S = 4  # between parts, so that each has its own slots
DEAD_S = 2  # that a killed node is away after its targets are scraped elsewhere
FIRST_SCRAPE_S = 2  # from when the leader gives a joining node its first target to the first scrape
JOINED_S = 3  # from a process' start to when the leader relies on it; targets move to it then, or a minute after an election
PARTED_S = 15
REACH_MS = 1500  # between a sample's time, the start of its scrape, and the oracle's answer

CONFIG = """
global: {{scrape_interval: {interval}s, scrape_timeout: {timeout}ms}}
scrape_configs:
  - job_name: oracle
    http_sd_configs: [{{url: "http://{oracle}/sd", refresh_interval: 2s}}]
"""


class Part:
    """What happened between two moments, and what may be missing then."""

    def __init__(self, kind, gap_max=None):
        self.kind = kind
        self.gap_max = gap_max  # seconds; None: no slot may be missing
        self.begin = time.time()
        self.victims = None  # targets that may have gaps; None: any
        self.leader_after = None


class Run:
    def __init__(self, checks, folder, options, network):
        self.checks = checks
        self.network = network
        self.targets = options.targets
        self.random = random.Random(options.seed)
        if QuickOracle.is_built():
            self.oracle = QuickOracle(folder, options.targets, HUB)
        else:
            say("skein-farm is not built beside skein: Python plays the targets, and may be late for many")
            self.oracle = Oracle(folder, options.targets, HUB)
        key = os.path.join(folder, "key")
        with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        config = CONFIG.format(interval=INTERVAL_S, timeout=TIMEOUT_MS, oracle=self.oracle.address)
        self.cluster = Cluster(folder, NAMES, lambda _: config, [f"--cluster.key-file={key}"], network.places)
        self.figures = []

    def settle(self, what, quiet=QUIET_S):
        good = self.cluster.wait_settled(self.targets, SETTLED_SECONDS_MAX)
        self.checks.that(good, f"{what}: every target has one owner again", summary(self.cluster.scraped_by()))
        time.sleep(quiet)

    def close(self, part):
        """Looks at the samples of a part, once all nodes are there that may hold some."""
        end = time.time() - 2 * INTERVAL_S
        start = part.begin - QUIET_S
        asked = self.random.choice(self.cluster.alive())
        slots = stored(asked, start, end, SLOTS)
        failed = sum(value == 0 for values in slots.values() for _, value in values)
        timeline = Timeline(slots, INTERVAL_S)
        gaps, longest = timeline.gaps(), timeline.longest()
        held = holders(self.cluster, start, end, SLOTS)
        twice = timeline.twice(held)
        for instance, at in twice[:5]:
            near = [sorted(t for t in times if abs(t - at) < TWICE_SHOWN_S) for times in held[instance]]
            say(f"{part.kind}: {instance} is there twice at {at}; each node that has it: {near}")
        samples = stored(asked, start, end)
        what = part.kind
        self.checks.equal((len(slots), len(samples)), (self.targets, self.targets), f"{what}: targets with samples")
        if part.gap_max is None:
            self.checks.equal(gaps[:5], [], f"{what}: missed slots")
        else:
            self.checks.that(longest <= part.gap_max, f"{what}: time between samples", (longest, gaps[:5]))
        if part.victims is not None:
            others = [gap for gap in gaps if gap[0] not in part.victims]
            self.checks.equal(others[:5], [], f"{what}: missed slots of other nodes' targets")
        self.checks.equal(twice[:5], [], f"{what}: samples of one slot in one answer")
        self.checks.equal(Timeline(samples, INTERVAL_S).backwards()[:5], [], f"{what}: counters that step back")
        wrong = strangers(samples, self.oracle.served((start - 5) * 1000), REACH_MS)
        self.checks.equal(wrong[:5], [], f"{what}: samples that are no scrape's")
        stalls = [late for _, late in self.oracle.late(start * 1000, end * 1000)]
        figure = {
            "stalled": max(stalls, default=0),
            "kind": part.kind,
            "targets hit": len({gap[0] for gap in gaps}),
            "longest": longest,
            "missed": timeline.missed(),
            "twice": len(twice),
            "late": failed,
            "leader": part.leader_after,
        }
        self.figures.append(figure)
        say(f"{part.kind}: {longest:.2f} s between samples at most, {figure['missed']} slots missed, {len(twice)} twice, {failed} late answers"
            + (f", the oracle stood still {len(stalls)} times, for {max(stalls)} ms at most" if stalls else "")
            + (f", new leader after {part.leader_after:.2f} s" if part.leader_after is not None else ""))  # fmt: skip

    def table_is_true(self, what):
        """Who scrapes, by the oracle, is who owns, by the table."""
        addresses = {self.network.address(name): name for name in self.cluster.nodes}

        def differences():
            since = (time.time() - 2.5 * INTERVAL_S) * 1000
            seen = {
                f"t{target}": sorted({addresses[client] for _, _, client in scrapes})
                for target, scrapes in self.oracle.served(since).items()
                if scrapes
            }
            table = self.cluster.table()
            return {key: (seen.get(key), table.get(key)) for key in {**seen, **table} if seen.get(key) != table.get(key)}

        good = wait_until(lambda: not differences(), 5 * INTERVAL_S + 10, pause=0.5)
        self.checks.that(good, f"{what}: who scrapes is who owns", str(differences())[:500])

    def answers_are_true(self, what):
        """When nothing happens, what is stored is every scrape that was served."""
        time.sleep(12 * INTERVAL_S)
        end = time.time() - 2 * INTERVAL_S
        start = end - 8 * INTERVAL_S
        served = {
            f"t{target}": [number for number, ms, _ in scrapes] for target, scrapes in self.oracle.served((start - 2) * 1000).items()
        }
        for node in self.cluster.alive():
            wrong = {}
            slots = stored(node, start, end, SLOTS)
            for instance, values in stored(node, start, end).items():
                numbers = [number for _, number in values]
                late = sum(value == 0 for _, value in slots[instance])
                between = [number for number in served[instance] if numbers[0] <= number <= numbers[-1]]
                lacks = set(between) - set(numbers)
                if len(slots[instance]) < 7 or not set(numbers) <= set(between) or len(lacks) > late:
                    wrong[instance] = (numbers, between)
            self.checks.that(not wrong, f"{what}: {node.name} answers what the oracle served", str(wrong)[:500])
            self.checks.equal(node.value("count(oracle_scrape_number)"), float(self.targets), f"{what}: targets, on {node.name}")
            self.checks.equal(node.value("sum(up)"), float(self.targets), f"{what}: targets that are up, on {node.name}")


def summary(owners):
    counts = {}
    for names in owners.values():
        key = "+".join(names)
        counts[key] = counts.get(key, 0) + 1
    return counts


WON = re.compile(r'^time=(\S+) .*msg="raft leadership won"', re.MULTILINE)


def leadership_won(cluster, after):
    """Unix seconds of the first election that was won after a moment; None: none was."""
    times = [moment(text) for node in cluster.nodes.values() for text in WON.findall(node.log())]
    return min((one for one in times if one >= after), default=None)


def owned_by(cluster, node):
    return {instance for instance, names in cluster.scraped_by().items() if node.name in names}


def death(run, leads, number):
    """One node dies without a word, and comes back later."""
    cluster = run.cluster
    leader = cluster.leading()
    run.checks.that(leader, "a node leads")
    others = [node for node in cluster.alive() if node is not leader]
    victim = leader if leads else run.random.choice(others)
    part = Part(f"{'leader' if leads else 'node'} killed ({number})", LEADER_DEATH_S if leads else NODE_DEATH_S)
    part.victims = owned_by(cluster, victim)
    time.sleep(run.random.random() * INTERVAL_S)
    killed = time.time()
    victim.kill()
    if leads:
        won = wait_until(lambda: leadership_won(cluster, killed), 20, pause=0.2)
        part.leader_after = won - killed if won else float("inf")
        run.checks.that(part.leader_after <= NEW_LEADER_MOST_S, f"{part.kind}: another leads", f"after {part.leader_after:.2f} s")
    taken = wait_until(lambda: len(cluster.scraped_by()) == run.targets, 30, pause=0.2)
    run.checks.that(taken, f"{part.kind}: its targets are scraped elsewhere", summary(cluster.scraped_by()))
    time.sleep(DEAD_S)
    victim.start()
    run.settle(part.kind)
    run.close(part)


def deaths(run, count):
    for number in range(1, count + 1):
        run.checks.run(f"leader killed ({number})", death, run, True, number)
        run.checks.run(f"node killed ({number})", death, run, False, number)


def rolling_restart(run):
    """One node after the other is stopped and started, as an upgrade does."""
    part = Part("rolling restart")
    for node in list(run.cluster.alive()):
        run.checks.equal(node.stop(30)[0], 0, f"rolling restart: exit code of {node.name}")
        node.start()
        run.settle(f"restart of {node.name}", 0)
    time.sleep(QUIET_S)
    run.close(part)


def parted(run):
    """The leader and one that does not vote are cut off from all others, both ways."""
    leader = run.cluster.leading()
    roles = {node["id"]: node["role"] for node in run.cluster.status(leader)["nodes"]}
    minority = [leader.name, next(name for name, role in roles.items() if role == "worker")]
    majority = [name for name in roles if name not in minority]
    part = Part("parted both ways")
    term = leader.metric("skein_cluster_term")
    run.network.part(minority, majority)

    def other_leads():
        found = run.cluster.leader(term_above=term)
        return found is not None and found.name in majority

    run.checks.that(wait_until(other_leads, PARTED_S, pause=0.3), "parted: the majority has a leader")
    time.sleep(PARTED_S)
    run.network.heal()
    run.settle("parted both ways")
    run.table_is_true("after parting")
    run.close(part)


def one_way(run, kind, from_leader):
    """What one node sends to the leader is lost, or what the leader sends to it."""
    leader = run.cluster.leading().name
    other = run.random.choice([name for name in NAMES if name != leader])
    part = Part(kind)
    run.network.cut(*((leader, other) if from_leader else (other, leader)))
    time.sleep(PARTED_S)
    run.network.heal()
    run.settle(kind)
    run.table_is_true(kind)
    run.close(part)


def drain(run):
    cluster = run.cluster
    node = run.random.choice(cluster.alive())
    part = Part("drain")
    command(cluster.alive()[0], "drain", node=node.name)
    empty = wait_until(lambda: not cluster.own_targets(node), SETTLED_SECONDS_MAX, pause=0.3)
    run.checks.that(empty, f"drain: {node.name} has no targets any more", summary(cluster.scraped_by()))
    run.settle("drain")
    run.close(part)
    part = Part("undrain")
    command(cluster.alive()[0], "undrain", node=node.name)
    filled = wait_until(lambda: cluster.own_targets(node), SETTLED_SECONDS_MAX, pause=0.3)
    run.checks.that(filled, f"undrain: {node.name} gets targets", summary(cluster.scraped_by()))
    run.settle("undrain")
    run.close(part)


def join(run):
    part = Part("join")
    started = time.time()
    node = run.cluster.add(LATE).start(wait=False)
    address = run.network.address(LATE)
    first = wait_until(lambda: first_scrapes(run, address, started), SETTLED_SECONDS_MAX, pause=0.2)
    if not run.checks.that(first, "join: a sixth node gets targets", summary(run.cluster.scraped_by())):
        return
    node.wait_ready()
    run.settle("join")
    seen = first_scrapes(run, address, started)
    given, live = {}, float("inf")
    for event in run.cluster.leading().api("cluster/history", node=LATE, since=started, limit=10_000):
        if event["kind"] == "move_begun":
            given[event["target"]["instance"]] = moment(event["time"])
        elif event["kind"] == "node_life" and event["text"].endswith(" is live"):
            live = min(live, moment(event["time"]) - started)
    if not run.checks.that(given, "join: the leader's history has moves to the node"):
        return
    run.checks.equal(set(given) - set(seen), set(), "join: targets that were given and never scraped")
    waits = sorted(seen[instance] - given[instance] for instance in given if instance in seen)
    after = min(seen.values()) - min(given.values())
    say(
        f"join: relied on {live:.2f} s after the start, first target given after {min(given.values()) - started:.2f} s, "
        f"first scrape {after:.2f} s later; "
        f"{len(waits)} targets, scraped {quantile(waits, 0.5):.2f} s (median), {waits[-1]:.2f} s (at most) after each was given"
    )
    run.checks.that(after <= FIRST_SCRAPE_S, "join: first scrape after the first assignment", f"{after:.2f} s")
    run.checks.that(live <= JOINED_S, "join: relied on after the start", f"{live:.2f} s")
    run.close(part)


def first_scrapes(run, address, since):
    """{instance: seconds} of the first scrape of each target by one node."""
    found = {}
    for target, scrapes in run.oracle.served(since * 1000).items():
        own = [ms for _, ms, client in scrapes if client == address]
        if own:
            found[f"t{target}"] = min(own) / 1000
    return found


def moment(text):
    """Unix seconds of a time as the API writes it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()


def quantile(ordered, part):
    """The smallest that so large a part of all does not exceed."""
    return ordered[max(math.ceil(part * len(ordered)) - 1, 0)]


def print_table(figures):
    kinds = {}
    for figure in figures:
        kinds.setdefault(re.sub(r" \(\d+\)$", "", figure["kind"]), []).append(figure)
    row = "{:<20} {:>5} {:>12} {:>12} {:>14} {:>6} {:>13} {:>12} {:>24}"
    heads = ("what", "times", "targets hit", "missed slots", "longest gap s", "twice", "late answers", "oracle stood", "new leader p50/p99/max s")
    print(row.format(*heads))
    for kind, some in kinds.items():
        leaders = sorted(one["leader"] for one in some if one["leader"] is not None)
        print(
            row.format(
                kind,
                len(some),
                sum(one["targets hit"] for one in some),
                sum(one["missed"] for one in some),
                f"{max(one['longest'] for one in some):.2f}",
                sum(one["twice"] for one in some),
                sum(one["late"] for one in some),
                f"{max(one['stalled'] for one in some)} ms",
                " / ".join(f"{quantile(leaders, part):.2f}" for part in (0.5, 0.99, 1)) if leaders else "",
            )
        )
    sys.stdout.flush()


CI_PARTS = "quiet,drain,parted,deaths,end"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", default=NIGHTLY, help="1,000 targets, 20 deaths of a kind")
    parser.add_argument("--targets", type=int)
    parser.add_argument("--deaths", type=int, help="of leaders, and of other nodes")
    parser.add_argument("--only", help="parts, separated by commas")
    parser.add_argument("--ci", action="store_true", help="some parts, and one death of a kind")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    if options.ci and not options.full:
        options.only = options.only or CI_PARTS
        options.deaths = options.deaths or 1
    options.targets = options.targets or (1000 if options.full else 100)
    options.deaths = options.deaths if options.deaths is not None else (20 if options.full else 2)
    return options


def test(checks, folder):
    options = parse()
    say(f"{options.targets} targets, {options.deaths} deaths of a kind, --seed={options.seed}")
    run = Run(checks, folder, options, Network([*NAMES, LATE]))
    run.cluster.start()
    run.settle("start")
    run.table_is_true("start")
    parts = {
        "quiet": lambda: run.answers_are_true("quiet"),
        "drain": lambda: drain(run),
        "rolling": lambda: rolling_restart(run),
        "join": lambda: join(run),
        "parted": lambda: parted(run),
        "to-leader": lambda: one_way(run, "cut to the leader", False),
        "from-leader": lambda: one_way(run, "cut from the leader", True),
        "deaths": lambda: deaths(run, options.deaths),
        "end": lambda: (run.table_is_true("end"), run.answers_are_true("end")),
    }
    for name in options.only.split(",") if options.only else parts:
        checks.run(name, parts[name])
    if options.full:
        after = sorted(figure["leader"] for figure in run.figures if figure["leader"] is not None)
        late = [seconds for seconds in after if seconds > NEW_LEADER_S]
        checks.that(len(late) <= len(after) // 100, f"another leads within {NEW_LEADER_S} s", late)
    print_table(run.figures)
    run.cluster.stop(checks)


if __name__ == "__main__":
    in_own_network()
    main(test)
