#!/usr/bin/env python3
"""When series end, and what a scrape leaves behind: Skein beside Debian's Prometheus on the same target.

Both scrape one exporter at the same interval, each in its own phase. The exporter changes at known moments; at
moments that lie clear of every change both must give the same answers.
"""

import time

from exporter import Exporter, shut_hard
from lib import PROMETHEUS, Server, main, say, wait_until

INTERVAL = 0.5  # seconds
PHASE_SECONDS = 3.0  # how long the exporter stays as it is
CLEAR_SECONDS = 1.6  # a moment this long after a change lies clear of it: interval, timeout and some more
START_SECONDS_MAX = 15
ALIGNED_MIN = 0.8  # of the steps between scrapes
WINDOWS_MAX = 3  # looked at for scrapes that are on time
WINDOW_SECONDS = 20

CONFIG = """
global:
  scrape_interval: 500ms
  scrape_timeout: 400ms
scrape_configs:
  - job_name: main
    static_configs:
      - targets: ["{address}"]
        labels: {{shared: target, only: target}}
  - job_name: honor
    honor_labels: true
    static_configs:
      - targets: ["{address}"]
        labels: {{shared: target, only: target}}
  - job_name: relabelled
    static_configs:
      - targets: ["{address}"]
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: dropped_.*
        action: drop
      - source_labels: [__name__]
        regex: renamed_(.*)
        target_label: __name__
        replacement: new_$1
      - regex: shared
        action: labeldrop
  - job_name: own_times
    honor_timestamps: false
    metrics_path: /timed
    static_configs:
      - targets: ["{address}"]
  - job_name: timed
    metrics_path: /timed
    static_configs:
      - targets: ["{address}"]
  - job_name: samples
    sample_limit: 3
    static_configs:
      - targets: ["{address}"]
  - job_name: labels
    label_limit: 4
    static_configs:
      - targets: ["{address}"]
  - job_name: label_names
    label_name_length_limit: 12
    static_configs:
      - targets: ["{address}"]
  - job_name: label_values
    label_value_length_limit: 30
    static_configs:
      - targets: ["{address}"]
  - job_name: body
    body_size_limit: 100B
    static_configs:
      - targets: ["{address}"]
  - job_name: many_targets
    target_limit: 1
    static_configs:
      - targets: ["{address}", "{other}"]
  - job_name: absent_page
    metrics_path: /none
    static_configs:
      - targets: ["{address}"]
  - job_name: refused
    static_configs:
      - targets: ["127.0.0.1:1"]
  - job_name: slow
    metrics_path: /slow
    static_configs:
      - targets: ["{address}"]
  - job_name: twice
    metrics_path: /twice
    static_configs:
      - targets: ["{address}"]
  - job_name: files
    file_sd_configs:
      - files: [{folder}/files.yml]
        refresh_interval: 1s
"""

# What every good scrape of the main page has.
ALWAYS = """# TYPE steady counter
steady 7
dropped_one 1
renamed_one 1
clash{shared="scraped",mine="x"} 2
clash_empty{shared="",only=""} 3
job_clash{job="scraped",instance="scraped"} 4
long_label{label_name_of_18ch="v"} 5
long_value{v="a value that is longer than thirty bytes"} 6
"""


