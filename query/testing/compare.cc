#include "query/testing/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/float_format.h"
#include "model/sample.h"
#include "query/testing/histogram_literal.h"

namespace query::testing {
namespace {

using base::Code;

template <class... Parts>
auto differs(const Parts&... parts) {
    return base::fail(Code::kInvalid, parts...);
}

std::string show(double value) {
    std::string out;
    base::append_float_g(out, value);
    return out;
}

std::string show(const ResultPoint& point) {
    return point.histogram ? to_literal(*point.histogram) : show(point.value);
}

std::string show(const Point& point) {
    if (point.omitted) {
        return "_";
    }
    return point.histogram ? to_literal(*point.histogram) : show(point.value);
}

// All points with their times, for failures.
std::string show(const ResultSeries& series) {
    constexpr size_t kShownMax = 50;
    std::string out;
    for (size_t i = 0; i < series.points.size() && i < kShownMax; ++i) {
        const ResultPoint& point = series.points[i];
        out += (i == 0 ? "" : " ") + show(point) + " @[" + std::to_string(point.t_ms) + ']';
    }
    return out + (series.points.size() > kShownMax ? " …" : "");
}

bool all_almost_equal(const std::vector<double>& a, const std::vector<double>& b) {
    return std::ranges::equal(a, b, [](double x, double y) { return almost_equal(x, y); });
}

base::Status check_point(const Point& expected, const ResultPoint& got) {
    const bool same_kind = (expected.histogram != nullptr) == (got.histogram != nullptr);
    const bool equal =
        same_kind &&
        (expected.histogram ? almost_equal(*expected.histogram, *got.histogram, expected.hint_given)
                            : almost_equal(expected.value, got.value));
    if (equal) {
        return base::success();
    }
    return differs("expected", show(expected), "but got", show(got));
}

const ExpectedSeries* find_expected(const EvalCommand& eval, const model::Labels& labels) {
    const auto found = std::ranges::find(eval.series, labels, &ExpectedSeries::labels);
    return found == eval.series.end() ? nullptr : &*found;
}

base::Status check_all_found(const EvalCommand& eval, const ScriptResult& got) {
    std::set<std::string_view> found;
    for (const ResultSeries& series : got.series) {
        if (!found.insert(series.labels.packed()).second) {
            return differs("series", series.labels.to_string(), "is in the answer twice");
        }
    }
    for (const ExpectedSeries& expected : eval.series) {
        if (!found.contains(expected.labels.packed())) {
            return differs("expected metric",
                           expected.labels.to_string(),
                           "with",
                           show(expected.points.front()),
                           "not found");
        }
    }
    return base::success();
}

base::Status check_vector(const EvalCommand& eval, const ScriptResult& got) {
    size_t position = 0;
    for (const ResultSeries& series : got.series) {
        ++position;
        const std::string name = series.labels.to_string();
        if (series.points.size() != 1) {
            return differs("an element of a vector has one point,", name, "has", show(series));
        }
        const ExpectedSeries* expected = find_expected(eval, series.labels);
        if (expected == nullptr) {
            return differs("unexpected metric", name, "in result, has value", show(series));
        }
        if (eval.expects(ExpectKind::kOrdered) && expected->position != position) {
            return differs(
                "expected metric", name, "at position", expected->position, "but was at", position);
        }
        TRY(context(check_point(expected->points.front(), series.points.front()), name));
    }
    return check_all_found(eval, got);
}

// What the points of a series must be: the expected ones with their times.
base::Status check_points(const EvalCommand& eval,
                          const ExpectedSeries& expected,
                          const ResultSeries& got) {
    size_t next = 0;
    for (size_t i = 0; i < expected.points.size(); ++i) {
        const int64_t t = eval.start_ms + static_cast<int64_t>(i) * eval.step_ms;
        if (t > eval.end_ms) {
            return differs("expected",
                           expected.points.size(),
                           "points, but query time range cannot return this many points");
        }
        if (expected.points[i].omitted) {
            continue;
        }
        if (next == got.points.size() || got.points[next].t_ms != t) {
            return differs("expected", show(expected.points[i]), "at", t, "but got", show(got));
        }
        TRY(context(check_point(expected.points[i], got.points[next]), "at", t, "of", show(got)));
        ++next;
    }
    if (next < got.points.size()) {
        return differs(
            "unexpected point at", got.points[next].t_ms, "(result has", show(got) + ")");
    }
    return base::success();
}

base::Status check_matrix(const EvalCommand& eval, const ScriptResult& got) {
    if (eval.expects(ExpectKind::kOrdered)) {
        return differs("expected ordered result, but query returned a matrix");
    }
    const auto out_of_order =
        std::ranges::adjacent_find(got.series, std::ranges::greater(), &ResultSeries::labels);
    if (out_of_order != got.series.end()) {
        return differs("matrix results should always be sorted by labels, but",
                       out_of_order->labels.to_string(),
                       "comes before",
                       std::next(out_of_order)->labels.to_string());
    }
    for (const ResultSeries& series : got.series) {
        const std::string name = series.labels.to_string();
        const ExpectedSeries* expected = find_expected(eval, series.labels);
        if (expected == nullptr) {
            return differs("unexpected metric", name, "in result, has", show(series));
        }
        TRY(context(check_points(eval, *expected, series), name));
    }
    return check_all_found(eval, got);
}

std::string list(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) {
        out += (out.size() == 1 ? "" : "; ") + text;
    }
    return out + ']';
}

// Every expectation finds an annotation, and every annotation an expectation.
base::Status check_kind(const EvalCommand& eval,
                        ExpectKind some,
                        ExpectKind none,
                        std::string_view name,
                        const std::vector<std::string>& got) {
    if (eval.expects(none) && !got.empty()) {
        return differs("unexpected", name, "annotations", list(got));
    }
    if (!eval.expects(some)) {
        return base::success();
    }
    if (got.empty()) {
        return differs("expected", name, "annotations but none were found");
    }
    const auto is_some = [&](const Expectation& e) { return e.kind == some; };
    for (const Expectation& expected : eval.expectations) {
        const auto fits = [&](const std::string& text) { return expected.matches(text); };
        if (is_some(expected) && std::ranges::none_of(got, fits)) {
            return differs("expected",
                           name,
                           "annotation matching",
                           expected.describe(),
                           "but found",
                           list(got));
        }
    }
    const auto new_form = [&](const Expectation& e) { return is_some(e) && !e.old_form; };
    if (std::ranges::none_of(eval.expectations, new_form)) {
        return base::success();
    }
    for (const std::string& text : got) {
        const auto wants = [&](const Expectation& e) { return new_form(e) && e.matches(text); };
        if (std::ranges::none_of(eval.expectations, wants)) {
            return differs("unexpected", name, "annotation", '"' + text + '"');
        }
    }
    return base::success();
}

}  // namespace

