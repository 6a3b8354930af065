"""A set of queries over the same blocks, put to each server in turn."""
import http.client
import json
import math
import os
import pty
import shutil
import statistics
import subprocess
import threading
import time
import urllib.parse

from . import machine
from .process import BenchError, free_port, http_get
from .query_data import END_S, data_folder, link_blocks
from .query_set import CHOSEN_BY_VALUE, QUERIES
from .servers import find_products, write_config

SERVERS = ["skein", "prometheus", "victoria-metrics"]
REPEATS = 5
READY_TIMEOUT_S = 600
ANSWER_TIMEOUT_S = 600
SETTLE_S = 3
IMPORT_TIMEOUT_S = 1800
FOREVER = "100y"  # no server may delete what it is asked about


class Target:
    """A server that answers queries and does nothing else."""

    def __init__(self, workspace, product, arguments, health_path):
        self.name = product.name
        self.port = free_port()
        self.process = workspace.start(product.name, [
            product.path, *(text.replace("PORT", str(self.port)) for text in arguments)])
        self.pid = self.process.pid
        url = f"http://127.0.0.1:{self.port}{health_path}"
        self.process.wait_for(lambda: http_get(url) is not None, READY_TIMEOUT_S,
                              "becoming ready")

    def ask(self, endpoint, parameters):
        """The body of one API call on a fresh connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request("GET", f"/api/v1/{endpoint}?" + urllib.parse.urlencode(parameters))
            return connection.getresponse().read()
        finally:
            connection.close()

    def ask_all(self, requests):
        """Bodies of calls made at the same time."""
        if len(requests) == 1:
            return [self.ask(*requests[0])]
        bodies = [b""] * len(requests)

        def one(index):
            bodies[index] = self.ask(*requests[index])

        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(requests))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return bodies


def start_on_blocks(workspace, options, product, folder):
    """Skein or Prometheus on the blocks as they are."""
    own = workspace.folder(product.name)
    config = write_config(own / "no_targets.yml", product.name, options.interval)
    link_blocks(folder, own / "data")
    return Target(workspace, product, [
        f"--config.file={config}", f"--storage.tsdb.path={own / 'data'}",
        "--web.listen-address=127.0.0.1:PORT", "--log.level=warn",
        f"--storage.tsdb.retention.time={FOREVER}", "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.max-block-duration=2h", *product.extra_flags()], "/-/ready")


def start_victoria(workspace, product, folder):
    return Target(workspace, product, [
        f"-storageDataPath={folder / 'victoria'}", f"-retentionPeriod={FOREVER}",
        "-httpListenAddr=127.0.0.1:PORT", "-loggerLevel=WARN", "-search.disableCache",
        "-search.maxUniqueTimeseries=10000000", "-search.maxQueryDuration=10m",
        "-search.maxPointsPerTimeseries=100000"], "/health")


def run_on_terminal(command):
    """(exit code, text): vmctl draws a progress bar and goes without a terminal to draw on."""
    master, slave = pty.openpty()
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    said = b""
    try:
        while part := os.read(master, 65536):
            said = (said + part)[-65536:]
    except OSError:  # the terminal's last user went
        pass
    os.close(master)
    return child.wait(), said.decode(errors="replace")


def import_into_victoria(workspace, product, folder, progress):
    """Once per data folder, by vmctl; None, or why it cannot be."""
    done = folder / "victoria.done"
    if done.exists():
        return None
    vmctl = shutil.which("vmctl")
    if vmctl is None:
        return "vmctl is not on PATH, which brings blocks into it"
    progress("victoria-metrics: importing the blocks")
    shutil.rmtree(folder / "victoria", ignore_errors=True)
    target = start_victoria(workspace, product, folder)
    snapshot = workspace.folder("import") / "data"
    link_blocks(folder, snapshot)
    url = f"http://127.0.0.1:{target.port}"
    code, said = run_on_terminal(
        [vmctl, "prometheus", "-s", "--prom-snapshot", str(snapshot), "--vm-addr", url])
    if code != 0:
        raise BenchError(f"vmctl failed:\n{said[-2000:]}")
    http_get(url + "/internal/force_flush")
    http_get(url + "/internal/force_merge", IMPORT_TIMEOUT_S)
    target.process.stop()
    done.touch()
    return None


def start_all(workspace, options, folder, progress, warnings):
    targets = []
    for product in find_products(options):
        reason = product.why_absent if product.path is None else None
        if reason is None and product.name == "victoria-metrics":
            reason = import_into_victoria(workspace, product, folder, progress)
        if reason is not None:
            warnings.append(f"without {product.name}: {reason}")
            progress(warnings[-1])
        elif product.name == "victoria-metrics":
            targets.append(start_victoria(workspace, product, folder))
        else:
            targets.append(start_on_blocks(workspace, options, product, folder))
    if not targets:
        raise BenchError("there is no server to measure")
    time.sleep(SETTLE_S)
    return targets


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


def requests_for(target, query):
    requests = query.requests(END_S - 1)
    if target.name == "victoria-metrics":  # neither takes from its cache nor moves the range
        return [(endpoint, {**parameters, "nocache": 1}) for endpoint, parameters in requests]
    return requests


def first_run(target, query):
    """The run that is not counted: shape, and memory above what was resident before."""
    resident = machine.process_memory(target.pid)["rss"]
    known = machine.reset_peak(target.pid)
    bodies = target.ask_all(requests_for(target, query))
    peak = machine.process_memory(target.pid)["peak"]
    try:
        series, points = shape_of(bodies)
    except ValueError as error:
        return {"error": str(error)}
    return {"series": series, "points": points, "answer_bytes": sum(map(len, bodies)),
            "peak_bytes": max(0, peak - resident) if known else None}


def timed_run(target, query):
    """(CPU, wall) milliseconds."""
    requests = requests_for(target, query)
    cpu = machine.process_cpu_seconds(target.pid)
    wall = time.perf_counter()
    target.ask_all(requests)
    wall = time.perf_counter() - wall
    return (machine.process_cpu_seconds(target.pid) - cpu) * 1e3, wall * 1e3


def measure(targets, query):
    """The servers take turns, so that what else the machine does hits all of them."""
    answers = {target.name: first_run(target, query) for target in targets}
    runs = {target.name: [] for target in targets if "error" not in answers[target.name]}
    for _ in range(REPEATS):
        for target in targets:
            if target.name in runs:
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
                 if name != "skein" and answer.get(field)
                 and bool(answer["series"]) == bool(ours.get("series"))]
        if peers and ours.get(field):
            found[field] = min(peers) / ours[field]
    return found


def geometric_means(ratios):
    means = {}
    for field in ("cpu_ms", "wall_ms"):
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


def run(workspace, options, progress):
    warnings = []
    known = {query.name for query in QUERIES}
    if unknown := set(options.only or []) - known:
        raise BenchError(f"--only: unknown: {', '.join(sorted(unknown))}")
    asked = [query for query in QUERIES if not options.only or query.name in options.only]
    folder = data_folder(options, progress)
    targets = start_all(workspace, options, folder, progress, warnings)
    results = {target.name: {"name": target.name, "queries": {}} for target in targets}
    ratios = {}
    for query in asked:
        progress(query.name)
        answers = measure(targets, query)
        for name, answer in answers.items():
            results[name]["queries"][query.name] = answer
        compare(query.name, answers, warnings)
        ratios[query.name] = better_peer(answers)
    return {"servers": list(results.values()), "query_names": [query.name for query in asked],
            "better_peer": ratios, "geometric_mean": geometric_means(ratios),
            "warnings": warnings}
