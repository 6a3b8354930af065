"""The servers that the query benchmark asks: all on the same blocks, with nothing else to do."""
import functools
import http.client
import json
import os
import pty
import shutil
import subprocess
import threading
import urllib.parse

from .process import BenchError, free_port, http_get
from .query_data import END_S, link_blocks
from .servers import find_products, write_config

READY_TIMEOUT_S = 600
ANSWER_TIMEOUT_S = 600
IMPORT_TIMEOUT_S = 1800
# vmctl ends now and then before all that it read has been written, and says that all is well: with
# several writers mostly, with one hardly ever. A server that lacks series answers sooner.
IMPORTS_MAX = 5
IMPORTED_LEAST = 0.9999
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
    if not (own / "data").exists():
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
    snapshot = workspace.folder("import") / "data"
    link_blocks(folder, snapshot)
    wanted = samples_of(snapshot)
    for _ in range(IMPORTS_MAX):
        progress("victoria-metrics: importing the blocks")
        shutil.rmtree(folder / "victoria", ignore_errors=True)
        target = start_victoria(workspace, product, folder)
        url = f"http://127.0.0.1:{target.port}"
        code, said = run_on_terminal(
            [vmctl, "prometheus", "-s", "--prom-snapshot", str(snapshot), "--vm-addr", url,
             "--vm-concurrency", "1"])
        if code != 0:
            raise BenchError(f"vmctl failed:\n{said[-2000:]}")
        http_get(url + "/internal/force_flush")
        http_get(url + "/internal/force_merge", IMPORT_TIMEOUT_S)
        target.process.stop()
        target = start_victoria(workspace, product, folder)
        found = samples_in_victoria(target)
        target.process.stop()
        if found >= wanted * IMPORTED_LEAST:
            done.touch()
            return None
        progress(f"victoria-metrics: {found:,} of {wanted:,} samples arrived")
    return f"vmctl lost samples {IMPORTS_MAX} times: {found:,} of {wanted:,} arrived"


def samples_of(blocks):
    """What is in blocks, by their own account."""
    return sum(json.loads(meta.read_text())["stats"]["numSamples"]
               for meta in blocks.glob("*/meta.json"))


def samples_in_victoria(target):
    pages = http_get(f"http://127.0.0.1:{target.port}/metrics")
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in pages.splitlines()
               if line.startswith('vm_rows{type="storage/'))


def available(workspace, options, folder, progress, warnings):
    """Functions that start a server, of all that are there: each may be called again once what it
    started last has ended."""
    starts = []
    for product in find_products(options):
        reason = product.why_absent if product.path is None else None
        if reason is None and product.name == "victoria-metrics":
            reason = import_into_victoria(workspace, product, folder, progress)
        if reason is not None:
            warnings.append(f"without {product.name}: {reason}")
            progress(warnings[-1])
        elif product.name == "victoria-metrics":
            starts.append(functools.partial(start_victoria, workspace, product, folder))
        else:
            starts.append(functools.partial(start_on_blocks, workspace, options, product, folder))
    if not starts:
        raise BenchError("there is no server to measure")
    return starts


def requests_for(target, query):
    requests = query.requests(END_S - 1)
    if target.name == "victoria-metrics":  # neither takes from its cache nor moves the range
        return [(endpoint, {**parameters, "nocache": 1}) for endpoint, parameters in requests]
    return requests