// source: the Floating-Point Guide, comparison
bool almost_equal(double a, double b) {
    if (model::is_stale(a) || model::is_stale(b)) {
        return model::is_stale(a) && model::is_stale(b);
    }
    if ((std::isnan(a) && std::isnan(b)) || a == b) {
        return true;
    }
    constexpr double kSmallestNormal = std::numeric_limits<double>::min();
    const double sum = std::fabs(a) + std::fabs(b);
    const double difference = std::fabs(a - b);
    if (a == 0 || b == 0 || sum < kSmallestNormal) {
        return difference < kRelativeError * kSmallestNormal;
    }
    return difference / std::fmin(sum, std::numeric_limits<double>::max()) < kRelativeError;
}

bool almost_equal(const model::FloatHistogram& expected,
                  const model::FloatHistogram& got,
                  bool compare_hint) {
    model::FloatHistogram a = expected;
    model::FloatHistogram b = got;
    compact(a);
    compact(b);
    const bool custom = a.schema == model::kCustomBucketsSchema;
    return a.schema == b.schema && (!compare_hint || a.hint == b.hint) &&
           (!custom || a.custom_values == b.custom_values) &&
           a.zero_threshold == b.zero_threshold && almost_equal(a.zero_count, b.zero_count) &&
           almost_equal(a.count, b.count) && almost_equal(a.sum, b.sum) &&
           a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
           all_almost_equal(a.positive_buckets, b.positive_buckets) &&
           all_almost_equal(a.negative_buckets, b.negative_buckets);
}

base::Status check_value(const EvalCommand& eval, const ScriptResult& got) {
    switch (got.type) {
        case ValueType::kString:
            if (got.text != eval.text.value_or("")) {
                return differs("expected string",
                               '"' + eval.text.value_or("") + '"',
                               "but got",
                               '"' + got.text + '"');
            }
            return base::success();
        case ValueType::kScalar:
            if (!eval.scalar) {
                return differs("expected vector or matrix result, but got scalar",
                               show(got.scalar));
            }
            if (!almost_equal(*eval.scalar, got.scalar)) {
                return differs("expected scalar", show(*eval.scalar), "but got", show(got.scalar));
            }
            return base::success();
        case ValueType::kVector:
        case ValueType::kMatrix:
            break;
        case ValueType::kNone:
            return differs("the answer has no type");
    }
    if (eval.scalar || eval.text) {
        return differs("expected",
                       eval.scalar ? "scalar" : "string",
                       "result, but got",
                       name_of(got.type),
                       "of",
                       got.series.size(),
                       "series");
    }
    return got.type == ValueType::kVector ? check_vector(eval, got) : check_matrix(eval, got);
}

base::Status check_annotations(const EvalCommand& eval, const ScriptResult& got) {
    TRY(check_kind(eval, ExpectKind::kWarn, ExpectKind::kNoWarn, "warn", got.warnings));
    return check_kind(eval, ExpectKind::kInfo, ExpectKind::kNoInfo, "info", got.infos);
}

base::Status check_failure(const EvalCommand& eval, std::string_view message) {
    for (const Expectation& expected : eval.expectations) {
        if (expected.kind == ExpectKind::kFail && !expected.matches(message)) {
            return differs("expected error matching", expected.describe(), "but got:", message);
        }
    }
    return base::success();
}

}  // namespace query::testing
