"""Restart with the WAL that scraping left behind: time and CPU until queries are right again."""
import signal
import time

from . import machine
from .servers import write_config
from .session import Session

STOP_SIGNALS = {"term": signal.SIGTERM, "kill": signal.SIGKILL}
ANSWER_TIMEOUT_S = 600
ANSWER_POLL_S = 0.01


def ingest_and_restart(session, product):
    """Scrapes for the warm-up and the window, stops, restarts without targets.
    Returns (running server, Unix time of the stop, result)."""
    options = session.options
    servers = session.start([product])
    session.warm(servers)
    ingested, _ = session.window(servers)
    stopped_at = time.time()
    old = servers[0]
    old.process.stop(STOP_SIGNALS[options.stop])
    wal = machine.folder_bytes(old.data_path / "wal")

    session.progress(f"{product.name}: restart")
    folder = session.workspace.folder(product.name)
    config = write_config(folder / "no_targets.yml", product.name, options.interval)
    server = product.launch(session.workspace, config, old.data_path)
    ready = server.wait_ready()
    ready_cpu = machine.process_cpu_seconds(server.pid)
    # Every target has been up shortly before the stop, so the right answer is known.
    server.process.wait_for(
        lambda: server.query_value("count(up)", stopped_at - options.interval)
        == session.farm.targets,
        ANSWER_TIMEOUT_S, "answering count(up) rightly", ANSWER_POLL_S)
    answered = time.monotonic() - server.started
    memory = machine.process_memory(server.pid)
    (series,) = server.metric("prometheus_tsdb_head_series")
    return server, stopped_at, {
        "name": product.name,
        "samples": session.farm.served(product.name)["samples"],
        "samples_in_window": ingested[0]["samples"],
        "head_series": series,
        "wal_bytes": wal,
        "ready_seconds": ready,
        "ready_cpu_seconds": ready_cpu,
        "first_answer_seconds": answered,
        "rss_bytes": memory["rss"],
        "rss_peak_bytes": memory["peak"],
    }


def run(workspace, options, progress):
    session = Session(workspace, options, progress)
    results = []
    for product in session.products:
        server, _, result = ingest_and_restart(session, product)
        results.append(result)
        server.process.stop()
    return {"servers": results, "warnings": session.warnings}
