"""Queries that try to take a server down: too many series, samples, points, labels or nodes. For death_queries.py, whose
series are `wide`, `slow_bucket` and `old`."""

ALL = '{__name__=~".+"}'
POINTS = 10_900  # nearly the most that a range query may have


def _nested(function, inside, times, end=")"):
    return function * times + inside + end * times


def _growing(inside, times):
    """A label that is four times as long after each step."""
    for _ in range(times):
        inside = f'label_replace({inside}, "x", "$1$1$1$1", "x", "(.*)")'
    return inside


BRANCHES = "|".join(f"/a/path/number/{number}" for number in range(10_000))
LONG = "x" * 65_536

INSTANT = {
    # Everything, as it lies or as a subquery
    "everything": ALL,
    "everything of 30 days": f"{ALL}[30d]",
    "all samples of 30 days": f"sum(count_over_time({ALL}[30d]))",
    "everything by seconds": f"sum_over_time({ALL}[30d:1s])",
    "everything by milliseconds": f"last_over_time({ALL}[1d:1ms])",
    "rates by seconds": "max_over_time(rate(wide[5m])[1h:1s])",
    "two levels of seconds": "max_over_time(sum_over_time(wide[1h:1s])[1h:1s])",
    "three levels of seconds": "sum(max_over_time(avg_over_time(sum_over_time(wide[10m:1s])[10m:1s])[10m:1s]))",
    "quantiles of many": "quantile_over_time(0.9, wide[30d:10s])",
    "deviations of many": f"mad_over_time({ALL}[30d])",
    "trends of everything": f"predict_linear({ALL}[30d], 3600)",
    "trends by seconds": f"deriv({ALL}[2d:5s])",
    "smoothed": f"double_exponential_smoothing({ALL}[30d], 0.5, 0.5)",
    "changes by seconds": f"changes({ALL}[30d:1s])",
    "a hundred years of nothing": "sum_over_time(vector(1)[100y:1s])",
    "ten years of the time": "max_over_time(vector(time())[10y:1s])",
    "milliseconds of nothing": "count_over_time(vector(1)[30d:1ms])",
    "the old by seconds": "sum by (n) (stddev_over_time(old[2d:1s]))",
    "the future": f"sum(rate({ALL}[30d] offset -30d))",
    "absent by seconds": f"absent_over_time({ALL}[30d:1s])",
    # Joins
    "a cross join": "wide * on () group_left () wide",
    "many to many": "wide * on (zone) group_left () slow_bucket",
    "a join by every label": "wide * on (path, n, zone, code, instance) group_left (job) wide",
    "a comparison with itself": f"{ALL} == {ALL}",
    "and": f"wide and on (zone) {ALL}",
    "or": f"{ALL} or on (path, n, le) {ALL}",
    "unless": f"{ALL} unless on (path) slow_bucket",
    "a sum of two hundred": " + ".join(["wide"] * 200),
    "one of two hundred": " or ".join(f"wide * {number}" for number in range(200)),
    "two hundred aggregations": " or ".join(f'sum by (path) (wide{{zone!="{number}"}})' for number in range(200)),
    # Labels
    "a value's series": 'count_values("v", wide)',
    "a series' values": 'count_values without () ("v", wide)',
    "values by path": f'count_values by (path, n) ("v", {ALL})',
    "a label that grows": _growing('label_replace(wide, "x", "$1", "path", "(.*)")', 12),
    "a long label": f'label_replace(wide, "x", "{LONG}", "", "")',
    "longer and longer": f'label_replace(label_replace(wide, "x", "{LONG}", "", ""), "x", "$1$1$1$1$1$1$1$1", "x", "(.*)")',
    "joined labels": f'label_join({ALL}, "x", "{LONG[:4096]}", "path", "n", "zone", "code", "path")',
    "ten thousand branches": f'count(wide{{path=~"{BRANCHES}"}})',
    "none of ten thousand branches": f'count(wide{{path!~"{BRANCHES}"}})',
    "parts anywhere": 'wide{path=~".*a.*p.*t.*h.*n.*u.*m.*b.*e.*r.*9.*"}',
    "any case": 'wide{path=~"(?i:.*(NUMBER|PATH|A).*(0|1|2|3|4).*)"}',
    "an expression that grows": 'wide{path=~"((.{50}){50}){50}"}',
    "replaced by a slow expression": 'label_replace(wide, "x", "$1", "path", "(.*)*(.*)*(.*)*b")',
    # Order and aggregation
    "the first of all": f"topk(1000000, {ALL})",
    "the last of all": f"bottomk(1e12, {ALL})",
    "the first by path": f"topk by (path, n) (5, {ALL})",
    "everything in order": f"sort_desc({ALL})",
    "everything by label": f'sort_by_label({ALL}, "path", "n", "le")',
    "as many as there are": f"limitk(100000000, {ALL})",
    "a group each": f"stddev by (__name__, path, n, zone, code, le, instance) ({ALL})",
    "quantiles by path": f"quantile by (path) (0.5, {ALL})",
    "quantiles of buckets": "histogram_quantile(0.99, slow_bucket)",
    "quantiles of rates": "histogram_quantile(0.99, sum by (le, path, n) (rate(slow_bucket[30d])))",
    "information": f"info({ALL})",
    # Text
    "deep parentheses": _nested("(", "1", 100_000),
    "signs": "-" * 100_000 + "1",
    "a long sum": "+".join(["1"] * 100_000),
    "deep functions": _nested("abs(", "wide", 5_000),
    "absent chains": _nested("absent(", "wide", 5_000),
    "deep subqueries": _nested("max_over_time(", "wide", 40, "[10m:1s])"),
    "deep aggregations": _nested("sum by (path, n) (", "wide", 2_000),
    "a megabyte of matchers": "wide{%s}" % ",".join(f'path!="{number}"' for number in range(80_000)),
}  # fmt: skip

# As range queries over POINTS points.
RANGE = {
    "everything, drawn": (ALL, 1),
    "rates of everything, drawn": (f"rate({ALL}[5m])", 1),
    "rates by path, drawn": ("sum by (path) (rate(wide[5m]))", 1),
    "products, drawn": ("wide * 2 + wide", 1),
    "the first, drawn": ("topk(10, wide)", 1),
    "the first by path, drawn": ("topk by (path, n) (1, wide)", 1),
    "all by value, drawn": (f"topk(1000000, {ALL})", 1),
    "values of the time, drawn": ('count_values("v", vector(time()))', 1),
    "kept by path, drawn": ("wide and on (path, n) (wide > 500)", 1),
    "values, drawn": ('count_values("v", wide)', 1),
    "quantiles, drawn": ("histogram_quantile(0.99, sum by (le, path) (rate(slow_bucket[5m])))", 1),
    "parts, drawn": ("wide / ignoring (code) group_left () sum without (code) (wide)", 1),
    "subqueries, drawn": ("max_over_time(wide[1h:1s])", 1),
    "replaced, drawn": ('label_replace(wide, "x", "$1$1$1$1", "path", "(.*)")', 1),
    "long windows, drawn": ("quantile_over_time(0.5, old[2d])", 15),
    "long subqueries, drawn": ("max_over_time(deriv(old[1h])[1d:10s])", 15),
    "milliseconds, drawn": (ALL, 0.001),
}
