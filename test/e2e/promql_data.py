"""The data of the differential test of PromQL: five hours as OpenMetrics text, a function of a seed alone.

Counters with resets, gauges, classic histograms (also spoiled ones), series that begin, end and have gaps, special
values, many shapes of labels, three jobs. Most values are multiples of 1/64 of at most 40 bits, so that sums are exact
in whatever order and with whatever compensation they are made.
"""

import math
import random

START = 1_700_006_400  # a block begins here: 2023-11-15T00:00:00Z
STEP_SECONDS = 30
STEPS = 600
END = START + STEP_SECONDS * STEPS
# Samples lie 417 ms after full seconds; what ends elsewhere has no sample on the left edge of a window.
FRACTION_MS = 417
SEED = 7

INSTANCES = ("a:80", "b:80")
NODES = ("n1:9100", "n2:9100", "n3:9100")
ZONES = ("eu-west", "us-east", "ap")
BOUNDS = ("0.005", "0.05", "0.1", "0.5", "1", "2.5", "10", "+Inf")
STRANGE_VALUES = (
    "plain", "with space", "ünïcödé", "日本語", "\U0001f986", 'quo"te', "back\\slash", "a.b-c/d:e", "{}", "$1", "(x|y)",
)  # fmt: skip

COUNTERS = ("requests_total", "cpu_seconds_total", "latency_seconds_bucket", "latency_seconds_sum", "latency_seconds_count")
CODES = ("200", "404", "500")
HANDLERS = ("/", "/api/users")


def _number(value):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))


def _escape(value):
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class _Page:
    """Series by series: everything of one series in the order of time."""

    def __init__(self):
        self.lines = []
        self.shapes = {}
        self.dice = random.Random(SEED)

    def series(self, name, labels, value_at, steps=range(STEPS), shift_ms=None):
        """value_at(step) may say None: no sample."""
        inside = ",".join(f'{label}="{_escape(text)}"' for label, text in labels.items())
        head = f"{name}{{{inside}}}" if inside else name
        shape = self.shapes.setdefault(name, {})
        for label, value in labels.items():
            shape.setdefault(label, {})[value] = True
        for step in steps:
            value = value_at(step)
            if value is not None:
                ms = FRACTION_MS + (shift_ms(step) if shift_ms else 0)
                self.lines.append(f"{head} {_number(value)} {START + STEP_SECONDS * step}.{ms:03d}")

    def walk(self, first, growth, resets, unit):
        """A counter's values: grows by up to `growth` units each step, begins anew now and then."""
        values, value = [], float(first)
        for _ in range(STEPS):
            grown = self.dice.randrange(growth) * unit
            value = grown if self.dice.random() < resets else value + grown
            values.append(value)
        return values

    def noise(self, below, unit):
        return [self.dice.randrange(below) * unit for _ in range(STEPS)]


def _counters(page):
    for instance in INSTANCES:
        for method in ("GET", "POST"):
            for code in CODES:
                for handler in HANDLERS:
                    resets = 0.0 if code == "404" else 0.01
                    values = page.walk(5000 + page.dice.randrange(500), 400, resets, 1)
                    labels = {"job": "api", "instance": instance, "method": method, "code": code, "handler": handler}
                    page.series("requests_total", labels, values.__getitem__)
    for node in NODES:
        for cpu in ("0", "1"):
            for mode in ("user", "system", "idle"):
                values = page.walk(90000, 1920, 0.003, 1 / 64)
                page.series("cpu_seconds_total", {"job": "node", "instance": node, "cpu": cpu, "mode": mode}, values.__getitem__)


def _gauges(page):
    for zone_at, zone in enumerate(ZONES):
        for host in range(4):
            labels = {"job": "node", "instance": NODES[host % 3], "zone": zone, "host": f"h{host}"}
            noise = page.noise(192, 1 / 64)
            wave = [math.floor(64 * 20 * math.sin(step / 37 + host + zone_at)) / 64 + noise[step] for step in range(STEPS)]
            page.series("temperature_celsius", labels, wave.__getitem__)
            for third in range(3):
                spans = range(third * 200, min(STEPS, third * 200 + 200))
                page.series("build_info", {**labels, "version": f"1.{(host + third) % 3}"}, lambda _: 1.0, spans)
        for host in ("h0", "h9"):
            labels = {"job": "node", "instance": NODES[zone_at], "zone": zone, "host": host}
            noise = page.noise(2**20, 1024.0)
            page.series("memory_bytes", labels, lambda step, noise=noise: 2.0**33 + noise[step])
    for host in range(3):
        shifts = [page.dice.randrange(50) * 10 + 3 for _ in range(STEPS)]
        noise = page.noise(65536, 1 / 64)
        page.series("jitter", {"job": "other", "host": f"h{host}"}, noise.__getitem__, shift_ms=shifts.__getitem__)
    for job, instances in (("api", INSTANCES), ("node", NODES)):
        for instance in instances:
            down = set(page.dice.sample(range(STEPS), 40))
            page.series("up", {"job": job, "instance": instance}, lambda step, down=down: 0.0 if step in down else 1.0)
    for code in CODES:
        page.series("job:requests:rate5m", {"job": "api", "code": code}, page.noise(4096, 1 / 64).__getitem__)
    page.series("alone", {}, float)
    page.series("sparse", {"job": "other"}, lambda step: float(step) if step % 4 == 0 else None)


