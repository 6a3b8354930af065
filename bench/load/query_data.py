"""The samples that queries run over: the same blocks for everyone, made once and kept."""
import os
import shutil
import subprocess

from .process import BenchError

# 2025-02-01T00:00:00Z. All samples lie before.
END_S = 1_738_368_000
# Every target has samples of the last 70 minutes each 15 s (an hour, and windows that reach back);
# the first ten, which is all kinds, also each minute of the day before.
RECENT_S, RECENT_STEP_MS = 70 * 60, 15_000
DAY_S, DAY_STEP_MS, DAY_TARGETS = 25 * 3600, 60_000, 10
MAKE_TIMEOUT_S = 1800


def data_folder(options, progress):
    """A folder below the build folder whose `blocks` are whole."""
    name = f"query-{options.targets}x{options.series}-{options.seed}"
    folder = options.build_dir / "bench-data" / name
    done = folder / "blocks.done"
    if done.exists():
        return folder
    binary = options.build_dir / "skein-blocks"
    if not binary.exists():
        raise BenchError(f"{binary} is missing: run ./dev build")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    recent = (END_S - RECENT_S) * 1000
    stretches = [
        (options.targets, recent, END_S * 1000 - 1, RECENT_STEP_MS),
        (min(DAY_TARGETS, options.targets), (END_S - DAY_S) * 1000, recent - 1, DAY_STEP_MS),
    ]
    for targets, start, end, step in stretches:
        progress(f"a block: {targets} targets, {(end - start) // 60_000 + 1} minutes")
        subprocess.run(
            [binary, folder / "blocks", "--targets", str(targets), "--series", str(options.series),
             "--seed", str(options.seed), "--start-ms", str(start), "--end-ms", str(end),
             "--step-ms", str(step)],
            check=True, stdout=subprocess.DEVNULL, timeout=MAKE_TIMEOUT_S)
    done.touch()
    return folder


def link_blocks(folder, data):
    """A data folder of its own with the same files: nobody writes into those of a block."""
    shutil.copytree(folder / "blocks", data, copy_function=_link)


def _link(source, target):
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
