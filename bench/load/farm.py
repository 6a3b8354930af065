"""The targets: bench/load/farm, one process for all of them."""
import json

from .machine import process_cpu_seconds
from .process import BenchError, free_port, http_get

START_TIMEOUT_S = 60


class Farm:
    """A running skein-farm, its file_sd file and its counters."""

    def __init__(self, workspace, options):
        binary = options.build_dir / "skein-farm"
        if not binary.exists():
            raise BenchError(
                f"{binary} is missing: run ./dev build, or cmake --preset release && "
                "cmake --build build/release --target skein-farm")
        self.targets = options.targets
        self.series = options.targets * options.series
        self.sd_path = workspace.path / "targets.json"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [binary, "serve", "--port", port, "--targets", options.targets,
                   "--series", options.series, "--seed", options.seed, "--sd-file", self.sd_path,
                   "--churn-pct", options.churn_pct, "--churn-sec", options.churn_sec,
                   "--delay-min-ms", options.delay_min_ms, "--delay-max-ms", options.delay_max_ms,
                   "--timestamps", options.timestamps, "--quantum-ms", options.quantum_ms]
        if options.gzip:
            command.append("--gzip")
        self.process = workspace.start("farm", command)
        self.process.wait_for(lambda: self.statistics() is not None, START_TIMEOUT_S, "starting")

    def statistics(self):
        return json.loads(http_get(self.url + "/stats"))

    def served(self, client):
        """Requests and samples a server fetched so far."""
        return self.statistics()["clients"].get(client, {"requests": 0, "samples": 0, "bytes": 0})

    def cpu_seconds(self):
        return process_cpu_seconds(self.process.pid)