def _many(page):
    """Whole numbers below ten: equal values everywhere."""
    for a in "xyz":
        for b in "pqrs":
            for c in "123":
                page.series("many", {"job": "other", "a": a, "b": b, "c": c}, page.noise(10, 1.0).__getitem__)
            if b != "s":
                page.series("few", {"job": "other", "a": a, "b": b}, page.noise(7, 0.5).__getitem__)


def _histograms(page):
    for instance in INSTANCES:
        for handler in HANDLERS:
            labels = {"job": "api", "instance": instance, "handler": handler}
            counts, rows, total, sums = [900] * len(BOUNDS), [], 4000.0, []
            begins_anew = page.dice.randrange(100, 500)
            for step in range(STEPS):
                if step == begins_anew:
                    counts, total = [0] * len(BOUNDS), 0.0
                for at in range(len(BOUNDS)):
                    seen = page.dice.randrange(1 + 24 // (1 + abs(at - 3)))
                    counts[at] += seen
                    total += seen * 0.25 * (at + 1)
                rows.append([float(sum(counts[: at + 1])) for at in range(len(BOUNDS))])
                sums.append(total)
            for at, bound in enumerate(BOUNDS):
                page.series("latency_seconds_bucket", {**labels, "le": bound}, lambda step, at=at, rows=rows: rows[step][at])
            page.series("latency_seconds_sum", labels, sums.__getitem__)
            page.series("latency_seconds_count", labels, lambda step, rows=rows: rows[step][-1])
    odd = {
        "no_inf": (("1", 3), ("2", 5)),
        "falls": (("1", 7), ("2", 5), ("4", 9), ("+Inf", 9)),
        "text": (("1", 3), ("two", 5), ("+Inf", 8)),
        "empty": (("1", 0), ("+Inf", 0)),
        "zero": (("-2", 1), ("0", 4), ("3", 6), ("+Inf", 6)),
        "constant": (("+Inf", 6),),
    }
    for kind, buckets in odd.items():
        for bound, count in buckets:
            page.series("odd_bucket", {"kind": kind, "le": bound}, lambda step, count=count: float(count + (step % 5 if count else 0)))


def _special(page):
    page.series("gappy", {"gap": "long"}, lambda step: 500.0 + step if not 140 <= step < 275 else None)
    page.series("gappy", {"gap": "short"}, lambda step: 1700.0 - step if step % 12 < 9 else None)
    page.series("gappy", {"gap": "late"}, lambda step: 900.0 + step * step if step >= 260 else None)
    page.series("gappy", {"gap": "ends"}, lambda step: 100.0 + step % 7 if step < 350 else None)
    values = {
        "nan": lambda _: math.nan,
        "+inf": lambda _: math.inf,
        "-inf": lambda _: -math.inf,
        "sometimes": lambda step: math.nan if step % 5 == 0 else float(step),
        "flips": lambda step: -1.0 if step % 2 else 1.0,
        "zero": lambda _: 0.0,
        "constant": lambda _: 42.0,
        "huge": lambda step: 2.0**40 * (1 + step % 16),
    }
    for kind, value_at in values.items():
        page.series("special", {"job": "other", "kind": kind}, value_at)
    for number, text in enumerate(STRANGE_VALUES):
        page.series("strange", {"text": text, "number": str(number)}, lambda step, number=number: float(number + step))


def _page():
    page = _Page()
    for part in (_counters, _gauges, _many, _histograms, _special):
        part(page)
    return page


_PAGE = _page()
# {name: {label: values}}: what the dice throw with.
FAMILIES = {name: {label: tuple(values) for label, values in sorted(shape.items())} for name, shape in _PAGE.shapes.items()}


def text():
    """All of it, for `promtool tsdb create-blocks-from openmetrics`."""
    return "\n".join(_PAGE.lines) + "\n# EOF\n"
