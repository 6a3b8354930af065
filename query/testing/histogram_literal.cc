#include "query/testing/histogram_literal.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/float_format.h"
#include "query/testing/text_cursor.h"

namespace query::testing {
namespace {

using base::Code;
using base::Result;
using model::CounterResetHint;
using model::FloatHistogram;
using model::Span;

constexpr size_t kBucketsMax = 10'000;  // of one sign in one literal

// What a literal holds before it becomes a histogram.
struct Parts {
    HistogramLiteral literal;
    std::vector<double> buckets, negative_buckets;
    int32_t offset = 0;
    int32_t negative_offset = 0;
};

Result<int32_t> take_integer(std::string_view& text) {
    const bool negative = take(text, "-");
    TRY(const uint64_t magnitude, take_count(text));
    if (magnitude > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) {
        return base::fail(
            Code::kInvalid, "number", magnitude, "is too large for a schema or offset");
    }
    const auto value = static_cast<int32_t>(magnitude);
    return negative ? -value : value;
}

Result<std::vector<double>> take_list(std::string_view& text) {
    std::vector<double> values;
    if (!take(text, "[")) {
        return base::fail(Code::kInvalid, "expected a list in brackets, like [5 10 7]");
    }
    skip_spaces(text);
    while (!take(text, "]")) {
        TRY(const double value, take_number(text));
        if (values.size() == kBucketsMax) {
            return base::fail(
                Code::kLimit, "list has more than kBucketsMax =", kBucketsMax, "values");
        }
        values.push_back(value);
        skip_spaces(text);
    }
    return values;
}

Result<CounterResetHint> take_hint(std::string_view& text) {
    const std::string_view name = take_name(text);
    if (name == "unknown") {
        return CounterResetHint::kUnknown;
    }
    if (name == "reset") {
        return CounterResetHint::kReset;
    }
    if (name == "not_reset") {
        return CounterResetHint::kNotReset;
    }
    if (name == "gauge") {
        return CounterResetHint::kGauge;
    }
    return base::fail(Code::kInvalid,
                      "counter_reset_hint is unknown, reset, not_reset or gauge, not",
                      '"' + std::string(name) + '"');
}

// The value of one part, into its place.
base::Status take_value(std::string_view key, std::string_view& text, Parts& parts) {
    FloatHistogram& histogram = parts.literal.histogram;
    const std::pair<std::string_view, double*> numbers[] = {
        {"sum", &histogram.sum},
        {"count", &histogram.count},
        {"z_bucket", &histogram.zero_count},
        {"z_bucket_w", &histogram.zero_threshold},
    };
    for (const auto& [name, target] : numbers) {
        if (key == name) {
            TRY(*target, take_number(text));
            return base::success();
        }
    }
    const std::pair<std::string_view, std::vector<double>*> lists[] = {
        {"buckets", &parts.buckets},
        {"n_buckets", &parts.negative_buckets},
        {"custom_values", &histogram.custom_values},
    };
    for (const auto& [name, target] : lists) {
        if (key == name) {
            TRY(*target, take_list(text));
            return base::success();
        }
    }
    const std::pair<std::string_view, int32_t*> integers[] = {
        {"schema", &histogram.schema},
        {"offset", &parts.offset},
        {"n_offset", &parts.negative_offset},
    };
    for (const auto& [name, target] : integers) {
        if (key == name) {
            TRY(*target, take_integer(text));
            return base::success();
        }
    }
    if (key == "counter_reset_hint") {
        TRY(histogram.hint, take_hint(text));
        parts.literal.hint_given = true;
        return base::success();
    }
    return base::fail(Code::kInvalid, "unknown part of a histogram", '"' + std::string(key) + '"');
}

void set_buckets(std::vector<double> counts,
                 int32_t offset,
                 std::vector<Span>& spans,
                 std::vector<double>& buckets) {
    if (!counts.empty()) {
        spans = {{.offset = offset, .length = static_cast<uint32_t>(counts.size())}};
    }
    buckets = std::move(counts);
}

// Counts by absolute index; empty buckets left out.
using Buckets = std::map<int32_t, double>;

Buckets unpack(const std::vector<Span>& spans, const std::vector<double>& counts) {
    Buckets buckets;
    int32_t index = 0;
    size_t next = 0;
    for (const Span& span : spans) {
        index += span.offset;
        for (uint32_t i = 0; i < span.length && next < counts.size(); ++i, ++index, ++next) {
            if (counts[next] != 0) {
                buckets[index] += counts[next];
            }
        }
    }
    return buckets;
}

void pack(const Buckets& buckets, std::vector<Span>& spans, std::vector<double>& counts) {
    spans.clear();
    counts.clear();
    int32_t next = 0;
    for (const auto& [index, count] : buckets) {
        if (count == 0) {
            continue;
        }
        if (spans.empty() || index != next) {
            spans.push_back({.offset = index - (spans.empty() ? 0 : next), .length = 0});
        }
        ++spans.back().length;
        counts.push_back(count);
        next = index + 1;
    }
}

// The same buckets at a coarser schema: bucket i holds (base^(i-1), base^i].
Buckets coarser(const Buckets& buckets, int32_t from, int32_t to) {
    Buckets out;
    for (const auto& [index, count] : buckets) {
        out[((index - 1) >> (from - to)) + 1] += count;
    }
    return out;
}

double lower_bound(int32_t index, int32_t schema) {
    return std::exp2(std::ldexp(static_cast<double>(index - 1), -schema));
}

bool reaches_below(const Buckets& buckets, int32_t schema, double threshold) {
    return !buckets.empty() && lower_bound(buckets.begin()->first, schema) < threshold;
}

// Counters and gauges of both sides in one.
CounterResetHint joined(CounterResetHint a, CounterResetHint b) {
    if (a == b) {
        return a;
    }
    const bool gauge = a == CounterResetHint::kGauge || b == CounterResetHint::kGauge;
    return gauge ? CounterResetHint::kGauge : CounterResetHint::kUnknown;
}

// Whether a step can be added bucket by bucket.
base::Status check_fit(const FloatHistogram& from, const FloatHistogram& step) {
    const bool custom = from.schema == model::kCustomBucketsSchema;
    if (custom != (step.schema == model::kCustomBucketsSchema)) {
        return base::fail(Code::kInvalid, "exponential and custom buckets do not add up");
    }
    if (custom && from.custom_values != step.custom_values) {
        return base::fail(Code::kInvalid, "both histograms need the same custom_values");
    }
    if (from.schema > step.schema) {
        return base::fail(Code::kInvalid,
                          "error combining histograms: cannot merge from schema",
                          step.schema,
                          "to",
                          from.schema);
    }
    return base::success();
}

Buckets sum_of(Buckets buckets, const Buckets& step, double sign) {
    for (const auto& [index, count] : step) {
        buckets[index] += sign * count;
    }
    return buckets;
}

void append_number(std::string& out, std::string_view key, double value) {
    if (value != 0) {
        out += key;
        base::append_float_g(out, value);
    }
}

void append_list(std::string& out, std::string_view key, const std::vector<double>& values) {
    out += key;
    out += '[';
    for (size_t i = 0; i < values.size(); ++i) {
        out += i == 0 ? "" : " ";
        base::append_float_g(out, values[i]);
    }
    out += ']';
}

void append_buckets(std::string& out,
                    std::string_view sign,
                    const std::vector<Span>& spans,
                    const std::vector<double>& counts) {
    const Buckets buckets = unpack(spans, counts);
    if (buckets.empty()) {
        return;
    }
    const int32_t first = buckets.begin()->first;
    const int32_t last = buckets.rbegin()->first;
    std::string prefix = " ";
    prefix += sign;
    if (first != 0) {
        out += prefix + "offset:" + std::to_string(first);
    }
    std::vector<double> all;
    for (int32_t index = first; index <= last && all.size() < kBucketsMax; ++index) {
        const auto found = buckets.find(index);
        all.push_back(found == buckets.end() ? 0 : found->second);
    }
    append_list(out, prefix + "buckets:", all);
}

std::string_view name_of(CounterResetHint hint) {
    switch (hint) {
        case CounterResetHint::kUnknown:
            return "unknown";
        case CounterResetHint::kReset:
            return "reset";
        case CounterResetHint::kNotReset:
            return "not_reset";
        case CounterResetHint::kGauge:
            return "gauge";
    }
    return "";
}

}  // namespace

Result<HistogramLiteral> take_histogram(std::string_view& text) {
    Parts parts;
    std::set<std::string_view> seen;
    static_cast<void>(take(text, "{{"));
    skip_spaces(text);
    while (!take(text, "}}")) {
        const std::string_view key = take_name(text);
        if (key.empty() || !take(text, ":")) {
            return base::fail(Code::kInvalid,
                              "expected a part of a histogram, like buckets:[5 10 7], or }} at",
                              '"' + std::string(key) + std::string(text.substr(0, 20)) + '"');
        }
        if (!seen.insert(key).second) {
            return base::fail(
                Code::kInvalid, "duplicate key", '"' + std::string(key) + '"', "in histogram");
        }
        TRY(take_value(key, text, parts));
        skip_spaces(text);
    }
    FloatHistogram& histogram = parts.literal.histogram;
    set_buckets(std::move(parts.buckets),
                parts.offset,
                histogram.positive_spans,
                histogram.positive_buckets);
    set_buckets(std::move(parts.negative_buckets),
                parts.negative_offset,
                histogram.negative_spans,
                histogram.negative_buckets);
    return std::move(parts.literal);
}

std::string to_literal(const FloatHistogram& histogram) {
    std::string out;
    if (histogram.schema != 0) {
        out += " schema:" + std::to_string(histogram.schema);
    }
    append_number(out, " count:", histogram.count);
    append_number(out, " sum:", histogram.sum);
    append_number(out, " z_bucket:", histogram.zero_count);
    append_number(out, " z_bucket_w:", histogram.zero_threshold);
    if (histogram.schema == model::kCustomBucketsSchema) {
        append_list(out, " custom_values:", histogram.custom_values);
    }
    if (histogram.hint != CounterResetHint::kUnknown) {
        out += " counter_reset_hint:";
        out += name_of(histogram.hint);
    }
    append_buckets(out, "", histogram.positive_spans, histogram.positive_buckets);
    append_buckets(out, "n_", histogram.negative_spans, histogram.negative_buckets);
    return "{{" + (out.empty() ? out : out.substr(1)) + "}}";
}

void compact(FloatHistogram& histogram) {
    pack(unpack(histogram.positive_spans, histogram.positive_buckets),
         histogram.positive_spans,
         histogram.positive_buckets);
    pack(unpack(histogram.negative_spans, histogram.negative_buckets),
         histogram.negative_spans,
         histogram.negative_buckets);
}

Result<FloatHistogram> stepped(const FloatHistogram& from,
                               const FloatHistogram& step,
                               double sign) {
    TRY(check_fit(from, step));
    Buckets positive = unpack(from.positive_spans, from.positive_buckets);
    Buckets negative = unpack(from.negative_spans, from.negative_buckets);
    Buckets step_positive = unpack(step.positive_spans, step.positive_buckets);
    Buckets step_negative = unpack(step.negative_spans, step.negative_buckets);
    if (from.schema != step.schema) {
        step_positive = coarser(step_positive, step.schema, from.schema);
        step_negative = coarser(step_negative, step.schema, from.schema);
    }
    const double threshold = std::max(from.zero_threshold, step.zero_threshold);
    if (from.zero_threshold != step.zero_threshold) {
        for (const Buckets* buckets : {&positive, &negative, &step_positive, &step_negative}) {
            if (reaches_below(*buckets, from.schema, threshold)) {
                return base::fail(Code::kInvalid,
                                  "a bucket lies in the zero bucket of the other histogram; give "
                                  "both the same z_bucket_w");
            }
        }
    }
    FloatHistogram out = from;
    out.hint = joined(from.hint, step.hint);
    out.zero_threshold = threshold;
    out.zero_count += sign * step.zero_count;
    out.count += sign * step.count;
    out.sum += sign * step.sum;
    pack(
        sum_of(std::move(positive), step_positive, sign), out.positive_spans, out.positive_buckets);
    pack(
        sum_of(std::move(negative), step_negative, sign), out.negative_spans, out.negative_buckets);
    return out;
}

}  // namespace query::testing
