"""The PromQL of the differential test: a list written by hand, and a seeded generator of expressions.

What is left out, because Prometheus 2.42 (Debian 12) and Prometheus 3 differ on purpose:
- windows and lookbacks that end exactly on a sample (left-open since 3.0): evaluation times avoid them;
- "." in a regular expression against a line end (3.0 lets it match);
- le="1" (3.0 stores le="1.0"): the exporter writes 1.0;
- holt_winters (named double_exponential_smoothing, behind a flag, since 3.0): asked under both names;
- durations as numbers, hexadecimal with underscores, first_over_time, quoted names, experimental functions:
  2.42 does not parse them;
- the part of an interval that rate() adds before a counter's first sample near zero (order of two rules changed
  in 2.50): counters here start high;
- the same for rate() and increase() of gauges, whose falls count as resets: they are asked of counters only;
- nested subqueries: their inner windows begin exactly on steps (left-open since 3.0);
- atan2 with a scalar, which keeps the metric's name in 2.42;
- variances that overflow: Inf since 3.0, NaN in 2.42; ln() of numbers below 2e-308, which Go's assembly gets wrong;
- texts of errors and warnings: status code and errorType are compared.
"""

import random

# Every query is asked at several times, as an instant query and as a range query. A "{t}" is replaced by a fixed
# time that lies on no sample.
SELECT = [
    "marker",
    "http_requests_total",
    'http_requests_total{code="200"}',
    'http_requests_total{code!="200",method="GET"}',
    'http_requests_total{code=~"4..|5.."}',
    'http_requests_total{code!~"4..|5.."}',
    'http_requests_total{handler=~"/.+"}',
    'http_requests_total{nothing=""}',
    'http_requests_total{nothing!="",code="200"}',
    '{__name__="temperature_celsius",zone="ap"}',
    '{__name__=~"mem.*|temp.*",host="h0"}',
    '{job="oracle",__name__!~"http.*|latency.*|build.*|scrape.*|up"}',
    'strange{text="ünïcödé"}',
    'strange{text=~".*ö.*|日本."}',
    "strange{text='quo\"te'}",
    'strange{text="back\\\\slash"}',
    'strange{text="new\\nline"}',
    "strange{text=`tab\t`}",
    'strange{text=""}',
    'strange{text=~"(?i)PLAIN"}',
    "strange",
    "special",
    "gappy",
    "sparse",
    "jitter",
    "no_such_metric",
    "temperature_celsius offset 5m",
    "temperature_celsius offset -2m",
    "gappy offset 10m",
    "temperature_celsius @ {t}",
    "temperature_celsius @ {t} offset 1m",
    "temperature_celsius offset 1m @ {t}",
    "temperature_celsius @ start()",
    "temperature_celsius @ end()",
    "gappy @ end() - gappy @ start()",
    "sum(http_requests_total @ {t})",
]

GAUGES = ["temperature_celsius[4m]", "gappy[10m]", "jitter[45s]"]
COUNTERS = ["http_requests_total[4m]", "latency_seconds_sum[10m]", "rpc_seconds_count[45s]"]

RANGE_FUNCTIONS = [
    "rate",
    "increase",
    "delta",
    "idelta",
    "irate",
    "deriv",
    "changes",
    "resets",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "present_over_time",
    "absent_over_time",
    "stddev_over_time",
    "stdvar_over_time",
]

VECTOR_FUNCTIONS = [
    "abs",
    "ceil",
    "floor",
    "exp",
    "ln",
    "log2",
    "log10",
    "sqrt",
    "sgn",
    "round",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "deg",
    "rad",
    "timestamp",
    "absent",
    "sort",
    "sort_desc",
    "scalar",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "year",
]

