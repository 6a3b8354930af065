#!/usr/bin/env python3
"""What a cluster of three tells of itself, asked at any node, and what it can be told to do.

Every node answers the same; targets of all nodes come as one list; nodes are drained, paused and given targets by hand,
over HTTP and with `skein cluster`; without a leader the last that was known is told, and changes are refused.
"""

import json

from exporter import Exporter
from lib import Server, main, run_to_end, wait_until

JOIN_SECONDS_MAX = 30
MOVE_SECONDS_MAX = 60
LEADER_SECONDS_MAX = 20
SERIES = 40
TARGETS = 12
NODES = ("a", "b", "c")

def page(_):
    return "".join(f'some{{n="{n}"}} {n}\n' for n in range(SERIES))


class Cluster:
    def __init__(self, folder):
        self.exporter = Exporter()
        groups = []
        for target in range(TARGETS):
            self.exporter.pages[f"/t{target}"] = page
            groups.append(f'{{targets: ["{self.exporter.address}"], labels: {{__metrics_path__: /t{target}, part: "{target}"}}}}')
        self.config = (
            "global: {scrape_interval: 500ms, scrape_timeout: 400ms}\n"
            "scrape_configs:\n"
            f"  - job_name: pages\n    static_configs: [{', '.join(groups)}]\n"
            "  - job_name: dropped\n"
            '    static_configs: [{targets: ["127.0.0.1:1"]}]\n'
            '    relabel_configs: [{source_labels: [__address__], regex: ".*", action: drop}]\n'
        )
        flags = ["--cluster.series-budget=1000", "--web.enable-lifecycle"]
        self.nodes = {
            name: Server(folder, name, self.config, flags + [f"--cluster.node-id={name}"] + (["--web.enable-admin-api"] if name != "c" else []))
            for name in NODES
        }
        join = ",".join(f"127.0.0.1:{node.grpc_port}" for node in self.nodes.values())
        for node in self.nodes.values():
            node.flags += [f"--cluster.join={join}", f"--cluster.advertise-address=127.0.0.1:{node.grpc_port}"]

    def start(self):
        for node in self.nodes.values():
            node.start(wait=False)
        for node in self.nodes.values():
            node.wait_ready()

    def any(self):
        return next(node for node in self.nodes.values() if node.alive())

    def change(self, asked, what, **params):
        """HTTP status and the API's answer."""
        answer = self.nodes[asked].post(f"/api/v1/cluster/{what}", **params)
        return answer.status, answer.json()


def settled(cluster):
    """Everything has an owner, is up, and all three are live."""
    status = cluster.any().api("cluster/status")
    if [node["state"] for node in status["nodes"]] != ["live"] * 3 or status["moves_in_flight"] != 0:
        return False
    targets = cluster.any().api("cluster/targets")
    return len(targets) == TARGETS and all(target["health"] == "up" and target["series"] == SERIES for target in targets)


def owners(cluster):
    found = {}
    for target in cluster.any().api("cluster/targets"):
        for owner in target["owners"]:
            found.setdefault(owner, []).append(target["id"])
    return found


def check_looks(checks, cluster):
    """Any node answers, and the same."""
    statuses = {name: node.api("cluster/status") for name, node in cluster.nodes.items()}
    leader = statuses["a"]["leader"]
    checks.that(leader in NODES, "there is a leader", leader)
    for name, status in statuses.items():
        checks.equal(status["leader"], leader, f"{name}: the leader")
        checks.equal(status["answered_by"], leader, f"{name}: who answered")
        checks.equal(sorted(node["id"] for node in status["nodes"]), list(NODES), f"{name}: nodes")
        checks.equal(sorted(node["role"] for node in status["nodes"]), ["leader", "voter", "voter"], f"{name}: roles")
        checks.equal(status["targets"], TARGETS, f"{name}: targets")
        checks.equal(sum(node["targets"] for node in status["nodes"]), TARGETS, f"{name}: targets of the nodes")
    for name, node in cluster.nodes.items():
        targets = node.api("cluster/targets")
        checks.equal(len(targets), TARGETS, f"{name}: the list of targets")
        checks.equal({target["job"] for target in targets}, {"pages"}, f"{name}: their job")
        checks.that(all(target["labels"]["part"] for target in targets), f"{name}: their labels")
        checks.equal(len(node.api("cluster/nodes")), 3, f"{name}: the list of nodes")
        plan = node.api("cluster/plan")
        checks.equal(plan["unplaced"], 0, f"{name}: unplaced")
        kinds = {event["kind"] for event in node.api("cluster/history", limit="10000")}
        checks.that({"leads", "node_joined", "placed"} <= kinds, f"{name}: events", kinds)
        one = node.api("cluster/targets", limit="1")
        checks.equal(len(one), 1, f"{name}: a limit")
    wrong = cluster.nodes["b"].get("/api/v1/cluster/targets", node="nobody")
    checks.equal(wrong.status, 404, "targets of a node that there is not")
    checks.contains(wrong.text, "there are: ", "it names those there are")


