"""A data folder as a killed server leaves it: each server replays it and cuts its head into blocks."""
import json
import shutil
import subprocess
import time

from . import machine
from .process import BenchError
from .servers import find_products, write_config

SERIES_PER_TARGET = 1000   # skein-storage's
INTERVAL_MS = 60_000
FILL_TIMEOUT_S = 1800
CUT_TIMEOUT_S = 900
QUIET_S = 6.0              # with so little CPU the cut and all that follows it is done
QUIET_CPU_SHARE = 0.05
STEADY_AFTER_S = 3.0       # after it is ready, before anything is cut


def fill(workspace, options, progress):
    """The folder both servers get a copy of, and what skein-storage says about filling it."""
    binary = options.build_dir / "skein-storage"
    if not binary.exists():
        raise BenchError(f"{binary} is missing: run ./dev build")
    folder = workspace.folder("filled")
    series = options.targets * SERIES_PER_TARGET
    progress(f"{series} series, {options.samples} samples each")
    done = subprocess.run(
        [binary, "fill", folder, str(series), str(options.samples), str(INTERVAL_MS)],
        check=False, capture_output=True, text=True, timeout=FILL_TIMEOUT_S)
    if done.returncode != 0:
        raise BenchError(f"skein-storage failed:\n{done.stdout}{done.stderr}")
    return folder, done.stdout


def copy_for(product, workspace, filled):
    """Every server begins with the same log and chunk files, in the formats both know."""
    data = workspace.folder(product.name) / "data"
    shutil.copytree(filled, data, ignore=shutil.ignore_patterns("lock", "skein"))
    return data


def block_figures(data):
    """Samples and bytes of all blocks of a folder: (samples, chunk bytes, index bytes, blocks)."""
    samples = chunks = index = blocks = 0
    for meta in data.glob("*/meta.json"):
        samples += json.loads(meta.read_text())["stats"]["numSamples"]
        chunks += machine.folder_bytes(meta.parent / "chunks")
        index += (meta.parent / "index").stat().st_size
        blocks += 1
    return samples, chunks, index, blocks


def wait_for_cut(server, ready_cpu):
    """Waits until blocks were cut and nothing goes on any more; CPU seconds since `ready_cpu`."""
    end = time.monotonic() + CUT_TIMEOUT_S
    last_cpu, last_time = machine.process_cpu_seconds(server.pid), time.monotonic()
    while True:
        server.process.check_alive()
        time.sleep(QUIET_S)
        cpu, now = machine.process_cpu_seconds(server.pid), time.monotonic()
        quiet = cpu - last_cpu < QUIET_CPU_SHARE * (now - last_time)
        (cuts,) = server.metric("prometheus_tsdb_head_truncations_total")
        if cuts and quiet:
            return last_cpu - ready_cpu
        if now > end:
            raise BenchError(f"{server.name}: no cut within {CUT_TIMEOUT_S} s:\n"
                             f"{server.process.log_tail()}")
        last_cpu, last_time = cpu, now


def measure(product, workspace, options, filled):
    data = copy_for(product, workspace, filled)
    config = write_config(workspace.folder(product.name) / "no_targets.yml", product.name,
                          options.interval)
    wal = machine.folder_bytes(data / "wal")
    server = product.launch(workspace, config, data)
    ready = server.wait_ready()
    ready_cpu = machine.process_cpu_seconds(server.pid)
    time.sleep(STEADY_AFTER_S)
    steady = machine.process_memory(server.pid)
    (series,) = server.metric("prometheus_tsdb_head_series")
    cut_cpu = wait_for_cut(server, machine.process_cpu_seconds(server.pid))
    after = machine.process_memory(server.pid)
    server.process.stop()
    samples, chunks, index, blocks = block_figures(data)
    shutil.rmtree(data)
    return {
        "name": product.name,
        "head_series": series,
        "wal_bytes": wal,
        "ready_seconds": ready,
        "ready_cpu_seconds": ready_cpu,
        "rss_bytes": steady["rss"],
        "rss_peak_bytes": steady["peak"],
        "rss_steady_bytes_per_series": steady["rss"] / series if series else None,
        "replay_peak_over_steady": steady["peak"] / steady["rss"],
        "cut_cpu_seconds": cut_cpu,
        "rss_peak_with_cut_bytes": after["peak"],
        "rss_after_cut_bytes": after["rss"],
        "blocks": blocks,
        "block_samples": samples,
        "chunk_bytes_per_sample": chunks / samples if samples else None,
        "block_bytes_per_sample": (chunks + index) / samples if samples else None,
    }


def run(workspace, options, progress):
    warnings = []
    products = []
    for product in find_products(options):
        if product.path is None:
            warnings.append(f"without {product.name}: {product.why_absent}")
            progress(warnings[-1])
        else:
            products.append(product)
    filled, said = fill(workspace, options, progress)
    servers = []
    for product in products:
        progress(f"{product.name}: replay and cut")
        servers.append(measure(product, workspace, options, filled))
    return {"servers": servers, "fill": said.splitlines(), "warnings": warnings}
