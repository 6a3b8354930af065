"""Random PromQL over the families of promql_data: everything that Prometheus 2.42 can parse, from a seed.

Most expressions are well-typed and find something: operands of one shape for one-to-one matching, aggregations to
shared labels, many-to-one joins. Some are thrown without a thought, and some are spoiled token by token, for the codes
of errors.

Windows never begin on a sample, except in those thrown with edges=True: times, steps and offsets are whole seconds
beside the fraction of the evaluation, and ranges of subqueries, whose steps lie on whole seconds, have odd milliseconds.
"""

import random
import re
from dataclasses import dataclass, field

from promql_data import COUNTERS, END, FAMILIES, FRACTION_MS, START, STEP_SECONDS, STEPS

DEPTH = 3
POINTS_MAX = 90
SUBQUERY_MS = 137  # beside whole seconds
EVALUATED_MS = 123
FIXED_MS = 777  # of `@`

UNARY = (
    "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad", "timestamp", "histogram_count", "histogram_sum",
)  # fmt: skip
DATES = ("day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year")
COUNTER_FUNCTIONS = ("rate", "increase", "irate", "resets", "rate", "increase")
GAUGE_FUNCTIONS = (
    "delta", "idelta", "deriv", "changes", "resets", "irate", "avg_over_time", "sum_over_time", "min_over_time", "max_over_time",
    "count_over_time", "last_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time",
)  # fmt: skip
ARITHMETIC = ("+", "-", "*", "/", "%", "^")
COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
NUMBERS = ("0", "1", "2", "-1", "0.5", "3", "10", "100", "1e3", "-7.5", "0x1F", "1e-3", "Inf", "-Inf", "NaN", "+Inf", ".25")
NAMED, NAMED_END = "\1", "\2"
PIECES = (
    "(", ")", "{", "}", "[", "]", ",", "+", "-", "*", "/", "%", "^", "==", "=~", "!=", ">", "by", "without", "on", "ignoring",
    "group_left", "bool", "offset", "@", "sum", "rate", "topk", "and", "or", "unless", "1", "5m", '"x"', "up", "start()", "end()",
    "==bool", "job", "=", "!", ":", "atan2", "scalar(", "NaN", "[5m]", "[5m:1m]", "offset 1m", "`a`", "'",
)  # fmt: skip


@dataclass
class Query:
    """One request to both servers. What stands between marks keeps its name in 2.42."""

    marked: str
    params: dict
    tags: set = field(default_factory=set)

    @property
    def path(self):
        return "query_range" if "step" in self.params else "query"

    @property
    def text(self):
        return self.marked.replace(NAMED, "").replace(NAMED_END, "")

    @property
    def theirs(self):
        """The text as Prometheus 2.42 knows it, whose windows have both their ends (since 3.0: not the left one)."""
        text = self.marked.replace("double_exponential_smoothing", "holt_winters")
        text = text.replace(NAMED, "label_replace(").replace(NAMED_END, ', "__name__", "", "", "")')
        return re.sub(r"\[((?:[0-9]+(?:ms|s|m))+)\]", _shorter, text) if "edges" in self.tags else text

    @property
    def sorts(self):
        """Whether the whole query is one call of a function that puts its results in order."""
        text = self.text.strip()
        depth = 0
        for at, letter in enumerate(text):
            depth += (letter == "(") - (letter == ")")
            if letter == ")" and depth == 0:
                return at == len(text) - 1 and text.startswith(("sort", "topk", "bottomk"))
        return False

    def __str__(self):
        return f"{self.path} {self.text!r} {self.params}"


@dataclass
class Vector:
    """An expression with the labels its series may have, and the family all of it comes from (None: several)."""

    text: str
    labels: frozenset
    family: str = ""


def _all_labels(family):
    return frozenset(FAMILIES[family])


LABEL_NAMES = sorted({label for shape in FAMILIES.values() for label in shape})


def _shorter(window):
    """A window without its left end."""
    units = {"ms": 1, "s": 1000, "m": 60_000}
    length = sum(int(number) * units[unit] for number, unit in re.findall(r"([0-9]+)(ms|s|m)", window.group(1)))
    return f"[{length - 1}ms]"