def check_merged(checks, cluster):
    """The list of targets has all nodes' targets, each with its node."""
    want = {target: owner for owner, some in owners(cluster).items() for target in some}
    for name, node in cluster.nodes.items():
        answer = node.get("/api/v1/targets").json()
        checks.equal(answer.get("warnings"), None, f"{name}: warnings")
        data = answer["data"]
        checks.equal(len(data["activeTargets"]), TARGETS, f"{name}: active targets")
        found = {target["labels"]["part"]: target["node"] for target in data["activeTargets"]}
        checks.equal(len(found), TARGETS, f"{name}: each once")
        checks.equal(len(data["droppedTargets"]), 1, f"{name}: dropped targets")
        local = node.api("targets", local="1")["activeTargets"]
        checks.equal({target["node"] for target in local} <= {name}, True, f"{name}: its own")
        checks.equal(len(local), sum(1 for owner in want.values() if owner == name), f"{name}: how many are its own")
        checks.equal(node.api("scrape_pools")["scrapePools"], ["dropped", "pages"], f"{name}: pools")


def check_simulate(checks, cluster):
    node = cluster.nodes["b"]
    before = node.api("cluster/status")["epoch"]
    added = node.api("cluster/simulate", add="1", full="1")
    checks.equal(len(added["nodes"]), 4, "a simulated node")
    checks.that(added["nodes"][-1]["targets_after"] > 0, "it gets targets", added["nodes"][-1])
    drained = node.api("cluster/simulate", drain="c")
    checks.equal([one["targets_after"] for one in drained["nodes"] if one["id"] == "c"], [0], "a simulated drain")
    grown = node.api("cluster/simulate", grow="pages", factor="10")
    checks.that(grown["needed_nodes"] > 3, "a job that grows needs more nodes", grown["needed_nodes"])
    checks.equal(node.api("cluster/status")["epoch"], before, "nothing was changed")


def check_target_limit(checks, cluster):
    """No node has more targets of the job than the job may have; all of them together have, and so each is down."""

    def configure(limit):
        groups = ", ".join(f'{{targets: ["{cluster.exporter.address}"], labels: {{__metrics_path__: /t{n}, part: "{n}"}}}}' for n in range(3))
        job = f"  - job_name: limited\n    target_limit: {limit}\n    static_configs: [{groups}]\n" if limit else ""
        for node in cluster.nodes.values():
            node.write_config(cluster.config + job)
            checks.equal(node.post("/-/reload").status, 200, "reload")

    def limited():
        targets = cluster.any().api("targets")["activeTargets"]
        return sorted((target["health"], target["lastError"]) for target in targets if target["scrapePool"] == "limited")

    def ups():
        return sorted(series["value"][1] for series in cluster.any().api("query", query='up{job="limited"}')["result"])

    error = "target_limit exceeded (by the targets of all nodes, limit: 2)"
    configure(2)
    checks.that(wait_until(lambda: limited() == [("down", error)] * 3, JOIN_SECONDS_MAX, 0.3), "all targets of the job are down", limited())
    checks.that(wait_until(lambda: ups() == ["0"] * 3, JOIN_SECONDS_MAX, 0.3), "and up says so", ups())
    configure(3)
    checks.that(wait_until(lambda: limited() == [("up", "")] * 3, JOIN_SECONDS_MAX, 0.3), "with a higher limit all are up", limited())
    checks.that(wait_until(lambda: ups() == ["1"] * 3, JOIN_SECONDS_MAX, 0.3), "and up says that", ups())
    configure(2)
    checks.that(wait_until(lambda: limited() == [("down", error)] * 3, JOIN_SECONDS_MAX, 0.3), "with a lower one they are down again", limited())
    configure(None)
    checks.that(wait_until(lambda: settled(cluster), JOIN_SECONDS_MAX, 0.5), "the job is gone", limited())