RANGES = [
    "rate(http_requests_total[1m])",
    "rate(http_requests_total[5m])",
    "rate(http_requests_total[31s])",
    "rate(http_requests_total[10s])",
    "rate(http_requests_total[1h])",
    "sum by (code) (rate(http_requests_total[5m]))",
    "sum without (code, instance, job) (increase(http_requests_total[10m]))",
    "increase(http_requests_total[10m] offset 5m)",
    "irate(jitter[2m])",
    "delta(sparse[5m])",
    "delta(memory_bytes[7m])",
    "deriv(memory_bytes[7m])",
    "predict_linear(temperature_celsius[10m], 3600)",
    "predict_linear(memory_bytes[10m], -60)",
    "quantile_over_time(0.5, temperature_celsius[10m])",
    "quantile_over_time(0.99, jitter[10m])",
    "quantile_over_time(-1, jitter[10m])",
    "quantile_over_time(2, jitter[10m])",
    "quantile_over_time(0.3, special[5m])",
    "absent_over_time(no_such_metric{a=\"b\"}[5m])",
    "absent_over_time(gappy{gap=\"ends\"}[5m])",
    "changes(special[10m])",
    "resets(special[10m])",
    "resets(http_requests_total[30m])",
    "avg_over_time(special[5m])",
    'stddev_over_time(special{kind!="huge"}[5m])',
    "min_over_time(special[5m])",
    "max_over_time(special[5m])",
    "sum_over_time(temperature_celsius[5m] @ {t})",
    "rate(http_requests_total[5m] @ end())",
    "max_over_time(rate(http_requests_total[1m])[10m:30s])",
    "avg_over_time(temperature_celsius[10m:1m])",
    "avg_over_time(temperature_celsius[10m:])",
    "min_over_time(sum(temperature_celsius)[10m:45s] offset 3m)",
    "sum_over_time((temperature_celsius > 0)[10m:20s])",
    "count_over_time(gappy[20m:7s])",
    "rate(sum by (code) (http_requests_total)[10m:15s])",
    "max_over_time(avg_over_time(temperature_celsius[3m])[10m:1m])",
    "sum_over_time(marker[10m:1m] @ {t})",
    "last_over_time(gappy[1h])",
    "timestamp(last_over_time(jitter[3m]))",
    "deriv(rate(http_requests_total[2m])[10m:30s])",
]

AGGREGATIONS = [
    "sum(temperature_celsius)",
    "sum by (zone) (temperature_celsius)",
    "sum without (zone) (temperature_celsius)",
    "sum by (nothing) (temperature_celsius)",
    "sum by () (temperature_celsius)",
    "sum(temperature_celsius) by (host, zone)",
    "avg by (host) (temperature_celsius)",
    "min by (zone) (temperature_celsius)",
    "max by (zone) (temperature_celsius)",
    "count by (zone) (temperature_celsius)",
    "group by (zone) (temperature_celsius)",
    "stddev by (zone) (temperature_celsius)",
    "stdvar without (host) (temperature_celsius)",
    "topk(3, temperature_celsius)",
    "topk by (zone) (1, temperature_celsius)",
    "bottomk(2, temperature_celsius)",
    "bottomk without (host) (1, temperature_celsius)",
    "topk(0, temperature_celsius)",
    "topk(1000, temperature_celsius)",
    "topk(scalar(count(gappy)), temperature_celsius)",
    "quantile(0.5, temperature_celsius)",
    "quantile by (zone) (0.9, temperature_celsius)",
    "quantile(-0.5, temperature_celsius)",
    "quantile(1.5, temperature_celsius)",
    'count_values("value", build_info)',
    'count_values by (zone) ("value", floor(temperature_celsius / 10))',
    'count_values("value", special)',
    "sum(special)",
    "avg(special)",
    "min(special)",
    "max(special)",
    'sum(special{kind!~".*nan.*|.*inf|sometimes"})',
    'stddev(special{kind=~"constant|zero|flips"})',
    "count(no_such_metric)",
    "sum(no_such_metric) or vector(0)",
    "count(count by (host) (build_info))",
    'group({__name__=~".+",job="oracle"}) by (__name__)',
    "sum by (version) (build_info)",
]

