"""What the end-to-end tests of the cluster share: nodes, who leads, who scrapes what, and samples held against an oracle."""

import http.client
import json

from lib import Server, encode, labels_of, wait_until

FOUND_SECONDS_MAX = 30
SAME_SLOT = 0.5  # of an interval: two samples nearer than this are of one slot, stored twice
GAP = 1.5  # intervals: more than this between two samples, and a slot is missing


class Cluster:
    """Nodes of one --cluster.join, with one configuration.

    config  a function of a node's name that returns its configuration file
    places  {name: (host, words that run a command there)}; without: all on loopback
    """

    def __init__(self, folder, names, config, flags=(), places=None, zones=None):
        self.folder = folder
        self.config = config
        self.flags = list(flags)
        self.places = places or {}
        self.zones = zones or {}
        self.nodes = {}
        for name in names:
            self._make(name)
        self.join = ",".join(self.address(node) for node in self.nodes.values())
        for node in self.nodes.values():
            node.flags.append(f"--cluster.join={self.join}")

    @staticmethod
    def address(node):
        return f"{node.host}:{node.grpc_port}"

    def _make(self, name):
        host, inside = self.places.get(name, ("127.0.0.1", ()))
        flags = [f"--cluster.node-id={name}", "--web.enable-admin-api", "--web.enable-lifecycle", *self.flags]
        if name in self.zones:
            flags.append(f"--cluster.zone={self.zones[name]}")
        node = Server(self.folder, name, self.config(name), flags, host=host, inside=inside)
        self.nodes[name] = node
        return node

    def add(self, name):
        """A node that the others' --cluster.join does not name. Not started."""
        node = self._make(name)
        node.flags.append(f"--cluster.join={self.join}")
        return node

    def start(self):
        for node in self.nodes.values():
            node.start(wait=False)
        for node in self.nodes.values():
            node.wait_ready()
        return self

    def stop(self, checks):
        for name, node in self.nodes.items():
            if node.alive():
                checks.equal(node.stop(30)[0], 0, f"exit code of {name}")

    def alive(self):
        return [node for node in self.nodes.values() if node.alive()]

    # What nodes say

    def status(self, node=None):
        """Of one node, or of the first that answers; None: nobody does."""
        for asked in [node] if node else self.alive():
            found = ask(asked, "cluster/status")
            if found:
                return found
        return None

    def leader(self, term_above=0):
        """The node that says of itself that it leads, in the newest term; None: nobody does, or in no newer term."""
        leaders = {}
        for node in self.alive():
            try:
                if node.metric("skein_cluster_is_leader") == 1:
                    leaders[node.metric("skein_cluster_term")] = node
            except (OSError, http.client.HTTPException):
                pass
        newest = max(leaders, default=0)
        return leaders[newest] if newest > term_above else None

    def leading(self):
        """The leader, once somebody says that he is: metrics tell of it a moment later than nodes learn of it."""
        return wait_until(self.leader, 10, pause=0.1)

    def own_targets(self, node):
        """{instance: health} of what a node scrapes itself."""
        found = ask(node, "targets", local="1", state="active")
        return {one["labels"]["instance"]: one["health"] for one in found["activeTargets"]} if found else {}

    def scraped_by(self):
        """{instance: [names]}: who scrapes what, by what nodes say of themselves."""
        owners = {}
        for name, node in self.nodes.items():
            if node.alive():
                for instance in self.own_targets(node):
                    owners.setdefault(instance, []).append(name)
        return owners

    def table(self, node=None):
        """{instance: [names]}: who owns what, as cluster/targets has it."""
        found = ask(node or self.alive()[0], "cluster/targets")
        return {one["instance"]: sorted(one["owners"]) for one in found} if found is not None else {}

    def moving(self):
        found = self.status()
        return found is None or found["moves_in_flight"] != 0

    def settled(self, targets):
        """Every target has one owner that scrapes it, and nothing moves."""
        owners = self.scraped_by()
        return len(owners) == targets and all(len(names) == 1 for names in owners.values()) and not self.moving()

    def wait_settled(self, targets, seconds):
        return wait_until(lambda: self.settled(targets), seconds, pause=0.3)

    def counts(self):
        """How many targets each node scrapes."""
        found = {node.name: 0 for node in self.alive()}
        for names in self.scraped_by().values():
            for name in names:
                found[name] += 1
        return found


