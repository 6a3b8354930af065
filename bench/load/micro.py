"""The micro-benchmarks of build/release/skein-micro, as one benchmark of the list."""
import json
import subprocess

from .process import BenchError


def run(_workspace, options, progress):
    binary = options.build_dir / "skein-micro"
    if not binary.exists():
        raise BenchError(f"{binary} is missing: run ./dev build, or cmake --preset release && "
                         "cmake --build build/release --target skein-micro")
    progress("nanoseconds per operation")
    done = subprocess.run([binary, "--json"], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError(f"skein-micro failed:\n{done.stderr}")
    return {"cases": json.loads(done.stdout)["cases"], "warnings": []}