def check_changes(checks, cluster):
    refused = cluster.nodes["c"].post("/api/v1/cluster/pause")
    checks.equal(refused.status, 500, "a change without --web.enable-admin-api")
    checks.contains(refused.text, "--web.enable-admin-api", "it says what to do")
    checks.equal(cluster.nodes["a"].get("/api/v1/cluster/pause").status, 405, "a change with GET")
    checks.equal(cluster.change("a", "pause")[0], 200, "pause")
    checks.that(wait_until(lambda: cluster.nodes["c"].api("cluster/status")["paused"], 5), "it is paused")
    checks.equal(cluster.change("b", "resume")[0], 200, "resume")
    status, answer = cluster.change("b", "drain", node="x")
    checks.equal(status, 404, "a node that there is not")
    checks.contains(answer["error"], "there are: ", "it names those there are")
    status, answer = cluster.change("b", "remove", node="c")
    checks.equal(status, 400, "a node that is not drained is not removed")
    some = owners(cluster)
    giver = max(some, key=lambda name: len(some[name]))
    taker = next(name for name in NODES if name != giver)
    target = some[giver][0]
    checks.equal(cluster.change("a", "move", target=target, to=taker)[0], 200, "a move by hand")

    def arrived():
        return target in owners(cluster).get(taker, [])

    checks.that(wait_until(arrived, MOVE_SECONDS_MAX, 0.3), "the target has moved")
    events = cluster.any().api("cluster/history", kind="move_done")
    checks.that(any(event["target"]["id"] == target and event["other"] == taker for event in events), "and the log has it", events[:3])
    checks.equal(cluster.change("a", "plan/apply", full="1")[0], 200, "a full plan")


def check_drain(checks, cluster):
    leader = cluster.any().api("cluster/status")["leader"]
    node = next(name for name in NODES if name != leader)
    code, text = run_to_end(["cluster", "drain", node, f"--url=http://127.0.0.1:{cluster.nodes['a'].port}"])
    checks.equal(code, 0, f"skein cluster drain: {text}")

    def drained():
        return [one["state"] for one in cluster.any().api("cluster/nodes") if one["id"] == node] == ["drained"]

    checks.that(wait_until(drained, MOVE_SECONDS_MAX, 0.5), f"{node} is drained", cluster.any().api("cluster/status"))
    checks.that(node not in owners(cluster), f"{node} has no targets", owners(cluster))
    missed = sum(one.metric("skein_handoff_missed_slots_total") for one in cluster.nodes.values())
    checks.equal(missed, 0.0, "no scrape is missing")
    checks.equal(cluster.change("a", "undrain", node=node)[0], 200, "undrain")


def check_commands(checks, cluster):
    """The same from the command line."""
    url = f"--url=127.0.0.1:{cluster.nodes['b'].port}"
    for verb, part in (
        (["status"], "fullest / mean"),
        (["nodes"], "BUDGET"),
        (["targets", "--limit=3"], "more than 3"),
        (["plan", "--full"], "needed nodes"),
        (["history"], "node_joined"),
        (["simulate", "--add=1"], "new-1"),
        (["pause"], "paused"),
        (["resume"], "go on"),
    ):
        code, text = run_to_end(["cluster"] + verb + [url])
        checks.equal(code, 0, f"skein cluster {verb[0]}: {text[:300]}")
        checks.contains(text, part, f"skein cluster {verb[0]}")
    code, text = run_to_end(["cluster", "status", url, "-o", "json"])
    checks.equal(json.loads(text)["status"], "success", "-o json")
    code, text = run_to_end(["cluster", "drain", "x", url])
    checks.equal(code, 1, "a node that there is not")
    checks.contains(text, "there are: ", "it is named")
    code, text = run_to_end(["cluster", "move", url])
    checks.equal(code, 2, "operands that are missing")
    code, text = run_to_end(["cluster", "status", "--url=http://127.0.0.1:1"])
    checks.equal(code, 1, "a server that is not there")


def check_metrics(checks, cluster):
    leaders = [name for name, node in cluster.nodes.items() if node.metric("skein_cluster_is_leader") == 1]
    checks.equal(leaders, [cluster.any().api("cluster/status")["leader"]], "who says that it leads")
    leader = cluster.nodes[leaders[0]]
    checks.equal(leader.metric("skein_cluster_targets"), float(TARGETS), "targets")
    checks.equal(leader.metric("skein_cluster_sessions"), 3.0, "sessions")
    checks.that(leader.metric("skein_cluster_plan_seconds_count") > 0, "plans are timed")
    held = sum(node.metric("skein_cluster_targets_held") for node in cluster.nodes.values())
    checks.that(held >= TARGETS, "targets that are held", held)
    for name, node in cluster.nodes.items():
        checks.equal(node.metric("skein_cluster_session_up"), 1.0, f"{name}: its session")
        checks.equal(node.metric("skein_cluster_members"), 3.0, f"{name}: members")


