#!/usr/bin/env python3
"""The configuration: loading it, refusing it, loading it again, hiding its secrets; targets that come and go by
files and by HTTP."""

import json
import os
import signal

from exporter import Exporter
from lib import Server, main, replace_file, run_to_end, wait_until

SCRAPE_MS = 200
APPLY_SECONDS_MAX = 20  # from a change to its effect; Prometheus gathers changes for 5 s, twice

BASE = """
global:
  scrape_interval: {ms}ms
  scrape_timeout: {ms}ms
  external_labels: {{version_of_file: "{version}"}}
scrape_configs:
  - job_name: {job}
    static_configs:
      - targets: ["{address}"]
"""


def base(exporter, version, job="first"):
    return BASE.format(ms=SCRAPE_MS, version=version, job=job, address=exporter.address)


def exporter_with(text="fixed 1\n"):
    return Exporter().page("/metrics", lambda _: text)


def loaded_version(server):
    text = server.api("status/config")["yaml"]
    for line in text.splitlines():
        if "version_of_file:" in line:
            return line.split(":")[1].strip().strip('"')
    return None


def jobs_of(server):
    return sorted({target["labels"]["job"] for target in server.api("targets")["activeTargets"]})


def reload_by_signal(server):
    server.signal(signal.SIGHUP)


def up_jobs(server):
    return {dict(labels)["job"] for labels, value in server.vector("up == 1").items()}


# --- reloading ---------------------------------------------------------------------------------------------------


def sighup(checks, folder):
    exporter = exporter_with()
    server = Server(folder, "sighup", base(exporter, "one")).start()
    checks.equal(loaded_version(server), "one", "the first configuration")
    checks.equal(server.metric("prometheus_config_last_reload_successful"), 1.0, "a good start")
    first_time = server.metric("prometheus_config_last_reload_success_timestamp_seconds")
    checks.that(first_time and first_time > 1e9, "the time of the last good reload is a Unix time", first_time)
    checks.that(wait_until(lambda: "first" in up_jobs(server), APPLY_SECONDS_MAX), "the first job is scraped")

    server.write_config(base(exporter, "two", "second"))
    checks.equal(loaded_version(server), "one", "a changed file has no effect by itself")
    reload_by_signal(server)
    checks.that(wait_until(lambda: loaded_version(server) == "two", 10), "SIGHUP loads the new file")
    checks.that(wait_until(lambda: jobs_of(server) == ["second"], APPLY_SECONDS_MAX), "the jobs are the new ones", jobs_of(server))
    checks.that(wait_until(lambda: "second" in up_jobs(server), APPLY_SECONDS_MAX), "the new job is scraped")

    # Whether the series of a job that left the file end with markers is not looked at: Prometheus writes none, and
    # they end with the lookback.
    for bad in ("scrape_configs: [", 'global: {}\nrule_files:\n  - "no end\n', "global: {scrape_interval: 5q}\n", base(exporter, "three") + "  bogus_key: 1\n"):
        server.write_config(bad)
        reload_by_signal(server)
        failed = wait_until(lambda: server.metric("prometheus_config_last_reload_successful") == 0.0, 10)
        checks.that(failed, "a bad file sets prometheus_config_last_reload_successful to 0", bad)
        checks.equal(loaded_version(server), "two", "a bad file keeps the old configuration")
        checks.equal(server.api("status/runtimeinfo")["reloadConfigSuccess"], False, "runtimeinfo after a bad reload")
        checks.equal(jobs_of(server), ["second"], "a bad file keeps the old jobs")
        server.write_config(base(exporter, "two", "second"))
        reload_by_signal(server)
        good = wait_until(lambda: server.metric("prometheus_config_last_reload_successful") == 1.0, 10)
        checks.that(good, "a good file after a bad one is loaded")
    checks.equal(server.api("status/runtimeinfo")["reloadConfigSuccess"], True, "runtimeinfo after a good reload")
    os.unlink(server.config_path)
    reload_by_signal(server)
    failed = wait_until(lambda: server.metric("prometheus_config_last_reload_successful") == 0.0, 10)
    checks.that(failed, "a missing file is a bad reload")
    checks.that(server.is_ready(), "the server goes on without its file")
    server.stop()