class Target:
    """The shared exporter and what it serves now."""

    def __init__(self):
        self.extra = ""
        self.mode = "good"
        self.exporter = Exporter()
        self.exporter.page("/metrics", self._main).page("/timed", self._timed).page("/slow", self._slow)
        self.exporter.page("/twice", lambda _: 'twice{a="1"} 1\ntwice{a="1"} 2\nother 3\n')
        self.other = Exporter().page("/metrics", lambda _: "one 1\n")
        self.listed = Exporter().page("/metrics", lambda _: "listed 1\n")

    def _main(self, request):
        if self.mode == "reset":
            return shut_hard(request)
        if self.mode == "error":
            return 500, {}, "broken\n"
        if self.mode == "garbage":
            return ALWAYS + "this is {no metric\n"
        if self.mode == "empty":
            return ""
        return ALWAYS + self.extra

    @staticmethod
    def _timed(_):
        # Half an hour old, on a grid, so that both servers get the same times.
        at = (int(time.time()) // 5 * 5 - 1800) * 1000
        return f"with_time {at // 1000 % 1000} {at}\nwithout_time 1\n"

    @staticmethod
    def _slow(_):
        time.sleep(1.0)
        return "late 1\n"


class Pair:
    def __init__(self, checks, skein, prometheus):
        self.checks = checks
        self.skein = skein
        self.prometheus = prometheus

    def agree(self, query, at, want_empty=None):
        """Both give the same answer at a moment of the past."""
        got, want = self.skein.vector(query, at), self.prometheus.vector(query, at)
        self.checks.equal(got, want, query)
        if want_empty is not None:
            self.checks.equal(not want, want_empty, f"{query} is {'empty' if want_empty else 'there'} in Prometheus")


def phase(target, **change):
    """Changes the target, stays so for a while, and returns a moment clear of the change before and after."""
    for name, value in change.items():
        setattr(target, name, value)
    begun = time.time()
    time.sleep(PHASE_SECONDS)
    return begun + (PHASE_SECONDS + CLEAR_SECONDS) / 2


ABOUT = [
    "up",
    'up{job="main"}',
    "steady",
    'fleeting{job="main"}',
    'count by (job) ({__name__=~"steady|fleeting|clash|new_one|renamed_one|dropped_one"})',
    'absent(fleeting{job="main"})',
    'absent(up{job="main"} == 1)',
    'absent(steady{job="main"})',
    'sum_over_time(up{job="main"}[1s]) > bool 0',
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    'count by (__name__, job) ({__name__=~"up|scrape_.*"})',
    'count({job="main"})',
    'count({job="honor"})',
]


def changes(pair, target):
    """The target goes through its states; both servers are asked about each of them afterwards."""
    fleeting = 'fleeting{k="v"} 1\n'
    moments = {
        "the series is there": phase(target, extra=fleeting),
        "the series vanished": phase(target, extra=""),
        "the series is back": phase(target, extra=fleeting),
        "the target answers 500": phase(target, mode="error"),
        "the target is good again": phase(target, mode="good"),
        "the target resets connections": phase(target, mode="reset"),
        "the page is garbage after good lines": phase(target, mode="garbage"),
        "the page is empty": phase(target, mode="empty"),
        "everything is back": phase(target, mode="good"),
    }
    has_main = ("the series is there", "the series vanished", "the series is back", "the target is good again", "everything is back")
    has_fleeting = [name for name in has_main if name != "the series vanished"]
    for name, at in moments.items():
        say("  ", name)
        for query in ABOUT:
            pair.agree(query, at)
        pair.agree('steady{job="main"}', at, want_empty=name not in has_main)
        pair.agree('fleeting{job="main"}', at, want_empty=name not in has_fleeting)
        # Half the interval is the most that two phases of the same interval may differ in a count.
    ends = max(moments.values())
    for query in ('resets(up{job="main"}[1m])', 'changes(up{job="main"}[1m])', 'count_over_time(fleeting{job="main"}[1m]) > bool 10'):
        pair.agree(query, ends)


def labels_and_limits(pair):
    at = time.time() - 0.2
    for query in ("clash", "clash_empty", "job_clash", "new_one", "renamed_one", "dropped_one", "long_label", "long_value",
                  "one", "twice", "other", "late"):  # fmt: skip
        pair.agree(query, at)
    for job in ("samples", "labels", "label_names", "label_values", "body", "many_targets", "absent_page", "refused", "slow"):
        pair.agree(f'up{{job="{job}"}}', at)
        pair.agree(f'count({{job="{job}"}}) by (__name__)', at)
    # Why: a phrase that is in both servers' text.
    phrases = {
        "samples": "sample limit exceeded",
        "labels": "label_limit exceeded",
        "label_names": "label_name_length_limit exceeded",
        "label_values": "label_value_length_limit exceeded",
        "body": "body size limit exceeded",
        "many_targets": "target_limit",
        "absent_page": "server returned HTTP status 404",
        "refused": "connection refused",
        "slow": ("deadline exceeded", "timed out", "timeout"),
    }
    for server in (pair.prometheus, pair.skein):
        errors = {}
        for one in server.api("targets")["activeTargets"]:
            errors.setdefault(one["labels"]["job"], set()).add((one["health"], one["lastError"]))
        for job, phrase in phrases.items():
            for health, error in errors.get(job, {("missing", "")}):
                pair.checks.equal(health, "down", f"{server.name}: health of job {job}")
                pair.checks.contains(error, phrase, f"{server.name}: lastError of job {job}")
        for job in ("main", "honor", "relabelled", "timed", "twice"):
            pair.checks.equal(errors[job], {("up", "")}, f"{server.name}: job {job} is good")
    for name in ("scrape_samples_scraped", "scrape_samples_post_metric_relabeling"):
        pair.agree(name, at)
    for name in ("scrape_series_added", "scrape_duration_seconds"):
        pair.agree(f"count by (job) ({name})", at)


def own_timestamps(pair):
    """Samples with times of their own are stored at those, and their series get no markers."""
    now = time.time()
    # A step of the exporter's clock may lie between the two scrapes: ask about what both have seen, seven seconds ago.
    seen = now - 1807
    pair.agree('with_time{job="timed"}', seen)
    pair.agree('count_over_time(with_time{job="timed"}[20s]) > bool 0', seen, want_empty=False)
    pair.agree('with_time{job="timed"}', now, want_empty=True)
    pair.agree('without_time', now)
    got, want = (server.vector('absent(with_time{job="own_times"})', now) for server in (pair.skein, pair.prometheus))
    pair.checks.equal(got, want, "honor_timestamps: false")


class Steps:
    """What lay between a server's scrapes of the last 20 seconds."""

    def __init__(self, server):
        self.times = [at for at, _ in next(iter(server.samples('up{job="main"}[20s]').values()))]
        self.steps = [later - at for at, later in zip(self.times, self.times[1:])]
        exact = sum(step == INTERVAL * 1000 for step in self.steps)
        self.exact = exact / max(1, len(self.steps))
        self.longest = max(self.steps, default=0)
        others = [step for step in self.steps if step != INTERVAL * 1000][:10]
        say(f"{server.name}: {exact} of {len(self.steps)} steps are exact, the others {others}")

    def good(self):
        return self.exact >= ALIGNED_MIN and self.longest <= 2 * INTERVAL * 1000


def alignment(pair):
    """Scrape timestamps lie on the interval, to the millisecond, most of the time. What a machine with other work
    does to Prometheus it may do to Skein; and three windows are looked at before anything is called wrong."""
    for window in range(WINDOWS_MAX):
        theirs, ours = Steps(pair.prometheus), Steps(pair.skein)
        if ours.good() and theirs.good():
            break
        if window + 1 < WINDOWS_MAX:
            say("   not all on time: looked at once more")
            time.sleep(WINDOW_SECONDS)
    exact = ALIGNED_MIN
    if not theirs.good():
        say(f"   this machine keeps Prometheus from its times, too: {theirs.steps}")
        exact = min(ALIGNED_MIN, theirs.exact / 2)
    pair.checks.that(ours.exact >= exact, "scrape timestamps are aligned", ours.steps)
    longest = max(2 * INTERVAL * 1000, theirs.longest)
    pair.checks.that(ours.longest <= longest, "no two scrapes are missed in a row", ours.steps)
    for server, times in ((pair.prometheus, theirs.times), (pair.skein, ours.times)):
        for name in ("up", "steady", "scrape_duration_seconds", "scrape_samples_scraped"):
            one = {at for at, _ in next(iter(server.samples(f'{name}{{job="main"}}[2s]', times[-2] / 1000).values()))}
            two = {at for at, _ in next(iter(server.samples('up{job="main"}[2s]', times[-2] / 1000).values()))}
            pair.checks.equal(sorted(one), sorted(two), f"{server.name}: {name} has the scrape's timestamps")


def removed_target(pair, target, files):
    """A target that leaves its file ends with markers, its up as well; a dead one keeps up = 0."""
    at = time.time() - 0.2
    pair.agree("listed", at, want_empty=False)
    with open(files, "w", encoding="utf-8") as file:
        file.write("[]\n")
    for server in (pair.skein, pair.prometheus):
        gone = wait_until(lambda server=server: not server.vector('{job="files"}'), 25, 0.2)
        pair.checks.that(gone, f"{server.name}: the series of a removed target end before the lookback", gone)
    target.exporter.stop()
    time.sleep(PHASE_SECONDS)
    at = time.time() - 0.2
    for query in ABOUT:
        pair.agree(query, at)
    pair.agree('up{job="main"}', at, want_empty=False)
    pair.agree('steady{job="main"}', at, want_empty=True)


def test(checks, folder):
    target = Target()
    files = f"{folder}/files.yml"
    with open(files, "w", encoding="utf-8") as file:
        file.write(f"- targets: ['{target.listed.address}']\n")
    config = CONFIG.format(address=target.exporter.address, other=target.other.address, folder=folder)
    prometheus = Server(folder, "prometheus", config, ["--scrape.discovery-reload-interval=1s"], PROMETHEUS).start()
    skein = Server(folder, "skein", config, ["--scrape.discovery-reload-interval=1s"]).start()
    pair = Pair(checks, skein, prometheus)
    for server in (prometheus, skein):
        # A sum over instances: Prometheus calls an unscraped target unknown.
        ready = wait_until(lambda server=server: len(server.vector("up")) == 17, START_SECONDS_MAX, 0.2)
        checks.that(ready, f"{server.name}: every target is scraped", len(server.vector("up")))
    time.sleep(PHASE_SECONDS)
    checks.run("labels and limits", labels_and_limits, pair)
    checks.run("changes", changes, pair, target)
    checks.run("timestamps of the target", own_timestamps, pair)
    checks.run("alignment", alignment, pair)
    checks.run("removed and dead targets", removed_target, pair, target, files)
    for server in (skein, prometheus):
        checks.equal(server.stop()[0], 0, f"exit code of {server.name}")


if __name__ == "__main__":
    main(test, need_prometheus=True)
