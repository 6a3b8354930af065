"""Why Prometheus 2.42 (Debian 12) and Prometheus 3 answer the same PromQL differently, as rules of the differential test.

A rule sees a query that was answered differently and says whether it is the reason. What can be avoided is avoided
instead: promql_dice lets no window begin on a sample (left-open since 3.0) but where that is what is asked, and writes
what 2.42 knows under other names for it. Texts of errors, warnings and infos are not compared.
"""

import math
import re

import answers
from lib import same_number

# 2.42 takes a sample that is exactly --query.lookback-delta old, 3.x does not.
LOOKBACK = "299999ms"
LOOSE = 1e-9
# Asked over windows of a millisecond less, what is extrapolated to a window's edges is less by some.
EXTRAPOLATED = 1e-4
ANGLES = ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")


class Both:
    """What a query got from both."""

    def __init__(self, query, ours, theirs):
        self.text = query.text
        self.query = query
        self.ours, self.theirs = answers.read(ours), answers.read(theirs)
        self.body = ours.body
        self.error_of_ours, self.error = (answer.json().get("error", "") if answer.status != 200 else "" for answer in (ours, theirs))
        self.answered = self.ours[2] is not None and self.theirs[2] is not None

    def normal(self):
        return answers.normal(self.ours[2]), answers.normal(self.theirs[2])

    def nearly_equal(self, tolerance):
        """Relative to each number, or to the largest of them all: what is left when equal numbers are subtracted is noise."""
        if not self.answered:
            return False
        ours, theirs = self.normal()
        if isinstance(theirs[1], str):
            return False
        scale = max((abs(v) for points in theirs[1].values() for _, v in points if not isinstance(v, str) and math.isfinite(v)), default=0)
        return answers.difference(ours, theirs, tolerance, tolerance * max(1.0, scale)) is None

    def same_places(self):
        """The same label sets have values at the same times."""
        if not self.answered:
            return False
        ours, theirs = ({labels: [t for t, _ in points] for labels, points in data[1].items()} for data in self.normal())
        return ours == theirs

    def discrete(self):
        """Whether the query makes large differences of small ones."""
        return self.answered and (
            self.calls("count_values", "round", "floor", "ceil", "resets", "changes", "sgn", "idelta", "irate", "rate", "increase")
            or re.search("[=<>%^]", re.sub(r"\{[^}]*\}", "", self.text)) is not None
        )

    def calls(self, *names):
        return re.search(rf"\b({'|'.join(names)})\b", self.text) is not None


def durations_as_numbers(both):
    """A duration is a number, and a number is a duration (3.0): rate(x[300]), x > 5m."""
    return both.theirs[0] == 400 and re.search(r"duration|unexpected number", both.error)


def kept_of_equals(both):
    """topk and bottomk: which of equal values, or of NaNs, are kept is not defined."""
    if not both.answered or not both.calls("topk", "bottomk"):
        return False
    if not both.query.sorts:
        return True
    ours, theirs = (_columns(data) for data in both.normal())
    return ours.keys() == theirs.keys() and all(_same(ours[t], theirs[t]) for t in theirs)


def _columns(data):
    """{time: values}"""
    columns = {}
    for points in data[1].values():
        for t, value in points:
            columns.setdefault(t, []).append(value)
    return columns


def _same(left, right):
    """The same numbers in some order."""
    left, right = (sorted(values, key=lambda value: (math.isnan(value), value)) for values in (left, right))
    return len(left) == len(right) and all(same_number(a, b, LOOSE) for a, b in zip(left, right))


def classic_fractions(both):
    """histogram_fraction takes classic histograms (3.0); 2.42 passes them over."""
    return both.calls("histogram_fraction") and re.search(r"_bucket|\ble\b", both.text)


def no_element_kept(both):
    """topk(-Inf, x) is empty like every k below 1; in 2.42 -Inf is out of range."""
    return both.calls("topk", "bottomk") and both.error.startswith("Scalar value -") and "overflows int64" in both.error


def window_fixed(both):
    """Functions with another argument look at a window fixed by @ at each step; in 2.42 it wanders with the step."""
    return both.calls("predict_linear", "quantile_over_time", "double_exponential_smoothing") and "@" in both.text


def matches_not_kept(both):
    """A comparison says that there are several matches also of those that it filters out (3.x)."""
    return both.ours[1] == "execution" and "multiple matches for labels" in both.error_of_ours and re.search("==|!=|<|>", both.text)


def labels_lost(both):
    """count_values by several labels loses one of them from the second step on in 2.42."""
    return both.calls("count_values") and re.search(r"\bby \([^()]*,", both.text)


def new_words(both):
    """Functions start() and end(), quoted label names and colons in label names came with 3.x."""
    return both.theirs[0] == 400 and (
        re.search(r"\b(start|end|step|range)\(", both.text)
        or re.search("unexpected (string|metric identifier) .* in (label matching|grouping)", both.error)
    )


def compensated(both):
    """Sums and means are compensated, means no longer incremental (3.0): other last digits."""
    return both.calls("sum", "avg", "avg_over_time") and (both.nearly_equal(EXTRAPOLATED if "edges" in both.query.tags else LOOSE) or both.discrete())


def mathematics(both):
    """Go's functions and those of C differ in the last digit, and overflow a little later or earlier."""
    if not both.calls("exp", "ln", "log2", "log10", *ANGLES) and "^" not in both.text:
        return False
    return both.nearly_equal(LOOSE) or both.discrete() or (both.same_places() and b"e+30" in both.body)


def angles_of_large_numbers(both):
    """The last digit of a large number is many turns."""
    return both.calls("sin", "cos", "tan") and both.calls("avg", "avg_over_time", "sum", "exp", "sinh", "cosh") and both.same_places()


def offset_beside_time(both):
    """timestamp(x @ 5 offset 1m) finds nothing in 2.42, which looks without the offset for what it loaded with it."""
    return both.calls("timestamp") and "@" in both.text and "offset" in both.text


def counters_near_zero(both):
    """A counter that is extrapolated to zero and begins more than 1.1 intervals into the window: the rules' order changed (2.50)."""
    return "rate of a subquery" in both.query.tags


def deviation_of_the_infinite(both):
    """The deviation of a group whose first value is infinite or NaN is NaN (3.0); of that value alone it was 0."""
    return both.calls("stddev", "stdvar") and (b'"NaN"' in both.body or both.discrete())


def deviation_too_large(both):
    """A deviation that overflows is infinite (3.0); in 2.42 it is NaN."""
    return both.calls("stddev_over_time", "stdvar_over_time") and b'"+Inf"' in both.body


def deviation_of_large_numbers(both):
    """2.42 takes what an operator yields in another order each time: a deviation far smaller than the numbers has other last digits."""
    return both.calls("stddev", "stdvar") and both.nearly_equal(LOOSE)


def named_angles(both):
    """atan2 keeps the metric's name in 2.42."""
    return both.calls("atan2") and both.query.tags & {"wild", "spoilt"}


RULES = (
    durations_as_numbers, kept_of_equals, classic_fractions, no_element_kept, window_fixed, matches_not_kept, labels_lost, new_words,
    compensated, mathematics, angles_of_large_numbers, offset_beside_time, counters_near_zero, deviation_of_the_infinite,
    deviation_too_large, deviation_of_large_numbers, named_angles,
)  # fmt: skip


def why(query, ours, theirs):
    """The first line of the rule that explains a difference; None when no rule does."""
    both = Both(query, ours, theirs)
    return next((rule.__doc__.splitlines()[0] for rule in RULES if rule(both)), None)
