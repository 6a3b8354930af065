#!/usr/bin/env python3
"""`skein tsdb` beside promtool: blocks made from one file, listed, analysed and dumped by both.

Without promtool only what Skein promises by itself is looked at.
"""

import os
import random
import re
import shutil
import subprocess

from lib import BINARY, Server, main, skip, wait_until

COMMAND_SECONDS_MAX = 60
START_MS = 1_700_000_000_000
PROMTOOL = shutil.which("promtool") or ""
TABLE_NUMBERS = slice(1, 7)  # of a line of list: all but the name and the size

CONFIG = """
global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
  - job_name: self
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""


def run(program, *arguments):
    """Exit code, standard output and standard error."""
    done = subprocess.run(
        [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS_MAX, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def skein(*arguments):
    return run(BINARY, "tsdb", *arguments)


def promtool(*arguments):
    return run(PROMTOOL, "tsdb", *arguments)


def openmetrics(path):
    """Three metrics over five hours, with awkward values and labels."""
    values = ["1", "1e6", "123456789", "0.000012345", "1e21", "NaN", "+Inf", "-Inf", "3.14159265358979", "1e-7", "-0.5"]
    lines = ["# HELP a_total Text.", "# TYPE a_total counter"]
    for series in range(3):
        labels = f'job="x",i="{series}",q="a\\"b\\\\c\\nd é"'
        lines += [f"a_total{{{labels}}} {values[i % len(values)]} {START_MS // 1000 + i * 60}.{i:03}" for i in range(200)]
    lines += ["# TYPE g gauge"]
    lines += [f'g{{job="y"}} {i} {START_MS // 1000 + i * 60}' for i in range(300)]
    lines += ["# TYPE many gauge"]
    lines += [f'many{{n="{n}"}} 1 {START_MS // 1000 + n}' for n in range(40)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n# EOF\n")


def sections(text):
    """An analysis: each list under its title, in any order, as equal counts have none."""
    out, title = {}, ""
    for line in text.splitlines():
        if re.match(r"^ *\d+(%:)? ", line):
            out[title].append(line)
        elif line and (line.endswith(":") or not out.get(title)):
            title = line
            out[title] = []
        elif line:
            out[title][-1] += line  # a label value with a line feed in it
    return {name: sorted(lines) for name, lines in out.items()}


def names(folder):
    return sorted(name for name in os.listdir(folder) if len(name) == 26)


def made_alike(checks, page, ours, theirs):
    code, table, problems = skein("create-blocks-from", "openmetrics", page, ours)
    checks.equal((code, problems), (0, ""), "create-blocks-from ends well")
    checks.equal(len(table.splitlines()), len(names(ours)) + 1, "it prints a header and a line for each block")
    code, listed, _ = skein("list", ours)
    checks.equal((code, listed), (0, table), "list prints what create-blocks-from printed")
    code, quiet, _ = skein("create-blocks-from", "openmetrics", "-q", page, ours + "-quiet")
    checks.equal((code, quiet), (0, ""), "-q prints nothing")
    checks.equal(len(names(ours + "-quiet")), len(names(ours)), "and makes the blocks")
    code, text, _ = skein("verify", ours)
    checks.that(code == 0 and text.count("OK block") == len(names(ours)), "verify finds the blocks whole", text)
    if not PROMTOOL:
        return
    code, wanted, _ = promtool("create-blocks-from", "openmetrics", page, theirs)
    rows = [[line.split()[TABLE_NUMBERS] for line in text.splitlines()[1:]] for text in (table, wanted)]
    checks.equal(rows[0], rows[1], "promtool makes blocks of the same times and counts")


def read_alike(checks, folder):
    """Both tools on one folder."""
    for flags in ([], ["-r"]):
        checks.equal(skein("list", *flags, folder)[:2], promtool("list", *flags, folder)[:2], f"list {flags}")
    for block in names(folder):
        ours, theirs = (tool("analyze", "--extended", "--limit=100000", folder, block) for tool in (skein, promtool))
        checks.equal(sections(ours[1]), sections(theirs[1]), f"analyze {block}")
    checks.equal(
        skein("analyze", "--limit=1", folder)[1].splitlines()[:7],
        promtool("analyze", "--limit=1", folder)[1].splitlines()[:7],
        "analyze takes the newest block",
    )
    os.makedirs(os.path.join(folder, "wal"), exist_ok=True)  # promtool wants one
    for flags in ([], [f"--min-time={START_MS + 7_000_000}", f"--max-time={START_MS + 9_000_000}"], ['--match={job="y"}']):
        ours, theirs = (tool("dump", *flags, folder) for tool in (skein, promtool))
        checks.equal(ours[0], theirs[0], f"dump {flags}: exit code")
        checks.equal(sorted(ours[1].splitlines()), sorted(theirs[1].splitlines()), f"dump {flags}")
        checks.that(ours[1], f"dump {flags} prints something")


def round_trip(checks, folder, blocks):
    """A dump as OpenMetrics makes the same blocks again."""
    code, page, _ = skein("dump-openmetrics", blocks)
    checks.that(code == 0 and page.endswith("\n# EOF\n"), "dump-openmetrics ends as a page does")
    path = os.path.join(folder, "dumped.om")
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)
    again = os.path.join(folder, "again")
    checks.equal(skein("create-blocks-from", "openmetrics", path, again)[0], 0, "the dump is taken back")
    checks.equal(skein("dump", again)[1], skein("dump", blocks)[1], "with the same samples")


def selectors(checks, blocks):
    lines = skein("dump", "--match=g", "--match", '{i="0"}', blocks)[1].splitlines()
    checks.equal(len(lines), 500, "selectors are united")
    text = skein("analyze", '--match={i!=""}', blocks, names(blocks)[0])[1]
    checks.that("Matched series: 3\n" in text and "\n3 a_total\n" in text, "analyze --match counts the series matched", text)
    code, _, problem = skein("dump", "--match={job=", blocks)
    checks.that(code == 1 and "--match" in problem, "a malformed selector is named", problem)


def refusals(checks, folder, blocks):
    code, _, problem = skein("list", os.path.join(folder, "nowhere"))
    checks.that(code == 1 and "nowhere" in problem, "a missing folder is named", problem)
    code, _, problem = skein("analyze", blocks, "01AAAAAAAAAAAAAAAAAAAAAAAA")
    checks.that(code == 1 and "01AAAAAAAAAAAAAAAAAAAAAAAA" in problem, "a missing block is named", problem)
    page = os.path.join(folder, "bad.om")
    with open(page, "w", encoding="utf-8") as file:
        file.write("a 1 1\na 2\n# EOF\n")
    code, _, problem = skein("create-blocks-from", "openmetrics", page, os.path.join(folder, "bad"))
    checks.that(code == 1 and "line 2" in problem, "a sample without a time is named by its line", problem)
    for words in ([], ["nothing"], ["create-blocks-from", "nothing"], ["list", "a", "b"], ["verify", "--nothing"]):
        code, _, problem = skein(*words)
        checks.that(code == 2 and problem, f"tsdb {words} is refused with a word about it", problem)


def damage(checks, folder, blocks):
    """A bit flipped in each file of a block is found, and named."""
    seed = int(os.environ.get("SKEIN_SEED", "20260102"))
    chance = random.Random(seed)
    for name in ("index", "chunks/000001", "meta.json"):
        copy = os.path.join(folder, "damaged")
        shutil.copytree(blocks, copy)
        path = os.path.join(copy, names(copy)[0], name)
        with open(path, "r+b") as file:
            at = chance.randrange(os.path.getsize(path))
            file.seek(at)
            byte = file.read(1)[0] ^ (1 << chance.randrange(8))
            file.seek(at)
            file.write(bytes([byte]))
        code, text, _ = skein("verify", copy)
        checks.that(code == 1 and "DAMAGED" in text and name in text, f"damage in {name} (seed {seed}, byte {at})", text)
        shutil.rmtree(copy)


def live_folder(checks, folder):
    """The head of a server that runs, and of one that was killed."""
    server = Server(folder, "server", CONFIG)
    server.write_config(CONFIG.replace("PORT", str(server.port)))
    server.start()
    checks.that(wait_until(lambda: server.vector("up == 1"), 15), "the server scrapes itself")
    data = os.path.join(folder, "server", "data")
    code, text, _ = skein("dump", '--match=up', data)
    checks.that(code == 0 and text.startswith('{__name__="up", instance='), "dump reads beside a running server", text[:200])
    checks.equal(skein("verify", data)[0], 0, "verify finds a running server's folder good")
    server.kill()
    checks.equal(skein("verify", data)[0], 0, "and that of one that was killed")
    if PROMTOOL:
        shutil.copytree(data, data + "-copy")  # promtool writes into the folder it reads
        ours, theirs = (sorted(tool("dump", "--match=up", data + "-copy")[1].splitlines()) for tool in (skein, promtool))
        checks.that(ours and ours == theirs, "both dump the same head", (ours[:2], theirs[:2]))


def test(checks, folder):
    if os.path.basename(BINARY).startswith("prometheus"):
        skip("promtool has these commands, not prometheus")
    page, ours, theirs = (os.path.join(folder, name) for name in ("page.om", "ours", "theirs"))
    openmetrics(page)
    checks.run("blocks are made", made_alike, checks, page, ours, theirs)
    checks.run("a dump is taken back", round_trip, checks, folder, ours)
    checks.run("selectors", selectors, checks, ours)
    checks.run("damage", damage, checks, folder, ours)
    checks.run("refusals", refusals, checks, folder, ours)
    if PROMTOOL:
        checks.run("promtool on our blocks", read_alike, checks, ours)
        checks.run("both on promtool's blocks", read_alike, checks, theirs)
    else:
        checks.not_looked_at.append("promtool is not on PATH (Debian package prometheus); nothing to compare with")
    checks.run("a server's folder", live_folder, checks, folder)


if __name__ == "__main__":
    main(test)
