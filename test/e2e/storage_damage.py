#!/usr/bin/env python3
"""Whatever lies in a data folder, Skein starts, is ready, serves what is good and names what is not.

One folder of good blocks of two hours each; most of them are spoiled in one way each, and things that nobody asked
for are put beside them.
"""

import json
import os
import random
import shutil
import time

import data_folder
from lib import STANDIN, Server, main, skip, wait_until

HOUR = 3600
STEP_SECONDS = 300
BLOCK_SECONDS = 2 * HOUR
SEED = 20260404
NOTICE_SECONDS_MAX = 20  # until an upkeep has run
FLAGS = ["--storage.tsdb.block-reload-interval=1s"]
NOTHING = "global: {scrape_interval: 1m}\n"
QUARANTINED, REMOVED, SERVED = "quarantined", "removed", "served"


def make_blocks(checks, folder, count):
    """A folder with `count` blocks, the oldest first, and the Unix time at which it begins."""
    start = int(time.time()) // BLOCK_SECONDS * BLOCK_SECONDS - count * BLOCK_SECONDS
    page, data = os.path.join(folder, "page.om"), os.path.join(folder, "good")
    times = range(start, start + count * BLOCK_SECONDS, STEP_SECONDS)
    with open(page, "w", encoding="utf-8") as file:
        file.write("# TYPE good gauge\n")
        for n in range(3):
            file.writelines(f'good{{n="{n}"}} {value_at(at, n)} {at}\n' for at in times)
        file.write("# EOF\n")
    code, _, problems = data_folder.skein("create-blocks-from", "openmetrics", "-q", page, data)
    checks.equal((code, problems), (0, ""), "the blocks are made")
    metas = sorted(data_folder.metas(data), key=lambda meta: meta["minTime"])
    checks.equal(len(metas), count, "blocks made")
    return data, start, [meta["ulid"] for meta in metas]


def value_at(at, n):
    return at % 100_000 + n


# --- ways to spoil a block ----------------------------------------------------------------------------------------


def cut_to(path, part):
    os.truncate(path, int(os.path.getsize(path) * part))


def overwrite(path, data):
    with open(path, "r+b") as file:
        file.write(data)


def edit_meta(block, **changes):
    path = os.path.join(block, "meta.json")
    with open(path, encoding="utf-8") as file:
        meta = json.load(file)
    meta.update(changes)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(meta, file)


def replace_by_file(block):
    shutil.rmtree(block)
    with open(block, "w", encoding="utf-8") as file:
        file.write("not a folder\n")


def replace_by_link(block, target):
    shutil.rmtree(block)
    os.symlink(target, block)


def emptied(block):
    shutil.rmtree(block)
    os.mkdir(block)


def meta_is_a_folder(block):
    os.unlink(os.path.join(block, "meta.json"))
    os.mkdir(os.path.join(block, "meta.json"))


def a_stranger(block):
    emptied(block)
    with open(os.path.join(block, "photo.jpg"), "wb") as file:
        file.write(random.Random(SEED).randbytes(5000))


def at_index(block):
    return os.path.join(block, "index")


def at_chunks(block):
    return os.path.join(block, "chunks", "000001")


DAMAGES = {
    "index cut in half": lambda b: cut_to(at_index(b), 0.5),
    "index emptied": lambda b: cut_to(at_index(b), 0),
    "index missing": lambda b: os.unlink(at_index(b)),
    "index of another kind": lambda b: overwrite(at_index(b), b"GIF89a"),
    "index of a version to come": lambda b: overwrite(at_index(b), b"\xba\xaa\xd7\x00\x09"),
    "index table of contents spoiled": lambda b: cut_to(at_index(b), 0.99),
    "chunk file emptied": lambda b: cut_to(at_chunks(b), 0),
    "chunk file of another kind": lambda b: overwrite(at_chunks(b), b"GIF89a"),
    "chunk files missing": lambda b: shutil.rmtree(os.path.join(b, "chunks")),
    "meta.json emptied": lambda b: cut_to(os.path.join(b, "meta.json"), 0),
    "meta.json cut in half": lambda b: cut_to(os.path.join(b, "meta.json"), 0.5),
    "meta.json missing": lambda b: os.unlink(os.path.join(b, "meta.json")),
    "meta.json a folder": meta_is_a_folder,
    "meta.json of a version to come": lambda b: edit_meta(b, version=2),
    "meta.json without an identity": lambda b: edit_meta(b, ulid=""),
    "meta.json of times that run backwards": lambda b: edit_meta(b, minTime=2_000, maxTime=1_000),
    "tombstones spoiled": lambda b: open(os.path.join(b, "tombstones"), "wb").write(b"\x01\x30\xba\x30\x01\xff\xff"),
    "nothing in it": emptied,
    "a stranger's folder": a_stranger,
    "a file, no folder": replace_by_file,
    "a link to itself": lambda b: replace_by_link(b, os.path.basename(b)),
    "a link to nothing": lambda b: replace_by_link(b, "nowhere"),
    "a link that goes round": lambda b: replace_by_link(b, "."),
}
GOOD_BLOCKS = 5  # besides


# --- things beside the blocks -------------------------------------------------------------------------------------


def ulid(number):
    return f"01ARZ3NDEKTSV4RRFFQ69G{number:04}"


def duplicate(data, source):
    """The same block under another name: which is it?"""
    shutil.copytree(os.path.join(data, source), os.path.join(data, ulid(1)))
    return {ulid(1): QUARANTINED}


def overlapping(data, source):
    """The same samples twice."""
    block = os.path.join(data, ulid(2))
    shutil.copytree(os.path.join(data, source), block)
    edit_meta(block, ulid=ulid(2), compaction={"level": 1, "sources": [ulid(2)]})
    return {ulid(2): SERVED}