OPERATORS = [
    "temperature_celsius + 1",
    "1 - temperature_celsius",
    "temperature_celsius * 2",
    "temperature_celsius / 0",
    "temperature_celsius % 7",
    "-7.5 % 3",
    "temperature_celsius ^ 2",
    "2 ^ 3 ^ 2",
    "-temperature_celsius",
    "-2 ^ 2",
    "+temperature_celsius",
    "temperature_celsius atan2 marker",
    "temperature_celsius > 5",
    "5 < temperature_celsius",
    "temperature_celsius >= bool 5",
    "temperature_celsius == temperature_celsius",
    "temperature_celsius != bool 0",
    "special == special",
    "special != special",
    "special > 0",
    "1 == bool 1",
    "NaN == bool NaN",
    "Inf - Inf",
    "1 / 0",
    "0 / 0",
    "0x1F + 1e3 + .5",
    "temperature_celsius + temperature_celsius",
    "temperature_celsius / on (host, zone) memory_bytes",
    "temperature_celsius * on (zone, host) group_left (version) build_info",
    "build_info * on (zone, host) group_right temperature_celsius",
    "http_requests_total / ignoring (code) group_left sum without (code) (http_requests_total)",
    "sum by (zone) (temperature_celsius) / ignoring (x) count by (zone) (temperature_celsius)",
    "memory_bytes > on (zone) group_left avg by (zone) (memory_bytes)",
    "memory_bytes > bool on (zone) group_left avg by (zone) (memory_bytes)",
    "temperature_celsius and memory_bytes",
    "temperature_celsius and on (zone, host) memory_bytes",
    "temperature_celsius unless on (host, zone) memory_bytes",
    "temperature_celsius or memory_bytes",
    "temperature_celsius or on (zone) memory_bytes",
    "gappy or sparse or plain",
    "gappy and gappy offset 10m",
    "gappy unless gappy offset 10m",
    "gappy - gappy offset 1m",
    "temperature_celsius > 5 and temperature_celsius < 15",
    "1 + 2 * 3 - 4 / 2 % 3",
    "(1 + 2) * 3",
    "vector(1) + vector(2)",
    "vector(time()) - time()",
    'sum(rate(http_requests_total{code="500"}[5m])) / sum(rate(http_requests_total[5m]))',
    'temperature_celsius{host="h0"} + on () group_left () marker',
    "memory_bytes{host=\"h0\"} / ignoring (job) memory_bytes{host=\"h0\"}",
]

FUNCTIONS = [
    "time()",
    "pi()",
    'vector(scalar(marker))',
    "scalar(temperature_celsius)",
    'scalar(temperature_celsius{zone="ap",host="h1"})',
    "absent(no_such_metric)",
    'absent(no_such_metric{a="b",c=~"d",e!="f"})',
    'absent(no_such_metric{a="b",a="c"})',
    "absent(sum(no_such_metric))",
    "absent(marker)",
    "clamp(temperature_celsius, -5, 5)",
    "clamp(temperature_celsius, 5, -5)",
    "clamp(temperature_celsius, NaN, 5)",
    "clamp_min(temperature_celsius, 0)",
    "clamp_max(temperature_celsius, 0)",
    "clamp_max(special, 7)",
    "round(temperature_celsius, 0.25)",
    "round(temperature_celsius, 5)",
    "round(vector(-2.5))",
    "round(vector(2.5))",
    "sort(temperature_celsius)",
    "sort_desc(temperature_celsius)",
    "sort(special)",
    "sort_desc(special)",
    'label_replace(temperature_celsius, "new", "$1-x", "zone", "(.*)-.*")',
    'label_replace(temperature_celsius, "new", "$2", "zone", "(.*)-(?P<where>.*)")',
    'label_replace(temperature_celsius, "host", "", "host", "h1")',
    'label_replace(marker, "job", "", "", "")',
    'label_replace(temperature_celsius, "new", "fixed", "nothing", "")',
    'label_replace(temperature_celsius, "__name__", "renamed", "", "")',
    'label_replace(temperature_celsius, "new", "${1}", "host", "h([0-9])")',
    'label_join(temperature_celsius, "both", "-", "zone", "host")',
    'label_join(temperature_celsius, "both", ", ", "zone", "nothing", "host")',
    'label_join(temperature_celsius, "host", "", "nothing")',
    "histogram_quantile(0.5, latency_seconds_bucket)",
    "histogram_quantile(0.9, rate(latency_seconds_bucket[5m]))",
    "histogram_quantile(0.99, sum by (le) (rate(latency_seconds_bucket[5m])))",
    "histogram_quantile(0.5, sum by (zone, le) (latency_seconds_bucket))",
    "histogram_quantile(-1, latency_seconds_bucket)",
    "histogram_quantile(2, latency_seconds_bucket)",
    "histogram_quantile(NaN, latency_seconds_bucket)",
    "histogram_quantile(0, latency_seconds_bucket)",
    "histogram_quantile(1, latency_seconds_bucket)",
    'histogram_quantile(0.5, latency_seconds_bucket{le!="+Inf"})',
    "histogram_quantile(0.5, temperature_celsius)",
    "histogram_quantile(scalar(vector(0.75)), latency_seconds_bucket)",
    "rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])",
    "timestamp(jitter)",
    "timestamp(timestamp(jitter))",
    "timestamp(jitter offset 1m)",
    "hour(vector(1700000000))",
    "day_of_week(vector(1709164800))",
    "days_in_month(vector(1709164800))",
    "days_in_month(vector(1677628800))",
    "day_of_year(vector(1709164800))",
    "minute()",
    "hour()",
    "month()",
    "year()",
    "year(vector(-86400))",
    "abs(special)",
    "sgn(special)",
    "exp(special)",
    'ln(special{kind!="tiny"})',
    "sqrt(temperature_celsius)",
    '"a string"',
    "42",
    "1e309",
    "-Inf",
    "NaN",
]

