"""The data of the differential test: a function of the step alone, with timestamps of its own, so that two
servers that scrape it at different moments store identical samples.

Counters with resets, gauges, classic histograms, summaries, series with gaps, special values, label values with
every kind of character, jittered timestamps."""

import math
import random

STEP_SECONDS = 15
STEPS = 160
# Samples lie 417 ms after full seconds and queries are asked at other fractions: where a window ends exactly on a
# sample, Prometheus 2 and 3 disagree on purpose (closed and left-open windows).
FRACTION = 0.417

ZONES = ("eu-west", "us-east", "ap")
HANDLERS = ("/", "/api/users", "/metrics")
BOUNDS = ("0.005", "0.05", "0.1", "0.5", "1.0", "2.5", "10.0", "+Inf")
STRANGE_VALUES = (
    "plain",
    "with space",
    "ünïcödé",
    "日本語",
    "\U0001f986",
    'quo"te',
    "back\\slash",
    "new\nline",
    "tab\t",
    "a.b-c/d:e",
    "{}",
    "",
)


def start_of(now):
    """The first sample's Unix time. All samples lie in the last hour, which a head still accepts."""
    return math.floor(now / STEP_SECONDS) * STEP_SECONDS - 48 * 60 + FRACTION


def _noise(*key):
    return random.Random(repr(key)).random()


def _number(value):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _escape(value):
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _line(name, labels, value, at_ms):
    inside = ",".join(f'{label}="{_escape(text)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {_number(value)} {at_ms}" if inside else f"{name} {_number(value)} {at_ms}"


class _Counters:
    """Running values of every counter, by step, computed once."""

    def __init__(self):
        self.requests = {}
        self.buckets = {}
        self.sums = {}
        for method in ("GET", "POST"):
            for code in ("200", "404", "500"):
                for handler in HANDLERS:
                    self.requests[method, code, handler] = self._walk(
                        (method, code, handler), 1000.0, resets=code != "404", whole=method == "GET"
                    )
        for zone in ZONES:
            self._histogram(zone)

    @staticmethod
    def _walk(key, first, resets, whole):
        values, value = [], first + math.floor(_noise("first", key) * 500)
        for step in range(STEPS):
            growth = _noise("grow", key, step) * 40
            value += math.floor(growth) if whole else growth
            if resets and _noise("reset", key, step) < 0.02:
                value = math.floor(growth)
            values.append(value)
        return values

    def _histogram(self, zone):
        counts, total, rows, sums = [1000] * len(BOUNDS), 5000.0, [], []
        for step in range(STEPS):
            if zone == "ap" and step == 90:
                counts, total = [0] * len(BOUNDS), 0.0
            for index in range(len(BOUNDS)):
                seen = math.floor(_noise("seen", zone, step, index) * 12 / (1 + abs(index - 3)))
                counts[index] += seen
                total += seen * 0.3 * (index + 1)
            rows.append([sum(counts[: index + 1]) for index in range(len(BOUNDS))])
            sums.append(total)
        self.buckets[zone], self.sums[zone] = rows, sums


_counters = _Counters()


def page(step, start):
    """The exposition of one step."""
    at = round((start + step * STEP_SECONDS) * 1000)
    lines = []

    def family(name, kind, help_text="Synthetic."):
        lines.append(f"# HELP {name} {help_text}")
        lines.append(f"# TYPE {name} {kind}")

    def sample(name, labels, value, shift_ms=0):
        lines.append(_line(name, labels, value, at + shift_ms))

    family("marker", "gauge", "The step itself.")
    sample("marker", {}, float(step))

    family("http_requests_total", "counter", "Requests, by method, code and handler.")
    for (method, code, handler), values in _counters.requests.items():
        sample("http_requests_total", {"method": method, "code": code, "handler": handler}, values[step])

    family("temperature_celsius", "gauge")
    for zone in ZONES:
        for host in range(4):
            value = 20 * math.sin(step / 17 + host) + 3 * _noise("t", zone, host, step) - host
            sample("temperature_celsius", {"zone": zone, "host": f"h{host}"}, value)

    family("memory_bytes", "gauge")
    for zone in ZONES:
        sample("memory_bytes", {"zone": zone, "host": "h0"}, float(2**33 + math.floor(_noise("m", zone, step) * 2**30)))
        sample("memory_bytes", {"zone": zone, "host": "h9"}, float(2**20 * (step // 10)))

    family("latency_seconds", "histogram")
    for zone in ZONES:
        row = _counters.buckets[zone][step]
        for bound, count in zip(BOUNDS, row):
            sample("latency_seconds_bucket", {"zone": zone, "le": bound}, float(count))
        sample("latency_seconds_sum", {"zone": zone}, _counters.sums[zone][step])
        sample("latency_seconds_count", {"zone": zone}, float(row[-1]))

    family("rpc_seconds", "summary")
    for quantile in ("0.5", "0.9", "0.99"):
        sample("rpc_seconds", {"quantile": quantile}, float(quantile) * (1 + _noise("q", quantile, step)))
    sample("rpc_seconds_sum", {}, 10.0 * step + 5)
    sample("rpc_seconds_count", {}, 20.0 * step + 7000)

    family("gappy", "gauge")
    if not 40 <= step < 75:
        sample("gappy", {"gap": "long"}, 500.0 + step)
    if step % 12 < 9:
        sample("gappy", {"gap": "short"}, 700.0 - step)
    if step >= 60:
        sample("gappy", {"gap": "late"}, 900.0 + step * step)
    if step < 100:
        sample("gappy", {"gap": "ends"}, 100.0 + step % 7)

    family("sparse", "gauge")
    if step % 4 == 0:
        sample("sparse", {}, float(step))

    family("special", "gauge")
    sample("special", {"kind": "nan"}, math.nan)
    sample("special", {"kind": "+inf"}, math.inf)
    sample("special", {"kind": "-inf"}, -math.inf)
    sample("special", {"kind": "zero"}, 0.0)
    sample("special", {"kind": "tiny"}, 5e-324 * (step + 1))
    sample("special", {"kind": "huge"}, 1.7e308 / (step + 1))
    sample("special", {"kind": "sometimes"}, math.nan if step % 5 == 0 else float(step))
    sample("special", {"kind": "flips"}, -1.0 if step % 2 else 1.0)
    sample("special", {"kind": "constant"}, 42.0)

    family("strange", "gauge")
    for number, text in enumerate(STRANGE_VALUES):
        sample("strange", {"text": text, "number": str(number)}, float(number + step))

    family("jitter", "gauge")
    for host in range(3):
        shift = 50 + 100 * math.floor(_noise("j", host, step) * 20)
        sample("jitter", {"host": f"h{host}"}, _noise("jv", host, step) * 1e3, shift)

    family("build_info", "gauge", 'A \\\\ in the "help".')
    for host in range(4):
        for zone in ZONES:
            labels = {"zone": zone, "host": f"h{host}", "version": f"1.{(host + (step > 80)) % 3}"}
            sample("build_info", labels, 1.0)

    family("plain", "untyped")
    sample("plain", {}, float(step % 10))
    return "\n".join(lines) + "\n"