def check_transfer(checks, cluster):
    def all_vote():
        return sorted(node["role"] for node in cluster.any().api("cluster/nodes")) == ["leader", "voter", "voter"]

    checks.that(wait_until(all_vote, MOVE_SECONDS_MAX, 0.5), "all three vote again", cluster.any().api("cluster/nodes"))
    leader = cluster.any().api("cluster/status")["leader"]
    other = next(name for name in NODES if name != leader)
    status, answer = cluster.change("a", "transfer", to=other)
    checks.equal(status, 200, f"transfer: {answer}")

    def leads():
        return cluster.any().api("cluster/status")["leader"] == other

    checks.that(wait_until(leads, LEADER_SECONDS_MAX, 0.2), f"{other} leads")


def check_configured_while_down(checks, cluster):
    """Nodes keep what they scrape over a restart; how they scrape it may be another thing afterwards."""
    for name, node in cluster.nodes.items():
        checks.equal(node.stop(30)[0], 0, f"exit code of {name}")
        node.write_config(cluster.config.replace("500ms", "700ms"))
    cluster.start()

    def intervals():
        return {target["scrapeInterval"] for target in cluster.any().api("targets")["activeTargets"]}

    learned = wait_until(lambda: settled(cluster) and intervals() == {"700ms"}, JOIN_SECONDS_MAX, 0.5)
    checks.that(learned, "targets are scraped as they are configured now", intervals())


def check_alone(checks, cluster):
    """Two of three are gone: what is left tells what it knew, and changes nothing."""
    for name in ("b", "c"):
        cluster.nodes[name].kill()
    node = cluster.nodes["a"]

    def leaderless():
        answer = node.get("/api/v1/cluster/status").json()
        return any("last knew" in warning for warning in answer.get("warnings", []))

    checks.that(wait_until(leaderless, LEADER_SECONDS_MAX, 0.5), "a warning that nobody leads", node.get("/api/v1/cluster/status").text[:500])
    checks.equal(len(node.api("cluster/nodes")), 3, "the nodes are known all the same")
    checks.equal(len(node.api("cluster/targets")), TARGETS, "and the targets")
    refused = node.post("/api/v1/cluster/pause")
    checks.equal(refused.status, 503, f"a change without a leader: {refused.text[:300]}")
    checks.equal(node.get("/api/v1/cluster/plan").status, 503, "a plan without a leader")
    merged = node.get("/api/v1/targets").json()
    checks.that(len(merged.get("warnings", [])) >= 2, "targets of the other two are missing, and that is said", merged.get("warnings"))


def check_no_cluster(checks, folder):
    """A node by itself is a cluster of one."""
    node = Server(folder, "single", "scrape_configs: []\n", ["--web.enable-admin-api", "--cluster.node-id=single"]).start()
    status = node.api("cluster/status")
    checks.equal([one["id"] for one in status["nodes"]], ["single"], "its node")
    checks.equal(status["leader"], "single", "its leader")
    refused = node.post("/api/v1/cluster/pause")
    checks.that(refused.status >= 400, "nothing can be changed", refused.status)
    checks.contains(refused.text, "--cluster.join", "it says why")
    node.stop()


def test(checks, folder):
    checks.run("a node without a cluster", check_no_cluster, checks, folder)
    cluster = Cluster(folder)
    cluster.start()
    if not checks.that(wait_until(lambda: settled(cluster), JOIN_SECONDS_MAX, 0.5), "the cluster settles", cluster.any().get("/api/v1/cluster/status").text):
        return
    for name, step in (
        ("looks", check_looks),
        ("merged targets", check_merged),
        ("simulations", check_simulate),
        ("metrics", check_metrics),
        ("target limit", check_target_limit),
        ("commands", check_commands),
        ("changes", check_changes),
        ("drain", check_drain),
        ("transfer", check_transfer),
        ("configured while down", check_configured_while_down),
        ("no leader", check_alone),
    ):
        checks.run(name, step, checks, cluster)


main(test)