# (Skein, Prometheus 2.42)
RENAMED = [
    ("double_exponential_smoothing(temperature_celsius[10m], 0.5, 0.3)", "holt_winters(temperature_celsius[10m], 0.5, 0.3)"),
    ("double_exponential_smoothing(memory_bytes[5m], 0.1, 0.9)", "holt_winters(memory_bytes[5m], 0.1, 0.9)"),
]

# Wrong as text or types: 400 bad_data.
MALFORMED = [
    "",
    "(",
    ")",
    "sum(",
    "sum()",
    "marker{",
    "marker{a=}",
    'marker{a="b"',
    'marker{a=~"("}',
    "marker{a=b}",
    "{}",
    '{a=""}',
    '{a=~".*"}',
    'marker{__name__="other",}',
    "marker[5m",
    "marker[]",
    "marker[0s]",
    "marker[-5m]",
    "marker[5x]",
    "marker[5m][5m]",
    "marker[5m] offset",
    "marker @ ",
    "marker @ now()",
    "rate(marker)",
    "rate(marker[5m], 1)",
    "rate()",
    "abs(marker[5m])",
    "abs(1)",
    'abs("x")',
    "sum(marker[5m])",
    "sum(1)",
    "topk(marker)",
    'topk("a", marker)',
    "no_such_function(marker)",
    "count_values(1, marker)",
    "1 and 2",
    "marker and 2",
    "1 == 1",
    'marker + "x"',
    "marker[5m] + 1",
    "marker + on (a) group_left",
    "marker and on (a) group_left marker",
    "sum by (1) (marker)",
    "sum by (a b) (marker)",
    "sum by (a) marker",
    "1 +",
    "* 1",
    "marker marker",
    "'unclosed",
    '"bad \\q escape"',
    "marker{a='b' c='d'}",
    "0xZZ",
    "1..2",
    "-marker[5m]",
    "(marker)[5m]",
    "sum(marker)[5m]",
    "marker[5m:1m",
    "1[5m:1m][1m]",
    "histogram_quantile(marker)",
    "label_replace(marker)",
    "vector(marker)",
    "scalar(1)",
    "time(1)",
    "bool",
    "marker == bool bool 1",
    "1 + bool 1",
    "ünïcödé",
    "marker{ünïcödé=\"x\"}",
    "marker # a comment\n +",
]

# Right as text, wrong when evaluated: 422 execution.
NOT_EVALUABLE = [
    "http_requests_total / on (method) http_requests_total",
    "temperature_celsius * on (host) build_info",
    "temperature_celsius + on (zone) memory_bytes",
    "temperature_celsius * on (host) group_left build_info",
    "temperature_celsius * ignoring (zone, version) group_left build_info",
    'label_replace({__name__=~"temperature_celsius|memory_bytes",host="h0"}, "__name__", "same", "", "")',
    'rate({__name__=~"temperature_celsius|memory_bytes"}[5m])',
    'abs({__name__=~"temperature_celsius|memory_bytes",host="h0"})',
    'label_replace(marker, "", "x", "", "")',
    'label_replace(marker, "a", "x", "b", "(")',
    'label_join(marker, "", "-", "a")',
    "{__name__=~\"temperature_celsius|memory_bytes\"} * 2",
]


def everything():
    """(Skein's text, Prometheus' text) of each query that has an answer, without doubles."""
    pairs = []
    for text in SELECT + RANGES + AGGREGATIONS + OPERATORS + FUNCTIONS:
        pairs.append((text, text))
    for function in RANGE_FUNCTIONS:
        for selector in COUNTERS if function in ("rate", "increase") else GAUGES:
            pairs.append((f"{function}({selector})",) * 2)
    for function in VECTOR_FUNCTIONS:
        for selector in ("temperature_celsius / 30", "marker"):
            pairs.append((f"{function}({selector})",) * 2)
    return list(dict.fromkeys(pairs + RENAMED))


