"""What lies in a data folder, and what the two programs' tools say about it."""

import json
import os
import re
import shutil
import subprocess

from lib import BINARY

PROMTOOL = shutil.which("promtool") or ""
COMMAND_SECONDS_MAX = 60
ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
TEMPORARY = (".tmp-for-creation", ".tmp-for-deletion", ".tmp")


def blocks(data):
    """Names of the whole blocks."""
    return sorted(name for name in _names(data) if ULID.fullmatch(name))


def metas(data):
    """The meta.json of each whole block."""
    found = []
    for name in blocks(data):
        with open(os.path.join(data, name, "meta.json"), encoding="utf-8") as file:
            found.append(json.load(file))
    return found


def levels(data):
    """How often compacted, of each whole block. A server may take blocks away meanwhile."""
    while True:
        try:
            return [meta["compaction"]["level"] for meta in metas(data)]
        except FileNotFoundError:
            pass


def temporary(data):
    """What is half made or half gone, of blocks and of checkpoints."""
    names = _names(data) + [os.path.join("wal", name) for name in _names(os.path.join(data, "wal"))]
    return sorted(name for name in names if name.endswith(TEMPORARY))


def checkpoints(data):
    return sorted(name for name in _names(os.path.join(data, "wal")) if re.fullmatch(r"checkpoint\.\d+", name))


def head_chunk_bytes(data):
    folder = os.path.join(data, "chunks_head")
    return sum(os.path.getsize(os.path.join(folder, name)) for name in _names(folder))


def quarantined(data):
    return sorted(_names(os.path.join(data, "quarantine")))


def _names(folder):
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def copy(data, to):
    """A copy without the lock, so that a tool or a server may write into it."""
    shutil.copytree(data, to, symlinks=True, ignore=shutil.ignore_patterns("lock"))
    return to


def run(program, *arguments):
    """Exit code, standard output and standard error."""
    done = subprocess.run(
        [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS_MAX, check=False
    )
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def skein(*arguments):
    return run(BINARY, "tsdb", *arguments)


def promtool(*arguments):
    return run(PROMTOOL, "tsdb", *arguments)


def dump(tool, data, *flags):
    """All samples of a folder as lines, in an order of their own. promtool writes into the folder: give it a copy."""
    code, lines, problems = tool("dump", *flags, data)
    if code != 0:
        raise AssertionError(f"dump of {data} ended with {code}: {problems[-500:]}")
    return sorted(lines.splitlines())