def ask(node, path, seconds=10, **params):
    """The data of a GET below /api/v1; None: it did not answer, or with an error."""
    try:
        answer = node.request("GET", f"/api/v1/{path}" + ("?" + encode(params) if params else ""), timeout=seconds)
        return answer.json().get("data") if answer.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None


def command(asked, verb, **params):
    """POST /api/v1/cluster/…; the data, AssertionError with the answer when it is refused."""
    answer = asked.post("/api/v1/cluster/" + verb, **params)
    if answer.status != 200:
        raise AssertionError(f"{asked.name}: cluster/{verb} {params}: {answer.status} {answer.text[:300]}")
    return answer.json().get("data")


# --- samples ---------------------------------------------------------------------------------------------------


NUMBERS = "oracle_scrape_number"  # which scrape of its target a sample comes from
SLOTS = "up"  # a sample for every scrape that was tried


def stored(node, start, end, metric=NUMBERS, local=False):
    """{instance: [(seconds, value)]} of (start, end], as a node answers for the cluster or for itself."""
    params = {"query": f"{metric}[{int((end - start) * 1000)}ms]", "time": f"{end:.3f}"}
    if local:
        params["local"] = "1"
    answer = node.get("/api/v1/query", **params)
    envelope = answer.json()
    if envelope.get("status") != "success" or envelope.get("warnings"):
        raise AssertionError(f"{node.name}: {params}: {answer.status} {json.dumps(envelope)[:500]}")
    return {
        dict(labels_of(series["metric"]))["instance"]: [(float(t), int(float(v))) for t, v in series["values"]]
        for series in envelope["data"]["result"]
    }


def holders(cluster, start, end, metric=NUMBERS):
    """{instance: [times of one node, …]}: what each node has itself."""
    held = {}
    for node in cluster.alive():
        for instance, values in stored(node, start, end, metric, local=True).items():
            held.setdefault(instance, []).append({t for t, _ in values})
    return held


class Timeline:
    """Samples of many targets, and what is wrong with them."""

    def __init__(self, samples, interval):
        self.samples = samples
        self.interval = interval

    def gaps(self, start=0.0, end=float("inf")):
        """[(instance, begin, seconds)] of what began in [start, end] and is longer than a slot."""
        found = []
        for instance, values in self.samples.items():
            for (before, _), (after, _) in zip(values, values[1:]):
                if after - before > GAP * self.interval and start <= before <= end:
                    found.append((instance, before, after - before))
        return found

    def longest(self, start=0.0, end=float("inf")):
        """Seconds of the longest time between two samples that began in [start, end]."""
        return max(
            (
                after - before
                for values in self.samples.values()
                for (before, _), (after, _) in zip(values, values[1:])
                if start <= before <= end
            ),
            default=0.0,
        )

    def missed(self, start=0.0, end=float("inf")):
        """Slots without a sample, over all targets."""
        return sum(round(seconds / self.interval) - 1 for _, _, seconds in self.gaps(start, end))

    def twice(self, held=None):
        """[(instance, seconds)]: two samples of one slot from two nodes. With `held`, {instance: [times of one node, …]}, such pairs
        are left out that one node has both of: a target that was taken over is scraped at once, and again when it is time."""
        return [
            (instance, after)
            for instance, values in self.samples.items()
            for (before, _), (after, _) in zip(values, values[1:])
            if after - before < SAME_SLOT * self.interval
            and not any(before in times and after in times for times in (held or {}).get(instance, []))
        ]

    def backwards(self):
        """[(instance, seconds)]: where a counter that only grows does not."""
        return [
            (instance, t)
            for instance, values in self.samples.items()
            for (_, before), (t, after) in zip(values, values[1:])
            if after <= before
        ]


def strangers(samples, served, reach_ms):
    """Samples that no scrape explains: [(instance, seconds, number)]. A sample of time t and number n is explained by the n-th
    scrape of its target if that was served within reach_ms of t."""
    wrong = []
    for instance, values in samples.items():
        known = {number: ms for number, ms, _ in served.get(int(instance[1:]), [])}
        wrong += [
            (instance, t, number)
            for t, number in values
            if number not in known or abs(known[number] - t * 1000) > reach_ms
        ]
    return wrong
