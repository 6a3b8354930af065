"""The servers under test: how each is started, configured and asked."""
import http.client
import json
import shutil
import time
import urllib.parse

from .machine import process_memory
from .process import free_port, http_get

READY_TIMEOUT_S = 600
IDLE_SETTLE_S = 3
READY_POLL_S = 0.01


class Product:
    """A program that can be measured; path is None when it is not there."""

    def __init__(self, name, path, why_absent, extra_flags):
        self.name = name
        self.path = path
        self.why_absent = why_absent
        self.extra_flags = extra_flags  # a function: list of flags for one start

    def launch(self, workspace, config_path, data_path):
        return Server(self, workspace, config_path, data_path)


def find_products(options):
    """Skein and the peers that --servers names, present or not."""
    skein = options.skein or options.build_dir / "skein"
    prometheus = shutil.which("prometheus")
    victoria = shutil.which("victoria-metrics")
    known = {
        "skein": Product(
            "skein", skein if skein.exists() else None,
            f"{skein} is missing: run ./dev build",
            lambda: [f"--grpc.listen-address=127.0.0.1:{free_port()}"]),
        "prometheus": Product(
            "prometheus", prometheus,
            "prometheus is not on PATH: run scripts/setup --peers (Debian's package prometheus)",
            lambda: []),
        "victoria-metrics": Product(
            "victoria-metrics", victoria,
            "victoria-metrics is not on PATH: run scripts/setup --peers "
            "(Debian's package victoria-metrics)",
            lambda: []),
    }
    return [known[name] for name in options.servers]


def write_config(path, name, interval_s, sd_path=None):
    """A prometheus.yml that scrapes the farm, or nothing."""
    lines = ["global:", f"  scrape_interval: {interval_s}s",
             f"  scrape_timeout: {min(interval_s, 10)}s"]
    if sd_path is not None:
        lines += ["scrape_configs:", "  - job_name: farm", "    params:",
                  f"      client: [{name}]", "    file_sd_configs:",
                  f"      - files: ['{sd_path}']"]
    path.write_text("\n".join(lines) + "\n")
    return path


class Server:
    """One running server process."""

    def __init__(self, product, workspace, config_path, data_path):
        self.name = product.name
        self.data_path = data_path
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.started = time.monotonic()
        self.process = workspace.start(product.name, [
            product.path, f"--config.file={config_path}", f"--storage.tsdb.path={data_path}",
            f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=warn",
            *product.extra_flags()])
        self.pid = self.process.pid

    def wait_ready(self):
        """Seconds from the start of the process until it says it is ready."""
        self.process.wait_for(lambda: http_get(self.url + "/-/ready") is not None,
                              READY_TIMEOUT_S, "becoming ready", READY_POLL_S)
        return time.monotonic() - self.started

    def metric(self, *names):
        """Sums over labels of metrics of the server itself; None for one it does not have."""
        sums = dict.fromkeys(names)
        for line in http_get(self.url + "/metrics").splitlines():
            name = line.partition("{")[0].partition(" ")[0]
            if name in sums:
                sums[name] = (sums[name] or 0) + float(line.rpartition(" ")[2])
        return [sums[name] for name in names]

    def ask(self, endpoint, parameters):
        """One API call on a fresh connection: (wall seconds, bytes of the whole answer)."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=READY_TIMEOUT_S)
        try:
            connection.connect()
            begin = time.perf_counter()
            connection.request("GET", f"/api/v1/{endpoint}?" + urllib.parse.urlencode(parameters))
            body = connection.getresponse().read()
            return time.perf_counter() - begin, body
        finally:
            connection.close()

    def query_value(self, expression, at):
        """The single value of an instant query; None when there is none."""
        _, body = self.ask("query", {"query": expression, "time": at})
        result = json.loads(body).get("data", {}).get("result", [])
        return float(result[0]["value"][1]) if result else None


def idle_memory(product, workspace, interval_s):
    """Memory of a server that has nothing to do."""
    folder = workspace.folder(product.name, "idle")
    config = write_config(folder / "prometheus.yml", product.name, interval_s)
    server = product.launch(workspace, config, folder / "data")
    server.wait_ready()
    time.sleep(IDLE_SETTLE_S)
    memory = process_memory(server.pid)
    server.process.stop()
    return memory
