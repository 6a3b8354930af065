"""How a cluster places the farm's targets: until they are balanced, when a node joins, and what it costs the leader."""
import json
import time

from .cluster import Cluster
from .machine import process_cpu_seconds
from .process import BenchError, http_get

BALANCED_RATIO = 1.10  # highest share of a node to the mean: what a cluster leaves alone
PLACED_TIMEOUT_S = 300
LOOK_PAUSE_S = 0.1
CALM_S = 60  # after an election, or the first plan, nothing is moved to balance
GAP = 1.5  # intervals: more between two samples, and a slot was missed


def status(cluster):
    return json.loads(http_get(cluster.nodes[0].url + "/api/v1/cluster/status"))["data"]


def moves_done(cluster):
    return sum(node.metric("skein_cluster_moves_done_total")[0] or 0 for node in cluster.nodes)


def balanced(cluster, targets):
    """Every target is up and nothing moves, and no node has much more series than the mean."""
    found = status(cluster)
    series = [node["active_series"] or 0 for node in found["nodes"]]
    held = sum(node["targets"] or 0 for node in found["nodes"])
    if held != targets or found["moves_in_flight"] or not all(series):
        return False
    return max(series) * len(series) / sum(series) <= BALANCED_RATIO


def seconds_until(cluster, what, condition):
    begin = time.monotonic()
    cluster.nodes[0].process.wait_for(condition, PLACED_TIMEOUT_S, what, LOOK_PAUSE_S)
    return time.monotonic() - begin


def missed_slots(cluster, start, interval):
    """Slots of `up` without a sample since `start`, over all targets, and the longest time between two samples."""
    end = time.time() - interval
    _, body = cluster.nodes[0].ask("query", {"query": f"up[{int((end - start) * 1000)}ms]", "time": f"{end:.3f}"})
    answer = json.loads(body)
    if answer.get("status") != "success" or answer.get("warnings"):
        raise BenchError(f"up: {answer.get('error') or answer.get('warnings')}")
    missed, longest = 0, 0.0
    for series in answer["data"]["result"]:
        times = [float(t) for t, _ in series["values"]]
        for before, after in zip(times, times[1:]):
            longest = max(longest, after - before)
            if after - before > GAP * interval:
                missed += round((after - before) / interval) - 1
    return missed, longest


def cpu_window(cluster, seconds):
    """CPU seconds per second of each node, and who led."""
    before = {node.name: process_cpu_seconds(node.pid) for node in cluster.nodes}
    begin = time.monotonic()
    time.sleep(seconds)
    spent = time.monotonic() - begin
    used = {node.name: (process_cpu_seconds(node.pid) - before[node.name]) / spent for node in cluster.nodes}
    return used, status(cluster)["leader"]


def run(workspace, options, progress):
    cluster = Cluster(workspace, options, progress)
    seconds_until(cluster, "having every target up",
                  lambda: cluster.nodes[0].query_value("sum(up)", time.time()) == options.targets)
    placed_s = time.monotonic() - cluster.started
    progress(f"every target is up after {placed_s:.1f} s")
    seconds_until(cluster, "being balanced", lambda: balanced(cluster, options.targets))
    balanced_s = time.monotonic() - cluster.started
    first_moves = moves_done(cluster)
    progress(f"balanced after {balanced_s:.1f} s; {options.seconds} s of nothing")
    time.sleep(max(0.0, cluster.started + CALM_S + options.warmup - time.monotonic()))
    begin = time.time()
    used, leader = cpu_window(cluster, options.seconds)
    others = [cpu for name, cpu in used.items() if name != leader]
    quiet_missed, _ = missed_slots(cluster, begin, options.interval)
    progress("a fourth node joins")
    begin, before = time.time(), moves_done(cluster)
    joined = time.monotonic()
    cluster.add()
    seconds_until(cluster, "being balanced with the fourth node", lambda: balanced(cluster, options.targets))
    joined_s = time.monotonic() - joined
    time.sleep(3 * options.interval)
    join_missed, longest = missed_slots(cluster, begin, options.interval)
    return {
        "placement": {
            "every target up, s": placed_s,
            "balanced, s": balanced_s,
            "moves until then": first_moves,
            **{f"CPU of {name}, cores": cpu for name, cpu in used.items()},
            "CPU of the leader over the mean of the others, cores": used[leader] - sum(others) / len(others),
            "missed slots meanwhile": quiet_missed,
            "balanced after a fourth node, s": joined_s,
            "moves for it": moves_done(cluster) - before,
            "missed slots for it": join_missed,
            "longest time between samples for it, s": longest,
        },
        "warnings": [],
    }
