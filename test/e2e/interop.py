#!/usr/bin/env python3
"""Real targets and real data folders: Skein beside Debian's Prometheus, node exporter and Alertmanager.

Both scrape the same real programs and must store the same series. Then each starts on the data folder that the
other wrote and must return what the other returned. promtool reads Skein's metrics and configuration.
"""

import os
import shutil
import signal
import subprocess
import time

from lib import PROMETHEUS, Server, free_port, main, request, say, spawn, wait_until

START_SECONDS_MAX = 15
SCRAPES = 8  # of each target before the folders change hands

CONFIG = """
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
scrape_configs:
  - job_name: real
    static_configs:
      - targets: [{targets}]
"""

# Series of these names come and go with what the machine or a peer does.
UNSTEADY = "node_(disk|network|netstat|cooling|scrape|filesystem|textfile|hwmon|schedstat|softnet|cpu).*|.*_bucket|prometheus_http.*"


class Peer:
    """A real program that exposes metrics."""

    def __init__(self, folder, name, program, flags):
        self.name = name
        self.port = free_port()
        self.path = shutil.which(program)
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        self.cwd = os.path.join(folder, name)
        self.log = os.path.join(self.cwd, "log")
        self.flags = [flag.replace("PORT", str(self.port)) for flag in flags]
        if not self.path:
            say(f"not looked at: {program} is not on PATH (Debian package of that name)")

    def start(self):
        spawn([self.path] + self.flags, self.log, cwd=self.cwd)
        if not wait_until(self._answers, START_SECONDS_MAX):
            raise AssertionError(f"{self.name} does not answer")
        return f"127.0.0.1:{self.port}"

    def _answers(self):
        try:
            return request(self.port, "GET", "/metrics", timeout=5).status == 200
        except OSError:
            return False


def peers(folder):
    alertmanager_config = os.path.join(folder, "alertmanager.yml")
    with open(alertmanager_config, "w", encoding="utf-8") as file:
        file.write("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    return [
        Peer(folder, "node", "prometheus-node-exporter", ["--web.listen-address=127.0.0.1:PORT"]),
        Peer(
            folder,
            "alertmanager",
            "prometheus-alertmanager",
            [f"--config.file={alertmanager_config}", "--web.listen-address=127.0.0.1:PORT",
             f"--storage.path={folder}/alertmanager/data", "--cluster.listen-address="],
        ),  # fmt: skip
    ]


def as_stored_since_3(labels):
    """quantile="1" is stored as "1.0" since Prometheus 3."""
    return tuple((name, text + ".0" if name == "quantile" and text in ("0", "1") else text) for name, text in labels)


def same_series(checks, skein, prometheus, addresses):
    """The label sets of each real target's steady families are the same."""
    for address in addresses:
        selector = f'{{instance="{address}",__name__!~"{UNSTEADY}"}}'
        for query in (
            f"group by (__name__) ({selector})",
            f"count by (__name__) ({selector})",
            f'up{{instance="{address}"}}',
        ):
            got, want = skein.vector(query), prometheus.vector(query)
            odd = sorted(got.items() ^ want.items())
            checks.that(got == want, f"{query}: the same series", odd[:5])
        got, want = ({as_stored_since_3(labels) for labels in server.vector(selector)} for server in (skein, prometheus))
        checks.that(got == want, f"{selector}: the same label sets", sorted(got ^ want)[:5])
        checks.that(len(want) > 30, f"{address} has series", len(want))
    kinds = []
    for server in (skein, prometheus):
        found = server.api("metadata")
        kinds.append({name: entries[0]["type"] for name, entries in found.items() if name.startswith(("node_", "alertmanager_"))})
    checks.equal(kinds[0], kinds[1], "metadata of the real targets")


def everything(server):
    """Every sample of the head, by series."""
    return server.samples('{__name__=~".+",job="real"}[1h]')



def compare(checks, what, got, want):
    checks.that(len(want) > 100, f"{what}: there was something", len(want))
    missing, more = sorted(want.keys() - got.keys()), sorted(got.keys() - want.keys())
    checks.that(not missing, f"{what}: {len(missing)} series are missing", missing[:3])
    checks.that(not more, f"{what}: {len(more)} series are new", more[:3])
    for labels in want.keys() & got.keys():
        left, right = [repr(one) for one in got[labels]], [repr(one) for one in want[labels]]
        if not checks.that(left == right, f"{what}: samples of {dict(labels)}", (len(left), len(right), left[-2:], right[-2:])):
            return