def default_subquery_step(checks, folder):
    """evaluation_interval is the step of subqueries that name none, also after a reload."""
    config = "global: {{evaluation_interval: {}}}\n"
    server = Server(folder, "step", config.format("1m"), ["--web.enable-lifecycle"]).start()
    steps = "count_over_time(vector(1)[1h:])"
    checks.equal(server.value(steps, 1_700_000_000), 60.0, "steps of a minute at the start")
    for interval, count in (("30s", 120.0), ("2m", 30.0)):
        server.write_config(config.format(interval))
        checks.equal(server.post("/-/reload").status, 200, "reload")
        checks.equal(server.value(steps, 1_700_000_000), count, f"steps after a reload with {interval}")
    server.stop()


def by_http(checks, folder):
    exporter = exporter_with()
    closed = Server(folder, "closed", base(exporter, "one")).start()
    for path in ("/-/reload", "/-/quit"):
        for method in (closed.post, closed.get):
            answer = method(path)
            want = 403 if method == closed.post else (403, 405)
            good = answer.status == want if isinstance(want, int) else answer.status in want
            checks.that(good, f"{path} without --web.enable-lifecycle", answer.status)
    checks.that(closed.alive(), "/-/quit without the flag does nothing")
    closed.stop()

    server = Server(folder, "http", base(exporter, "one"), ["--web.enable-lifecycle"]).start()
    server.write_config(base(exporter, "two"))
    answer = server.post("/-/reload")
    checks.equal(answer.status, 200, "POST /-/reload")
    checks.equal(loaded_version(server), "two", "the reload is done when it is answered")
    server.write_config("global: {no_such_key: 1}\n")
    answer = server.post("/-/reload")
    checks.equal(answer.status, 500, "POST /-/reload of a bad file")
    checks.contains(answer.text, "no_such_key", "the answer names the problem")
    checks.equal(loaded_version(server), "two", "a bad file keeps the old configuration")
    checks.that(server.get("/-/reload").status in (403, 405), "GET /-/reload is refused")
    checks.equal(server.post("/-/quit").status, 200, "POST /-/quit")
    checks.that(wait_until(lambda: not server.alive(), 10), "/-/quit ends the server")
    checks.equal(server.child.poll(), 0, "exit code after /-/quit")


def automatic(checks, folder):
    if not checks.skein_only("--config.auto-reload (Prometheus 3)"):
        return
    exporter = exporter_with()
    flags = ["--config.auto-reload", "--config.auto-reload-interval=1s"]
    server = Server(folder, "auto", base(exporter, "one"), flags).start()
    server.write_config(base(exporter, "two"))
    checks.that(wait_until(lambda: loaded_version(server) == "two", 10), "auto-reload loads a changed file")
    server.write_config("global: {no_such_key: 1}\n")
    failed = wait_until(lambda: server.metric("prometheus_config_last_reload_successful") == 0.0, 10)
    checks.that(failed, "auto-reload notices a bad file")
    checks.equal(loaded_version(server), "two", "and keeps the old one")
    server.write_config(base(exporter, "three"))
    checks.that(wait_until(lambda: loaded_version(server) == "three", 10), "auto-reload goes on after a bad file")
    server.stop()


# --- refusing ----------------------------------------------------------------------------------------------------


def refused_at_start(checks, folder):
    # text, line of the mistake, what the error names
    cases = [
        ("global:\n  scrape_interval: 1m\n  no_such_key: 1\n", 3, "no_such_key"),
        ("global:\n  scrape_interval: 1m\nscrape_configs:\n  - job_name: a\n    scrape_intervall: 5s\n", 5, "scrape_intervall"),
        ("scrape_configs:\n  - job_name: a\n  - job_name: a\n", None, "a"),
        ("scrape_configs:\n  - static_configs: []\n", None, "job_name"),
        ("global:\n  scrape_interval: 10s\n  scrape_timeout: 20s\n", None, "timeout"),
        ("global: [\n", None, ""),
        ("global:\n  scrape_interval: 5q\n", 2, "5q"),
        ("scrape_configs:\n  - job_name: a\n    relabel_configs:\n      - action: nonsense\n", None, "nonsense"),
        ("scrape_configs:\n  - job_name: a\n    relabel_configs:\n      - regex: '('\n        action: drop\n        source_labels: [x]\n", None, ""),
    ]  # fmt: skip
    for text, line, part in cases:
        server = Server(folder, "refused", text)
        code, output = run_to_end(server.command()[1:], seconds=10)
        checks.equal(code, 1 if not server.is_prometheus else 2, f"exit code for {text!r}")
        checks.contains(output, part, f"the error for {text!r} names {part!r}")
        if not server.is_prometheus:
            where = f"prometheus.yml:{line}" if line else "prometheus.yml"
            checks.contains(output, where, f"the error for {text!r} names the place")
    server = Server(folder, "empty", "").start()
    checks.equal(server.api("targets")["activeTargets"], [], "an empty file is legal")
    server.stop()