def half_made(data, source):
    for number, suffix in ((3, ".tmp-for-creation"), (4, ".tmp-for-deletion"), (5, ".tmp")):
        block = os.path.join(data, ulid(number) + suffix)
        shutil.copytree(os.path.join(data, source), block)
        cut_to(at_index(block), 0.3)
    return {ulid(3) + ".tmp-for-creation": REMOVED, ulid(4) + ".tmp-for-deletion": REMOVED, ulid(5) + ".tmp": REMOVED}


def odd_names(data):
    """None of these is a block, so nothing is said about them and they stay."""
    for name in (b"\xff\xfe", b"01ARZ3NDEKTSV4RRFFQ69G\xff\xff\xff\xff", b"new\nline", b"a" * 255, "日本語".encode()):
        os.mkdir(os.path.join(os.fsencode(data), name))
    with open(os.path.join(os.fsencode(data), b"file\xff"), "wb"):
        pass
    os.symlink("loop", os.path.join(data, "loop"))
    os.mkdir(os.path.join(data, "lost+found"))


def odd_logs(data):
    """No server wrote into these."""
    wal = os.path.join(data, "wal")
    heads = os.path.join(data, "chunks_head")
    os.makedirs(os.path.join(wal, "checkpoint.00000007.tmp"))
    os.makedirs(os.path.join(wal, "checkpoint.broken"))
    os.makedirs(os.path.join(wal, "00000003"))
    os.makedirs(heads)
    for path in ("00000001", "00000005", "0000000x", "notes.txt", os.fsdecode(b"\xff")):
        with open(os.path.join(wal, path), "wb"):
            pass
    with open(os.path.join(wal, "00000006"), "wb") as file:
        file.write(random.Random(SEED).randbytes(70_000))
    with open(os.path.join(heads, "000001"), "wb") as file:
        file.write(b"no chunks")
    with open(os.path.join(heads, "000003"), "wb"):
        pass
    os.symlink("000004", os.path.join(heads, "000004"))


# --- the test -----------------------------------------------------------------------------------------------------


def expect_good(checks, server, what, start, index_of_good, count):
    """Exactly the samples of the blocks that are whole."""
    end = start + count * BLOCK_SECONDS
    found = server.samples(f"good[{count * BLOCK_SECONDS}s]", end - 0.001)
    times = [at for at in range(start, end, STEP_SECONDS) if (at - start) // BLOCK_SECONDS in index_of_good]
    for n in range(3):
        got = next((samples for labels, samples in found.items() if ("n", str(n)) in labels), [])
        want = [(at * 1000, float(value_at(at, n))) for at in times]
        checks.that(got == want, f"{what}: the samples of the good blocks", f"{len(got)}, want {len(want)}")


def told_of(checks, server, fates):
    """Every bad folder went where it should and is named, with a reason."""
    log, there = server.log(), set(os.listdir(server.data))
    quarantine = data_folder.quarantined(server.data)
    status = server.get("/api/v1/status/storage") if checks.built(server, "/api/v1/status/storage") else None
    for name, (what, fate) in fates.items():
        lines = [line for line in log.splitlines() if f"name={name} " in line]
        if fate == SERVED:
            lines = [line for line in lines if "fate=served" not in line]
            checks.that(not lines, f"{what}: is served", lines[:1])
            continue
        checks.that(lines and "reason=" in lines[0], f"{what}: the log names {name} and why")
        checks.that(name not in there, f"{what}: is out of the way")
        kept = [one for one in quarantine if one.startswith(name + ".")]
        checks.equal(len(kept), int(fate == QUARANTINED), f"{what}: kept in quarantine")
        if status is not None:
            checks.that(name in status.text, f"{what}: /api/v1/status/storage names {name}", status.text[:300])


def test(checks, folder):
    if STANDIN:
        skip("Prometheus does not start on such a folder")
    count = len(DAMAGES) + GOOD_BLOCKS
    good, start, names = make_blocks(checks, folder, count)
    server = Server(folder, "server", NOTHING, FLAGS)
    data_folder.copy(good, server.data)
    fates, spoiled = {}, {}
    # The newest blocks stay good: they say where the head begins.
    for index, (what, spoil) in enumerate(DAMAGES.items()):
        spoil(os.path.join(server.data, names[index]))
        spoiled[index] = what
        fates[names[index]] = (what, QUARANTINED)
    for what, add in (("a duplicate", duplicate), ("an overlapping block", overlapping), ("half made", half_made)):
        fates.update({name: (what, fate) for name, fate in add(server.data, names[-1]).items()})
    odd_names(server.data)
    odd_logs(server.data)
    server.start()
    whole = set(range(count)) - set(spoiled)
    expect_good(checks, server, "first start", start, whole, count)
    told_of(checks, server, fates)
    checks.that(
        wait_until(lambda: ulid(2) not in os.listdir(server.data), NOTICE_SECONDS_MAX),
        "the overlapping block is compacted with the other",
    )
    expect_good(checks, server, "after a compaction", start, whole, count)
    checks.equal(server.stop()[0], 0, "exit code after SIGTERM")
    before = data_folder.quarantined(server.data)
    checks.run("second start", second_start, checks, server, before, (start, whole, count))


def second_start(checks, server, quarantine, expected):
    told = len(server.log().splitlines())
    server.start()
    expect_good(checks, server, "second start", *expected)
    lines = [line for line in server.log().splitlines()[told:] if "is not as it should be" in line and "fate=served" not in line]
    checks.that(not lines, "the second start has nothing to set aside", lines[:3])
    checks.equal(data_folder.quarantined(server.data), quarantine, "what lies in quarantine stays there")
    checks.equal(server.stop()[0], 0, "exit code after SIGTERM")


if __name__ == "__main__":
    main(test)