class Dice:
    def __init__(self, seed, edges=False):
        self.random = random.Random(seed)
        self.edges = edges
        self.tags = set()

    # Requests

    def query(self):
        self.tags = set()
        throw = self.random.random()
        if self.edges:
            text = self._sensitive()
            self.tags.add("edges")
        elif throw < 0.80:
            text = self._nested(self.random.randint(1, DEPTH)).text
        elif throw < 0.88:
            text = self._top()
        elif throw < 0.94:
            text = self._wild(2)
            self.tags.add("wild")
        else:
            text = self._spoilt(self._nested(self.random.randint(0, 2)).text)
            self.tags.add("spoilt")
        return Query(text, self._times(), self.tags)

    def _times(self):
        grid = STEP_SECONDS if self.edges else 1
        fraction = FRACTION_MS if self.edges else EVALUATED_MS
        at = START - 600 + self.random.randrange((END - START + 1800) // grid) * grid
        if self.random.random() < 0.5:
            return {"time": f"{at}.{fraction}"}
        step = self._pick(1, 2, 4, 10) * grid if self.edges else self._pick(7, 15, 30, 60, 61, 300, 997)
        points = self.random.randrange(POINTS_MAX)
        return {"start": f"{at}.{fraction}", "end": f"{at + points * step + self.random.randrange(step)}.{fraction}", "step": step}

    # Small parts

    def _pick(self, *options):
        return self.random.choice(options)

    def _often(self, chance):
        return self.random.random() < chance

    def _seconds(self, low, high):
        if self.edges:
            return f"{self.random.randint(1, 20) * STEP_SECONDS}s"
        seconds = self.random.randint(low, high)
        return self._pick(f"{seconds}s", f"{seconds}s", f"{seconds // 60 + 1}m", f"{seconds // 60}m{seconds % 60 or 1}s")

    def _window(self):
        return self._seconds(*self._pick((20, 120), (60, 900), (600, 5000)))

    def _fixed(self):
        at = START + self.random.randrange(STEPS) * STEP_SECONDS
        return f"{at}.{FRACTION_MS if self.edges else FIXED_MS}"

    def _modifiers(self):
        parts = []
        if self._often(0.15):
            parts.append(f" offset {self._pick('', '', '-')}{self._seconds(1, 1800)}")
        if self._often(0.08):
            parts.append(f" @ {self._pick(self._fixed(), self._fixed(), 'start()', 'end()')}")
        self.random.shuffle(parts)
        return "".join(parts)

    def _quoted(self, text):
        escaped = text.replace("\\", "\\\\")
        return self._pick('"%s"' % escaped.replace('"', '\\"'), "'%s'" % escaped.replace("'", "\\'"), f"`{text}`")

    def _matcher(self, label, values):
        value = self._pick(*values)
        kind = self.random.random()
        if kind < 0.3:
            return f"{label}={self._quoted(value)}"
        if kind < 0.5:
            return f"{label}!={self._quoted(value)}"
        some = "|".join(re.escape(one) for one in self.random.sample(values, min(2, len(values))))
        expression = self._pick(
            some, some, f"(?i:{re.escape(value.upper())})", f"{re.escape(value[:1])}.*", ".+", ".*", f".*{re.escape(value[-1:])}",
            f"{re.escape(value[:2])}.?.?.?", "[a-m0-4].*", "",
        )  # fmt: skip
        return f"{label}{self._pick('=~', '=~', '!~')}{self._quoted(expression)}"

    def _matchers(self, family):
        shape = FAMILIES[family]
        found = []
        for _ in range(self._pick(0, 0, 0, 1, 1, 2)):
            if not shape or self._often(0.03):
                found.append(self._pick('nothing=""', 'nothing!="x"', 'nothing=~".*"', 'job=""', 'nothing="x"'))
            else:
                label = self._pick(*shape)
                found.append(self._matcher(label, shape[label]))
        return found

    def _selector(self, family=None):
        family = family or self._pick(*FAMILIES)
        matchers = self._matchers(family)
        if self._often(0.03):
            text = "{%s}" % ",".join(['__name__=~"%s|%s"' % (family, self._pick(*FAMILIES))] + matchers)
            return Vector(text, _all_labels(family), None)
        if self._often(0.05):
            return Vector("{%s}" % ", ".join([f'__name__="{family}"'] + matchers), _all_labels(family), family)
        return Vector(family + (("{%s}" % ",".join(matchers)) if matchers else ""), _all_labels(family), family)

    def _grouping(self, labels):
        known = sorted(labels) or ["job"]
        names = self.random.sample(known, self.random.randint(0, min(3, len(known))))
        if self._often(0.05):
            names.append(self._pick("nothing", "le", "host", "bool", "offset"))
        return f"{self._pick('by', 'without')} ({', '.join(names)})", names

    def _number(self):
        return self._pick(*NUMBERS)

    # Scalars and strings

    def _scalar(self, depth):
        draw = self.random.random()
        if depth <= 0 or draw < 0.5:
            return self._number()
        if draw < 0.6:
            return self._pick("time()", "pi()")
        if draw < 0.75:
            return f"scalar({self._nested(depth - 1).text})"
        if draw < 0.8:
            return f"-({self._scalar(depth - 1)})"
        operator = self._pick(*ARITHMETIC, "atan2") if draw < 0.93 else self._pick(*COMPARISONS) + " bool"
        return f"({self._scalar(depth - 1)} {operator} {self._scalar(depth - 1)})"

    # Vectors

    def _nested(self, depth):
        if depth <= 0:
            found = self._selector()
            found.text += self._modifiers()
            return found
        kinds = (
            (self._range, 22), (self._subquery, 7), (self._function, 14), (self._aggregate, 16), (self._pickers, 5), (self._with_scalar, 10),
            (self._one_to_one, 9), (self._joined, 6), (self._set, 7), (self._labelled, 5), (self._quantile_of_buckets, 5), (self._absent, 2),
            (self._dated, 2), (self._negative, 3), (self._from_scalar, 2), (self._sorted, 2), (self._leaf, 3),
        )  # fmt: skip
        return self.random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0](depth - 1)

    def _leaf(self, _):
        return self._nested(0)

    def _chain(self, family, depth):
        """Something with the labels of the family's series."""
        draw = self.random.random()
        if depth <= 0 or draw < 0.35:
            found = self._selector(family)
            found.text += self._modifiers()
            return found
        if draw < 0.7:
            return self._range(0, family)
        inside = self._chain(family, depth - 1)
        if draw < 0.85:
            return Vector(f"{self._pick(*UNARY)}({inside.text})", inside.labels, family)
        return Vector(f"({inside.text} {self._pick(*ARITHMETIC)} {self._number()})", inside.labels, family)

    def _range(self, _, family=None):
        family = family or self._pick(*FAMILIES)
        chosen = self._selector(family)
        counter = family in COUNTERS and chosen.family
        function = self._pick(*COUNTER_FUNCTIONS) if counter and self._often(0.6) else self._pick(*GAUGE_FUNCTIONS)
        return self._over(f"{chosen.text}[{self._window()}]{self._modifiers()}", function, chosen)

    def _over(self, window, function, chosen):
        """A function over a range vector."""
        if self._often(0.16):
            return Vector(
                self._pick(
                    f"quantile_over_time({self._pick('0.5', '0.9', '0', '1', '0.25', '-1', '2', 'NaN', self._scalar(1))}, {window})",
                    f"predict_linear({window}, {self._pick('60', '-300', '3600', '0', self._scalar(1))})",
                    f"double_exponential_smoothing({window}, {self._pick('0.5', '0.1')}, {self._pick('0.25', '0.8')})",
                    f"absent_over_time({window})",
                ),
                chosen.labels,
                chosen.family,
            )
        return Vector(f"{function}({window})", chosen.labels, chosen.family)

    def _subquery(self, depth):
        inside = self._nested(depth)
        step = self._pick("", "7s", "15s", "30s", "1m", "45s", "2m", "1m30s")
        text = inside.text if re.fullmatch(r"[a-z0-9_:]+(\{[^{}]*\})?", inside.text) else f"({inside.text})"
        window = f"{text}[{self.random.randint(60, 1500)}s{SUBQUERY_MS}ms:{step}]{self._modifiers()}"
        function = self._pick(*GAUGE_FUNCTIONS, "rate", "increase")
        if function in ("rate", "increase"):
            self.tags.add("rate of a subquery")
        return self._over(window, function, inside)

    def _function(self, depth):
        inside = self._nested(depth)
        if self._often(0.25):
            low, high = self._scalar(1), self._scalar(1)
            text = self._pick(
                f"clamp({inside.text}, {low}, {high})",
                f"clamp_min({inside.text}, {low})",
                f"clamp_max({inside.text}, {high})",
                f"round({inside.text}, {self._pick('0.25', '5', '10', '0.1', '0', '-2', self._scalar(1))})",
                f"histogram_fraction({low}, {high}, {inside.text})",
            )
            return Vector(text, inside.labels, inside.family)
        return Vector(f"{self._pick(*UNARY)}({inside.text})", inside.labels, inside.family)

    def _aggregate(self, depth):
        inside = self._nested(depth)
        clause, names = self._grouping(inside.labels)
        operator = self._pick(*AGGREGATIONS)
        body = f"({inside.text})"
        draw = self.random.random()
        if draw < 0.15:
            operator, body = "quantile", f"({self._pick('0.5', '0.9', '0', '1', '-1', '1.5', 'NaN', self._scalar(1))}, {inside.text})"
        elif draw < 0.22:
            operator, body = "count_values", f'("{self._pick("value", "job", "host")}", {inside.text})'
        if self._often(0.2):
            return Vector(f"{operator}{body}", frozenset())
        labels = frozenset(names) if clause.startswith("by") else inside.labels - frozenset(names)
        return Vector(self._pick(f"{operator} {clause} {body}", f"{operator}{body} {clause}"), labels)

    def _pickers(self, depth):
        inside = self._nested(depth)
        clause, _ = self._grouping(inside.labels)
        count = self._pick("1", "2", "3", "5", "0", "-1", "1000", "2.7", self._scalar(1))
        return Vector(f"{self._pick('topk', 'bottomk')} {self._pick('', clause)} ({count}, {inside.text})", inside.labels, inside.family)

    def _with_scalar(self, depth):
        inside, number = self._nested(depth), self._scalar(1)
        operator = self._pick(*ARITHMETIC, *ARITHMETIC, "atan2", *COMPARISONS, *(one + " bool" for one in COMPARISONS))
        left, right = self._pick((inside.text, number), (inside.text, number), (number, inside.text))
        return Vector(self._binary(left, operator, right), inside.labels, inside.family)

    def _binary(self, left, operator, right):
        text = f"({left} {operator} {right})"
        return NAMED + text + NAMED_END if operator.startswith("atan2") else text

    def _operator(self):
        return self._pick(*ARITHMETIC, *ARITHMETIC, "atan2", *COMPARISONS, *(one + " bool" for one in COMPARISONS))

    def _one_to_one(self, depth):
        if self._often(0.5):
            family = self._pick(*FAMILIES)
            left, right = self._chain(family, depth), self._chain(family, depth)
            matching = ""
            if self._often(0.3):
                names = ", ".join(sorted(_all_labels(family)))
                matching = self._pick(f"on ({names}) ", "ignoring () ", "ignoring (nothing) ", "on (job) ", "on () ")
            return Vector(self._binary(left.text, f"{self._operator()} {matching}", right.text), left.labels, family)
        left, right = self._pick(*FAMILIES), self._pick(*FAMILIES)
        shared = sorted(_all_labels(left) & _all_labels(right))
        names = self.random.sample(shared, self.random.randint(min(1, len(shared)), len(shared)))
        sides = [
            f"{self._pick(*AGGREGATIONS)} by ({', '.join(names)}) ({self._chain(family, depth).text})" for family in (left, right)
        ]
        matching = self._pick("", "", f"on ({', '.join(names)}) ", "ignoring (nothing) ")
        return Vector(self._binary(sides[0], f"{self._operator()} {matching}", sides[1]), frozenset(names))

    def _joined(self, depth):
        """Many-to-one and one-to-many."""
        family = self._pick(*FAMILIES)
        if self._often(0.3):
            info = self._chain("build_info", 0).text
            family = self._pick("temperature_celsius", "memory_bytes")
            many, one = self._chain(family, depth).text, info
            matching, taken = "on (zone, host)", self._pick("version", "version", "", "instance, version", "nothing")
        else:
            labels = sorted(_all_labels(family))
            names = self.random.sample(labels, self.random.randint(0, max(0, len(labels) - 1)))
            many = self._chain(family, depth).text
            one = f"{self._pick(*AGGREGATIONS)} by ({', '.join(names)}) ({self._chain(family, depth).text})"
            rest = [label for label in labels if label not in names]
            matching = self._pick(f"on ({', '.join(names)})", f"ignoring ({', '.join(rest)})")
            taken = self._pick("", "", "", self._pick(*(labels or ["job"])))
        if self._often(0.5):
            text = self._binary(many, f"{self._operator()} {matching} group_left ({taken})", one)
        else:
            text = self._binary(one, f"{self._operator()} {matching} group_right ({taken})", many)
        return Vector(text, _all_labels(family))

    def _set(self, depth):
        left, right = self._nested(depth), self._nested(depth)
        names = self._pick("job", "instance", "host", "zone", "code", "job, instance", "")
        matching = self._pick("", "", f"on ({names}) ", f"ignoring ({names}) ")
        return Vector(f"({left.text} {self._pick('and', 'or', 'unless')} {matching}{right.text})", left.labels | right.labels)

    def _labelled(self, depth):
        inside = self._nested(depth)
        source = self._pick(*(sorted(inside.labels) or ["job"]))
        target = self._pick("new", "new", "job", "host", source, "__name__")
        if self._often(0.3):
            names = "".join(f', "{name}"' for name in self.random.sample(LABEL_NAMES, self.random.randint(0, 3)))
            return Vector(f'label_join({inside.text}, "{target}", "{self._pick("-", "", ", ")}"{names})', inside.labels | {target})
        replacement = self._pick("$1", "x-$1", "${1}y", "", "fixed", "$0", "$2", "$name", "$$1")
        expression = self._pick("(.*)", "(.+)", "(.).*", "([a-z]+).*", "(?P<name>.*)", "", ".*(.)", "(a|b|2)(.*)", "[0-9]+")
        text = f'label_replace({inside.text}, "{target}", "{replacement}", "{source}", "{expression}")'
        return Vector(text, inside.labels | {target}, inside.family)

    def _quantile_of_buckets(self, depth):
        quantile = self._pick("0.5", "0.9", "0.99", "0", "1", "-1", "2", "NaN", "0.333", self._scalar(1))
        if self._often(0.25):
            return Vector(f"histogram_quantile({quantile}, odd_bucket{self._modifiers()})", frozenset(["kind"]))
        if self._often(0.15):
            inside = self._nested(depth)
            return Vector(f"histogram_quantile({quantile}, {inside.text})", inside.labels)
        buckets = self._chain("latency_seconds_bucket", 1)
        by = self.random.sample(("handler", "instance", "job"), self.random.randint(0, 3))
        text = self._pick(buckets.text, f"sum by ({', '.join(['le'] + by)}) ({buckets.text})")
        return Vector(f"histogram_quantile({quantile}, {text})", frozenset(by) | {"handler", "instance"})

    def _absent(self, depth):
        if self._often(0.6):
            matchers = ",".join(matcher for _ in range(self._pick(0, 1, 2)) for matcher in self._matchers(self._pick(*FAMILIES)))
            text = f"{self._pick('no_such_metric', 'gappy', 'special')}{{{matchers}}}{self._modifiers()}"
            return Vector(self._pick(f"absent({text})", f"absent(({text}))"), frozenset(["job"]))
        return Vector(f"absent({self._nested(depth).text})", frozenset())

    def _dated(self, depth):
        function = self._pick(*DATES)
        if self._often(0.3):
            return Vector(f"{function}()", frozenset())
        if self._often(0.5):
            return Vector(f"{function}(vector({self.random.randrange(-(10**9), 4 * 10**9)}))", frozenset())
        inside = self._nested(depth)
        return Vector(f"{function}({inside.text})", inside.labels, inside.family)

    def _negative(self, depth):
        inside = self._nested(depth)
        return Vector(f"({self._pick('-', '-', '+')}{inside.text})", inside.labels, inside.family)

    def _from_scalar(self, depth):
        return Vector(f"vector({self._scalar(depth)})", frozenset())

    def _sorted(self, depth):
        inside = self._nested(depth)
        return Vector(f"{self._pick('sort', 'sort_desc')}({inside.text})", inside.labels, inside.family)

    # Whole queries

    def _top(self):
        """What only the outside of a query may be, and other rare things."""
        return self._pick(
            lambda: self._scalar(3),
            lambda: self._pick('"a string"', "'x'", "`raw`", '"\\u00e9\\n"'),
            lambda: f"{self._selector().text}[{self._window()}]{self._modifiers()}",
            lambda: f"({self._nested(1).text})[{self.random.randint(60, 900)}s{SUBQUERY_MS}ms:{self._pick('', '30s')}]",
            lambda: f"{self._pick('sort', 'sort_desc')}({self._nested(2).text})",
            lambda: f"{self._pick('topk', 'bottomk')}({self._pick(1, 3, 8)}, {self._nested(2).text})",
            lambda: f"  {self._nested(2).text}  # a comment",
            lambda: self._nested(4).text,
        )()

    def _wild(self, depth):
        """Types and matching as they fall."""
        any_of = lambda: self._wild(depth - 1) if depth > 0 else self._leaf_of_any_type()
        return self._pick(
            lambda: f"{self._pick(*UNARY, *DATES, *GAUGE_FUNCTIONS, 'scalar', 'vector', 'absent', 'sort', 'no_such_function')}({any_of()})",
            lambda: f"{any_of()} {self._operator()} {self._pick('', '', 'on (job) ', 'ignoring (le) ', 'on (job) group_left () ')}{any_of()}",
            lambda: f"{any_of()} {self._pick('and', 'or', 'unless')} {self._pick('', 'on (job) ', 'on (job) group_left ')}{any_of()}",
            lambda: f"{self._pick(*AGGREGATIONS, 'topk', 'quantile')} ({any_of()})",
            lambda: f"{self._pick('topk', 'quantile', 'count_values', 'clamp_max', 'round')} ({any_of()}, {any_of()})",
            lambda: f"({any_of()})[5m{SUBQUERY_MS}ms:30s]",
            lambda: f"-{any_of()}",
        )()

    def _leaf_of_any_type(self):
        return self._pick(self._nested(1).text, self._number(), '"text"', f"{self._selector().text}[{self._window()}]", "time()")

    def _spoilt(self, text):
        text = Query(text, {}).text
        pieces = re.findall(r'"(?:[^"\\]|\\.)*"|[A-Za-z_:][A-Za-z0-9_:]*|[0-9.]+[a-z]*|[=!<>]=|=~|!~|\s+|.', text)
        for _ in range(self._pick(1, 1, 2)):
            at = self.random.randrange(len(pieces))
            draw = self.random.random()
            if draw < 0.35:
                del pieces[at]
            elif draw < 0.55:
                pieces.insert(at, pieces[at])
            elif draw < 0.75:
                pieces.insert(at, " " + self._pick(*PIECES) + " ")
            elif draw < 0.9:
                pieces[at] = self._pick(*PIECES)
            else:
                other = self.random.randrange(len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
            if not pieces:
                return ""
        return "".join(pieces)

    def _sensitive(self):
        """With windows and lookbacks that begin exactly on samples. No times of subqueries: their steps lie elsewhere."""
        family = self._pick(*(one for one in FAMILIES if one != "jitter"))
        draw = self.random.random()
        if draw < 0.3:
            return f"{self._selector(family).text}{self._modifiers()}"
        found = self._range(0, family).text
        if draw < 0.6:
            return found
        if draw < 0.8:
            return f"sum by (job) ({found})"
        return f"{self._selector(family).text}[{self._window()}]{self._modifiers()}"