# --- expressions by dice -----------------------------------------------------------------------------------------

_SELECTORS = [
    "temperature_celsius",
    "memory_bytes",
    "http_requests_total",
    "gappy",
    "jitter",
    "marker",
    "plain",
    "sparse",
    "build_info",
    "latency_seconds_bucket",
    'temperature_celsius{zone=~"eu.*|ap"}',
    'http_requests_total{code!="404"}',
]
_COUNTERS = ["http_requests_total", "latency_seconds_bucket", 'http_requests_total{code!="404"}']
_LABELS = ["zone", "host", "code", "method", "le", "gap"]
_PLAIN_RANGE_FUNCTIONS = [name for name in RANGE_FUNCTIONS if name not in ("deriv", "absent_over_time")]
_SMOOTH_FUNCTIONS = ["abs", "atan", "clamp_max_10", "timestamp"]


class Dice:
    """Random valid expressions. Depth is bounded; what depends on the order of equal elements, or makes small
    differences of rounding large, is not drawn."""

    def __init__(self, seed, at):
        self.random = random.Random(seed)
        self.at = at

    def _pick(self, *options):
        return self.random.choice(options)

    def _duration(self, low, high):
        return f"{self.random.randint(low, high)}s"

    def _modifier(self):
        draw = self.random.random()
        if draw < 0.15:
            return f" offset {self._duration(1, 900)}"
        if draw < 0.2:
            return f" @ {self.at + self.random.randint(0, 1200):.3f}"
        return ""

    def _grouping(self):
        labels = ", ".join(self.random.sample(_LABELS, self.random.randint(0, 3)))
        return f"{self._pick('by', 'without')} ({labels})"

    def vector(self, depth=3):
        if depth <= 0:
            return self._pick(*_SELECTORS) + self._modifier()
        return self._pick(self._leaf, self._range, self._aggregate, self._scalar_binary, self._set, self._subquery, self._call)(
            depth - 1
        )

    def _leaf(self, _):
        return self.vector(0)

    def _range(self, _):
        function = self._pick(*_PLAIN_RANGE_FUNCTIONS)
        metric = self._pick(*(_COUNTERS if function in ("rate", "increase") else _SELECTORS))
        return f"{function}({metric}[{self._duration(20, 1200)}]{self._modifier()})"

    def _subquery(self, depth):
        inner = f"({self._without_subquery(depth - 1)})[{self._duration(60, 900)}:{self._duration(7, 90)}]{self._modifier()}"
        function = self._pick("max_over_time", "min_over_time", "avg_over_time", "sum_over_time", "count_over_time")
        return f"{function}({inner})"

    def _without_subquery(self, depth):
        drawn = self.vector(depth)
        while ":" in drawn:
            drawn = self.vector(depth)
        return drawn

    def _aggregate(self, depth):
        operator = self._pick("sum", "avg", "min", "max", "count", "group", "quantile")
        inside = self.vector(depth)
        if operator == "quantile":
            return f"quantile {self._grouping()} (0.{self.random.randint(0, 9)}, {inside})"
        return f"{operator} {self._grouping()} ({inside})"

    def _scalar_binary(self, depth):
        operator = self._pick("+", "-", "*", "/", ">", "<", ">= bool", "<= bool")
        if operator in "+-*/":
            number = self._pick("2", "0.5", "-3", "100", "1e6")
        else:  # nothing an average may just miss
            number = self._pick("1.937", "-0.0713", "17.119", "1017.31", "1.0937e6")
        left, right = self.vector(depth), number
        if self.random.random() < 0.3:
            left, right = right, left
        return f"({left} {operator} {right})"

    def _set(self, depth):
        operator = self._pick("and", "or", "unless")
        on = self._pick("", "", f" on ({self._pick(*_LABELS)})", f" ignoring ({self._pick(*_LABELS)})")
        return f"({self.vector(depth)} {operator}{on} {self.vector(depth)})"

    def _call(self, depth):
        name = self._pick(*_SMOOTH_FUNCTIONS)
        if name == "clamp_max_10":
            return f"clamp_max({self.vector(depth)}, 10)"
        return f"{name}({self.vector(depth)})"
