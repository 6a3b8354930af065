"""`bench/run list` and `bench/run run NAME`: names, options, and the frame of every run."""
import argparse
import dataclasses
import datetime
import json
import pathlib
import signal
import sys
from typing import Callable

from . import cluster, ingest, machine, micro, placement, query, replay, report, storage
from .process import BenchError, Workspace

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Benchmark:
    name: str
    summary: str
    run: Callable
    defaults: dict = dataclasses.field(default_factory=dict)


BENCHMARKS = [
    Benchmark("ingest-100k", "100 targets x 1000 series: CPU per sample, memory, WAL", ingest.run,
              {"targets": 100, "warmup": 60, "seconds": 120}),
    Benchmark("ingest-500k", "500 targets x 1000 series, five minutes", ingest.run,
              {"targets": 500, "warmup": 120, "seconds": 300}),
    Benchmark("ingest-small", "2000 targets x 100 series: cost per scrape", ingest.run,
              {"targets": 2000, "series": 100, "warmup": 60, "seconds": 120}),
    Benchmark("ingest-gzip", "100 targets x 1000 series, compressed bodies", ingest.run,
              {"targets": 100, "warmup": 60, "seconds": 120, "gzip": True}),
    Benchmark("ingest-slow", "500 targets x 1000 series that answer after 5 to 500 ms", ingest.run,
              {"targets": 500, "warmup": 60, "seconds": 120,
               "delay_min_ms": 5, "delay_max_ms": 500}),
    Benchmark("ingest-churn", "500 targets x 1000 series, 1 % renamed every five minutes",
              ingest.run, {"targets": 500, "warmup": 60, "seconds": 300, "churn_pct": 1}),
    Benchmark("replay", "restart with the WAL of 500k series", replay.run,
              {"targets": 500, "warmup": 30, "seconds": 300, "mode": "sequential"}),
    Benchmark("query-100k", "37 questions over the same blocks: 100k series, beside two peers",
              query.run, {"targets": 100, "servers": query.SERVERS}),
    Benchmark("query-500k", "the same over 500k series", query.run,
              {"targets": 500, "servers": query.SERVERS}),
    Benchmark("storage", "1 M series x 4 h: bytes per series, replay, the cut, bytes per sample",
              storage.run, {"targets": 1000, "samples": 240, "seconds": 15}),
    Benchmark("cluster", "three nodes: what queries over all of them add, and send", cluster.run,
              {"targets": 300, "interval": 5, "seconds": 60}),
    Benchmark("placement", "three nodes: time to balance, moves, missed slots, the leader's CPU; a fourth one",
              placement.run, {"targets": 300, "interval": 5, "warmup": 5, "seconds": 60}),
    Benchmark("micro", "nanoseconds of single operations (skein-micro)", micro.run),
]


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/run", description="Skein's benchmarks.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show the benchmarks")
    run = commands.add_parser("run", help="run one", argument_default=argparse.SUPPRESS)
    run.add_argument("name", choices=[benchmark.name for benchmark in BENCHMARKS])
    run.add_argument("--json", action="store_true", help="print one JSON object")
    run.add_argument("--keep", action="store_true", help="keep logs and data")
    run.add_argument("--servers", type=lambda text: text.split(","),
                     help="which, in this order (default: skein,prometheus)")
    run.add_argument("--only", type=lambda text: text.split(","), help="names of queries (query)")
    run.add_argument("--mode", choices=["concurrent", "sequential"],
                     help="all servers at once, or one after the other (ingest)")
    run.add_argument("--stop", choices=["term", "kill"], help="how replay ends a server")
    run.add_argument("--skein", type=pathlib.Path, help="the skein binary")
    run.add_argument("--build-dir", type=pathlib.Path, help="default: build/release")
    run.add_argument("--timestamps", choices=["none", "cadvisor", "all"])
    run.add_argument("--gzip", action="store_true")
    for name, meaning in [("seconds", "length of the window"), ("warmup", "seconds before it"),
                          ("interval", "seconds between scrapes"), ("targets", ""),
                          ("series", "per target"), ("samples", "per series (storage)"), ("seed", ""), ("churn-pct", ""),
                          ("churn-sec", ""), ("delay-min-ms", ""), ("delay-max-ms", ""),
                          ("quantum-ms", "")]:
        run.add_argument(f"--{name}", type=int, help=meaning)
    return parser.parse_args(arguments)


def options_of(benchmark, given):
    """Built-in defaults, then the benchmark's, then what the user said."""
    options = argparse.Namespace(
        json=False, keep=False, servers=["skein", "prometheus"], mode="concurrent", stop="term",
        only=None, skein=None, build_dir=ROOT / "build" / "release", timestamps="none", gzip=False,
        seconds=120, warmup=60, interval=15, targets=100, series=1000, samples=240, seed=42, churn_pct=0,
        churn_sec=300, delay_min_ms=0, delay_max_ms=0, quantum_ms=1)
    vars(options).update(benchmark.defaults)
    vars(options).update(vars(given))
    there = set(benchmark.defaults.get("servers", ["skein", "prometheus"]))
    unknown = set(options.servers) - there
    if unknown:
        raise BenchError(f"--servers: unknown: {', '.join(sorted(unknown))} "
                         f"(there are {', '.join(sorted(there))})")
    if options.seconds < 1 or options.interval < 1 or options.warmup < 0:
        raise BenchError("--seconds and --interval are at least 1, --warmup at least 0")
    return options


def run_benchmark(benchmark, options):
    progress = lambda text: print("... " + text, file=sys.stderr, flush=True)  # noqa: E731
    result = {
        "benchmark": benchmark.name,
        "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "options": {key: str(value) if isinstance(value, pathlib.Path) else value
                    for key, value in vars(options).items() if key not in ("command", "name")},
    }
    with Workspace(options.keep) as workspace:
        if options.keep:
            progress(f"keeping {workspace.path}")
        result.update(benchmark.run(workspace, options, progress))
    result["ratios"] = report.ratios(result.get("servers", []))
    if "servers" in result and options.seconds % options.interval != 0:
        result["warnings"].append("--seconds is no multiple of --interval: the window holds "
                                  "parts of scrape rounds")
    return result


def main(arguments):
    given = parse(arguments)
    if given.command == "list":
        for benchmark in BENCHMARKS:
            print(f"{benchmark.name:14} {benchmark.summary}")
        return 0
    # A TERM unwinds like Ctrl-C, so that children and folders go too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    benchmark = next(b for b in BENCHMARKS if b.name == given.name)
    try:
        result = run_benchmark(benchmark, options_of(benchmark, given))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    # A reader that goes away (| head) ends us quietly; there is nothing left to clean up.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if vars(given).get("json"):
        json.dump(result, sys.stdout, indent=2)
        print()
    else:
        report.print_report(result)
    return 0