def handed_over(checks, folder, writer, reader_binary, name):
    """What one program wrote and returned, the other returns from the same folder."""
    writer.write_config("global: {scrape_interval: 1m}\n")
    writer.signal(signal.SIGHUP)
    wait_until(lambda: not writer.api("targets")["activeTargets"], START_SECONDS_MAX)
    # The end-of-run markers of removed targets come within a few intervals.
    time.sleep(2)
    want = everything(writer)
    for how in ("stopped", "killed"):
        if how == "stopped":
            checks.equal(writer.stop()[0], 0, f"exit code of {writer.name}")
        else:
            writer.start()
            writer.kill()
        reader = Server(folder, f"{name}-{how}", "global: {scrape_interval: 1m}\n", binary=reader_binary)
        shutil.copytree(writer.data, reader.data)
        lock = os.path.join(reader.data, "lock")
        if os.path.exists(lock):
            os.unlink(lock)
        reader.start()
        compare(checks, f"{name}, {how}", everything(reader), want)
        bad = [line for line in reader.log().splitlines() if "corrupt" in line.lower() or "level=error" in line.lower()]
        checks.that(not bad, f"{name}, {how}: the log has no complaints", bad[:3])
        # And back again: the reader has written its own segment behind it.
        checks.equal(reader.stop()[0], 0, f"exit code of {reader.name}")
        back = Server(folder, f"{name}-{how}-back", "global: {scrape_interval: 1m}\n", binary=writer.binary)
        back.data = reader.data
        back.start()
        compare(checks, f"{name}, {how}, and back", everything(back), want)
        back.kill()


def promtool(checks, skein):
    tool = shutil.which("promtool")
    if not tool:
        say("not looked at: promtool is not on PATH (Debian package prometheus)")
        return
    done = subprocess.run([tool, "check", "metrics"], input=skein.get("/metrics").body, capture_output=True, timeout=60, check=False)
    # 3 means lint: names that a purist would change.
    problems = (done.stdout + done.stderr).decode().splitlines()
    checks.that(done.returncode in (0, 3), "promtool check metrics reads Skein's metrics", problems[:5])
    own = [line for line in problems if line.startswith("skein_")]
    checks.that(not own, "promtool check metrics finds nothing in Skein's own metrics", own[:5])
    done = subprocess.run([tool, "query", "instant", f"http://127.0.0.1:{skein.port}", "count(up)"], capture_output=True, timeout=60, check=False)
    checks.equal((done.returncode, done.stdout.split()[:2]), (0, [b"{}", b"=>"]), "promtool query instant")
    done = subprocess.run([tool, "query", "labels", f"http://127.0.0.1:{skein.port}", "job"], capture_output=True, timeout=60, check=False)
    checks.equal((done.returncode, done.stdout.split()), (0, [b"real"]), "promtool query labels")


def test(checks, folder):
    addresses = [peer.start() for peer in peers(folder) if peer.path]
    third = Server(folder, "third", "global: {scrape_interval: 1m}\n", binary=PROMETHEUS).start()
    addresses.append(f"127.0.0.1:{third.port}")
    config = CONFIG.format(targets=", ".join(f'"{address}"' for address in addresses))
    skein = Server(folder, "skein", config).start()
    prometheus = Server(folder, "prometheus", config, binary=PROMETHEUS).start()
    for server in (skein, prometheus):
        wait = f'count(count_over_time(up{{job="real"}}[1m]) >= {SCRAPES}) == {len(addresses)}'
        ready = wait_until(lambda server=server, wait=wait: server.vector(wait), START_SECONDS_MAX, 0.1)
        checks.that(ready, f"{server.name} scrapes the real targets")
    checks.run("same series", same_series, checks, skein, prometheus, addresses)
    checks.run("promtool", promtool, checks, skein)
    checks.run("Prometheus starts on Skein's folder", handed_over, checks, folder, skein, PROMETHEUS, "skeins-folder")
    checks.run("Skein starts on Prometheus' folder", handed_over, checks, folder, prometheus, None, "prometheus-folder")


if __name__ == "__main__":
    main(test, need_prometheus=True)