# --- secrets -----------------------------------------------------------------------------------------------------

SECRETS = """
scrape_configs:
  - job_name: basic
    basic_auth: {username: someone, password: hidden-1}
    static_configs: [{targets: ["127.0.0.1:1"]}]
  - job_name: bearer
    authorization: {credentials: hidden-2}
    static_configs: [{targets: ["127.0.0.1:1"]}]
  - job_name: oauth
    oauth2: {client_id: id, client_secret: hidden-3, token_url: "http://127.0.0.1:1/"}
    static_configs: [{targets: ["127.0.0.1:1"]}]
  - job_name: sd
    http_sd_configs:
      - url: "http://someone:hidden-4@127.0.0.1:1/"
        basic_auth: {username: someone, password: hidden-5}
remote_write:
  - url: "http://someone:hidden-6@127.0.0.1:1/"
    basic_auth: {username: someone, password: hidden-7}
alerting:
  alertmanagers:
    - basic_auth: {username: someone, password: hidden-8}
      static_configs: [{targets: ["127.0.0.1:1"]}]
"""


def secrets(checks, folder):
    server = Server(folder, "secrets", SECRETS, ["--log.level=debug"]).start()
    shown = server.api("status/config")["yaml"]
    checks.contains(shown, "<secret>", "secrets are shown as <secret>")
    checks.contains(shown, "someone", "what is no secret is shown")
    pages = {"status/config": shown, "targets": server.get("/api/v1/targets").text, "the log": server.log()}
    pages["scrape_pools"] = server.get("/api/v1/scrape_pools").text
    pages["/config"] = server.get("/config").text
    for where, text in pages.items():
        found = [f"hidden-{number}" for number in range(1, 9) if f"hidden-{number}" in text]
        if where in ("the log", "status/config") and server.is_prometheus:
            found = [one for one in found if one not in ("hidden-4", "hidden-6")]  # URLs: masked by 3.x
        checks.that(not found, f"{where} shows secrets", found)
    server.stop()


# --- discovery ---------------------------------------------------------------------------------------------------

DISCOVERY = """
global:
  scrape_interval: {ms}ms
  scrape_timeout: {ms}ms
scrape_configs:
  - job_name: files
    file_sd_configs:
      - files: [targets/*.json, targets/*.yml]
        refresh_interval: 2s
    relabel_configs:
      - source_labels: [__meta_kind]
        regex: unwanted
        action: drop
      - source_labels: [__meta_kind]
        target_label: kind
      - source_labels: [__address__]
        regex: "(.*):(.*)"
        target_label: port
        replacement: "$2"
  - job_name: web
    http_sd_configs:
      - url: http://{sd}/targets
        refresh_interval: 1s
"""


