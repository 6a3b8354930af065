"""A farm and servers that scrape it, up to a window of steady state that is measured."""
import statistics
import time

from . import machine
from .farm import Farm
from .process import BenchError
from .servers import find_products, idle_memory, write_config

MEMORY_PERIOD_S = 1.0
FIRST_SCRAPES_SLACK_S = 120
REPORT_SERIES = 5  # up and the scrape_* series a server adds to each scrape
CROSS_CHECK_TOLERANCE = 0.02


class Snapshot:
    """A server's counters at one moment. With opening=True the costly questions (the server's own
    /metrics) come before the CPU clock is read, otherwise after, so that they stay outside."""

    def __init__(self, server, farm, opening):
        if opening:
            self._ask_server(server)
        self.time = time.monotonic()
        self.user, self.system = machine.process_user_system(server.pid)
        self.cpu = machine.process_cpu_seconds(server.pid)
        self.written = machine.process_written_bytes(server.pid)
        self.served = farm.served(server.name)
        self.wal = machine.folder_bytes(server.data_path / "wal")
        if not opening:
            self._ask_server(server)

    def _ask_server(self, server):
        self.series, self.appended = server.metric(
            "prometheus_tsdb_head_series", "prometheus_tsdb_head_samples_appended_total")


class Session:
    """Starts the farm and says which servers take part; close the workspace to end everything."""

    def __init__(self, workspace, options, progress):
        self.workspace = workspace
        self.options = options
        self.progress = progress
        self.warnings = []
        self.products = []
        for product in find_products(options):
            if product.path is None:
                self.warnings.append(f"without {product.name}: {product.why_absent}")
                progress(self.warnings[-1])
            else:
                self.products.append(product)
        if not self.products:
            raise BenchError("there is no server to measure")
        self.farm = Farm(workspace, options)
        self.idle = {}
        for product in self.products:
            progress(f"{product.name}: memory when idle")
            self.idle[product.name] = idle_memory(product, workspace, options.interval)

    def groups(self):
        """Which servers run at the same time."""
        if self.options.mode == "concurrent":
            return [self.products]
        return [[product] for product in self.products]

    def start(self, products):
        """Starts servers on the farm and waits until each has scraped every target."""
        servers = []
        for product in products:
            folder = self.workspace.folder(product.name)
            config = write_config(folder / "prometheus.yml", product.name, self.options.interval,
                                  self.farm.sd_path)
            servers.append(product.launch(self.workspace, config, folder / "data"))
        limit_s = 3 * self.options.interval + FIRST_SCRAPES_SLACK_S
        for server in servers:
            server.wait_ready()
            self.progress(f"{server.name}: first scrapes")
            server.process.wait_for(
                lambda s=server: self.farm.served(s.name)["requests"] >= self.farm.targets,
                limit_s, "scraping every target once", 0.5)
        return servers

    def warm(self, servers):
        self.progress(f"warming up for {self.options.warmup} s")
        end = time.monotonic() + self.options.warmup
        while time.monotonic() < end:
            for server in servers:
                server.process.check_alive()
            time.sleep(min(1.0, max(0.0, end - time.monotonic())))

    def window(self, servers):
        """Measures servers for options.seconds: (list of results, farm and machine)."""
        self.progress(f"measuring for {self.options.seconds} s")
        before = {server.name: Snapshot(server, self.farm, True) for server in servers}
        farm_before, farm_cpu, busy = (
            self.farm.statistics(), self.farm.cpu_seconds(), machine.busy_seconds())
        begin = time.monotonic()
        memory = {server.name: [] for server in servers}
        while (left := begin + self.options.seconds - time.monotonic()) > 0:
            time.sleep(min(MEMORY_PERIOD_S, left))
            for server in servers:
                server.process.check_alive()
                memory[server.name].append(machine.process_memory(server.pid))
        seconds = time.monotonic() - begin
        busy = machine.busy_seconds() - busy
        farm_cpu = self.farm.cpu_seconds() - farm_cpu
        farm_samples = self.farm.statistics()["samples"] - farm_before["samples"]
        after = {server.name: Snapshot(server, self.farm, False) for server in servers}
        results = [self._result(server, before[server.name], after[server.name],
                                memory[server.name]) for server in servers]
        own_cpu = farm_cpu + sum(result["cpu_seconds"] for result in results)
        surroundings = {
            "seconds": seconds,
            "farm_cpu_us_per_sample": ratio(farm_cpu * 1e6, farm_samples),
            "other_cpu_cores": max(0.0, (busy - own_cpu) / seconds),
        }
        return results, surroundings

    def _result(self, server, before, after, memory):
        cpu = after.cpu - before.cpu
        samples = after.served["samples"] - before.served["samples"]
        scrapes = after.served["requests"] - before.served["requests"]
        user, system = after.user - before.user, after.system - before.system
        series = after.series or self.farm.series
        rss = statistics.fmean(m["rss"] for m in memory)
        wal = after.wal - before.wal
        idle = self.idle[server.name]
        appended = None
        if before.appended is not None and after.appended is not None:
            appended = after.appended - before.appended
            self._cross_check(server.name, appended, samples + REPORT_SERIES * scrapes)
        if samples == 0:
            self.warnings.append(f"{server.name} scraped nothing in the window")
        if series < self.farm.series * (1 - CROSS_CHECK_TOLERANCE):
            self.warnings.append(f"{server.name} holds {series:.0f} series, "
                                 f"the farm has {self.farm.series}")
        return {
            "name": server.name,
            "seconds": after.time - before.time,
            "samples": samples,
            "scrapes": scrapes,
            "samples_appended": appended,
            "head_series": series,
            "cpu_seconds": cpu,
            "cpu_us_per_sample": ratio(cpu * 1e6, samples),
            "user_share": ratio(user, user + system),
            "cpu_us_per_scrape": ratio(cpu * 1e6, scrapes),
            "rss_mean_bytes": rss,
            "rss_max_bytes": max(m["rss"] for m in memory),
            "rss_peak_bytes": memory[-1]["peak"],
            "anon_mean_bytes": statistics.fmean(m["anon"] for m in memory),
            "idle_rss_bytes": idle["rss"],
            "idle_anon_bytes": idle["anon"],
            "rss_bytes_per_series": ratio(rss, series),
            "rss_above_idle_bytes_per_series": ratio(rss - idle["rss"], series),
            "wal_bytes_per_sample": ratio(wal, samples) if wal >= 0 else None,
            "disk_write_bytes_per_sample":
                None if after.written is None else ratio(after.written - before.written, samples),
        }

    def _cross_check(self, name, appended, expected):
        if expected and abs(appended - expected) / expected > CROSS_CHECK_TOLERANCE:
            self.warnings.append(f"{name} says it appended {appended:.0f} samples, the farm's "
                                 f"count makes {expected}")


def ratio(numerator, denominator):
    return numerator / denominator if denominator else None
