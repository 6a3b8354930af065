"""A set of queries over the same blocks, put to each server in turn."""
import json
import math
import statistics
import time

from . import machine
from .exchange import Exchange
from .process import BenchError
from .query_data import data_folder
from .query_memory import FLOOR_BYTES, peak_bytes
from .query_servers import ANSWER_TIMEOUT_S, available, requests_for
from .query_set import CHOSEN_BY_VALUE, QUERIES

SERVERS = ["skein", "prometheus", "victoria-metrics"]
REPEATS = 5
SETTLE_S = 3
# A turn begins when no server does anything: what one collects after its answer is not to take a
# CPU from the next one. The wait is not slept, because a machine that wakes up first takes longer
# than a small answer.
QUIET_S = 0.005
QUIET_CPU_S = 0.0002
QUIET_WAIT_MAX_S = 2
# A ratio of memory takes what is less for this much.
LEAST = {"peak_bytes": FLOOR_BYTES}


def shape_of(bodies):
    """(series, points) of answers; raises ValueError with the server's error."""
    series = points = 0
    for body in bodies:
        answer = json.loads(body)
        if answer.get("status") != "success":
            raise ValueError(answer.get("error", "no error text"))
        result = answer["data"]["result"]
        series += len(result)
        points += sum(len(one.get("values", [0])) for one in result)
    return series, points


def first_run(target, query):
    """The run that is not counted: what the answer is."""
    bodies = target.ask_all(requests_for(target, query))
    try:
        series, points = shape_of(bodies)
    except ValueError as error:
        return {"error": str(error)}
    return {"series": series, "points": points, "answer_bytes": sum(map(len, bodies))}


def wait_quiet(targets):
    """Until none of them has used a CPU for a moment; waits no longer than QUIET_WAIT_MAX_S."""
    end = time.monotonic() + QUIET_WAIT_MAX_S
    quiet = False
    while not quiet and time.monotonic() < end:
        before = [machine.process_cpu_seconds(target.pid) for target in targets]
        begin = time.monotonic()
        while time.monotonic() < begin + QUIET_S:
            pass
        quiet = all(machine.process_cpu_seconds(target.pid) - cpu <= QUIET_CPU_S
                    for target, cpu in zip(targets, before))


def timed_run(target, query):
    """(CPU, wall) milliseconds."""
    exchange = Exchange(target.port, requests_for(target, query), ANSWER_TIMEOUT_S)
    cpu = machine.process_cpu_seconds(target.pid)
    wall = exchange.run()
    return (machine.process_cpu_seconds(target.pid) - cpu) * 1e3, wall * 1e3


def measure(targets, query):
    """The servers take turns, so that what else the machine does hits all of them."""
    answers = {target.name: first_run(target, query) for target in targets}
    runs = {target.name: [] for target in targets if "error" not in answers[target.name]}
    for _ in range(REPEATS):
        for target in targets:
            if target.name in runs:
                wait_quiet(targets)
                runs[target.name].append(timed_run(target, query))
    for name, pairs in runs.items():
        answers[name]["cpu_ms"] = statistics.median(cpu for cpu, _ in pairs)
        answers[name]["wall_ms"] = statistics.median(wall for _, wall in pairs)
    return answers


def better_peer(answers):
    """How often the figure of Skein goes into the better peer's, by field. A peer that found
    nothing where there is something did not do the work."""
    ours = answers.get("skein", {})
    found = {}
    for field in ("cpu_ms", "wall_ms", "peak_bytes"):
        peers = [answer[field] for name, answer in answers.items()
                 if name != "skein" and answer.get(field) is not None
                 and bool(answer["series"]) == bool(ours.get("series"))]
        if peers and ours.get(field) is not None:
            better, least = min(peers), LEAST.get(field, 0)
            if max(better, ours[field]) > least:
                found[field] = max(better, least) / max(ours[field], least)
    return found


def geometric_means(ratios):
    means = {}
    for field in ("cpu_ms", "wall_ms", "peak_bytes"):
        values = [one[field] for one in ratios.values() if field in one]
        if values:
            means[field] = math.exp(statistics.fmean(map(math.log, values)))
    return means


def compare(name, answers, warnings):
    """Skein and Prometheus show the same series and points; VictoriaMetrics looks back otherwise."""
    shapes = {}
    for server, answer in answers.items():
        if "error" in answer:
            warnings.append(f"{server}: query {name}: {answer['error']}")
        elif server == "victoria-metrics":
            if not answer["series"] and answers.get("skein", {}).get("series"):
                warnings.append(f"{server}: query {name} found nothing and does not count")
        else:
            shapes[server] = (answer["series"], answer["points"])
    if name not in CHOSEN_BY_VALUE and len(set(shapes.values())) > 1:
        warnings.append(f"query {name}: other series or points: {shapes}")


def time_all(starts, asked, progress, warnings):
    """{query: {server: answer}}, without memory."""
    targets = [start() for start in starts]
    time.sleep(SETTLE_S)
    answers = {}
    for query in asked:
        progress(query.name)
        answers[query.name] = measure(targets, query)
        compare(query.name, answers[query.name], warnings)
    for target in targets:
        target.process.stop()
    return answers


def add_memory(starts, asked, answers, progress):
    """Each query on servers that have just started."""
    for query in asked:
        progress(f"{query.name}: memory")
        for start in starts:
            target = start()
            peak = peak_bytes(target, query)
            target.process.stop()
            answer = answers[query.name][target.name]
            answer["peak_bytes"] = None if "error" in answer else peak


def run(workspace, options, progress):
    warnings = []
    known = {query.name for query in QUERIES}
    if unknown := set(options.only or []) - known:
        raise BenchError(f"--only: unknown: {', '.join(sorted(unknown))}")
    asked = [query for query in QUERIES if not options.only or query.name in options.only]
    folder = data_folder(options, progress)
    starts = available(workspace, options, folder, progress, warnings)
    answers = time_all(starts, asked, progress, warnings)
    add_memory(starts, asked, answers, progress)
    servers = {server: {"name": server, "queries": {}} for server in answers[asked[0].name]}
    ratios = {}
    for name, by_server in answers.items():
        for server, answer in by_server.items():
            servers[server]["queries"][name] = answer
        ratios[name] = better_peer(by_server)
    return {"servers": list(servers.values()), "query_names": [query.name for query in asked],
            "better_peer": ratios, "geometric_mean": geometric_means(ratios),
            "warnings": warnings}