def discovery(checks, folder):
    targets = [exporter_with(f"number {number}\n") for number in range(4)]
    listed = {"groups": []}
    sd = Exporter().page("/targets", lambda _: (200, {"Content-Type": "application/json"}, json.dumps(listed["groups"])))
    server = Server(folder, "discovery", DISCOVERY.format(ms=SCRAPE_MS, sd=sd.address))
    directory = os.path.join(server.folder, "targets")
    os.makedirs(directory)
    json_file, yaml_file = os.path.join(directory, "a.json"), os.path.join(directory, "b.yml")

    def write(*groups):
        replace_file(json_file + ".tmp", json.dumps(list(groups)))
        os.replace(json_file + ".tmp", json_file)

    def group(target, **labels):
        return {"targets": [target.address], "labels": labels}

    def instances(query):
        return {dict(labels)["instance"] for labels in server.vector(query)}

    def becomes(query, *want):
        addresses = {target.address for target in want}
        good = wait_until(lambda: instances(query) == addresses, APPLY_SECONDS_MAX, 0.1)
        return good, f"{query}: {sorted(instances(query))}, want {sorted(addresses)}"

    write(group(targets[0], __meta_kind="wanted", extra="e"), group(targets[1], __meta_kind="unwanted"))
    server.start()
    checks.that(*_turned(becomes('number{job="files"}', targets[0]), "file_sd: the first targets, one dropped by relabelling"))
    labels = next(iter(server.vector('up{job="files"}')))
    want = {"__name__": "up", "job": "files", "instance": targets[0].address, "kind": "wanted", "extra": "e"}
    want["port"] = str(targets[0].port)
    checks.equal(dict(labels), want, "labels of a relabelled target")
    shown = server.api("targets")
    checks.equal([t["discoveredLabels"]["__meta_kind"] for t in shown["droppedTargets"]], ["unwanted"], "dropped targets are shown")

    write(group(targets[0], __meta_kind="wanted"), group(targets[2], __meta_kind="wanted"))
    checks.that(*_turned(becomes('number{job="files",extra=""}', targets[0], targets[2]), "file_sd: a target is added, one changes its labels"))
    checks.that(*_turned(becomes('number{extra="e"}'), "file_sd: the series with the old labels end with a marker"))
    write(group(targets[2], __meta_kind="wanted"))
    checks.that(*_turned(becomes('number{job="files"}', targets[2]), "file_sd: a target is removed, its series end with a marker"))
    checks.that(*_turned(becomes('up{job="files"}', targets[2]), "file_sd: the removed target's up ends with a marker"))

    with open(json_file, "w", encoding="utf-8") as file:
        file.write("[{")
    with open(yaml_file, "w", encoding="utf-8") as file:
        file.write(f"- targets: ['{targets[3].address}']\n")
    checks.that(*_turned(becomes('number{job="files"}', targets[2], targets[3]), "file_sd: a broken file keeps its targets, another file counts"))
    os.unlink(yaml_file)
    checks.that(*_turned(becomes('number{job="files"}', targets[2]), "file_sd: a file that is deleted takes its targets along"))

    checks.equal(instances('up{job="web"}'), set(), "http_sd: an empty list")
    listed["groups"] = [group(targets[0], a="b"), group(targets[1])]
    checks.that(*_turned(becomes('number{job="web"}', targets[0], targets[1]), "http_sd: targets come"))
    checks.equal(len(server.vector('up{job="web",a="b"}')), 1, "http_sd: labels of a group")
    agent = sd.headers["/targets"].get("User-Agent", "")
    checks.that("/" in agent, "http_sd names its User-Agent", agent)
    seconds = sd.headers["/targets"].get("X-Prometheus-Refresh-Interval-Seconds")
    checks.that(seconds is not None and float(seconds) == 1.0, "http_sd says its refresh interval", seconds)
    sd.page("/targets", lambda _: (500, {}, "broken"))
    seen = len(sd.requests_of("/targets"))
    wait_until(lambda: len(sd.requests_of("/targets")) >= seen + 2, 10)
    checks.equal(instances('up{job="web"}'), {targets[0].address, targets[1].address}, "http_sd: an error keeps the last list")
    listed["groups"] = [group(targets[1])]
    sd.page("/targets", lambda _: (200, {"Content-Type": "application/json"}, json.dumps(listed["groups"])))
    checks.that(*_turned(becomes('number{job="web"}', targets[1]), "http_sd: a target goes"))
    server.stop()


def _turned(result, what):
    return result[0], what, result[1]


def test(checks, folder):
    checks.run("SIGHUP", sighup, checks, folder)
    checks.run("reload by HTTP", by_http, checks, folder)
    checks.run("step of subqueries", default_subquery_step, checks, folder)
    checks.run("auto-reload", automatic, checks, folder)
    checks.run("refused at start", refused_at_start, checks, folder)
    checks.run("secrets", secrets, checks, folder)
    checks.run("discovery", discovery, checks, folder)


if __name__ == "__main__":
    main(test)
