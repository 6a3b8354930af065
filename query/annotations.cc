#include "query/annotations.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <limits>

#include "query/number.h"

namespace query {
namespace {

constexpr const char* kWarning = "PromQL warning: ";
constexpr const char* kInfo = "PromQL info: ";

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string of_metric(std::string_view metric) {
    return metric.empty() ? std::string() : " for metric name " + quoted(metric);
}

const char* name_of(HistogramOperation operation) {
    switch (operation) {
        case HistogramOperation::kAddition:
            return "addition";
        case HistogramOperation::kSubtraction:
            return "subtraction";
        case HistogramOperation::kAggregation:
            return "aggregation";
    }
    return "";
}

std::string line_and_column(std::string_view query, int32_t offset) {
    const size_t at = std::min<size_t>(static_cast<size_t>(std::max(offset, 0)), query.size());
    const std::string_view before = query.substr(0, at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t newline = before.rfind('\n');
    const size_t column = newline == std::string_view::npos ? at + 1 : at - newline;
    return std::to_string(line) + ":" + std::to_string(column);
}

std::string rfc3339(int64_t t_ms) {
    const std::time_t seconds = t_ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char buffer[64];
    std::snprintf(buffer,
                  sizeof buffer,
                  "%04d-%02d-%02dT%02d:%02d:%02dZ",
                  parts.tm_year + 1900,
                  parts.tm_mon + 1,
                  parts.tm_mday,
                  parts.tm_hour,
                  parts.tm_min,
                  parts.tm_sec);
    return buffer;
}

// Whether what stands at `place` is evaluated after what stands at `other`: the parts of an
// expression from left to right, then the expression.
bool evaluated_later(PositionRange place, PositionRange other) {
    return place.end > other.end || (place.end == other.end && place.start < other.start);
}

std::string two_digits(double value) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.2g", value);
    return buffer;
}

}  // namespace

PositionRange place_of(const Expr& part, const Expr& whole) {
    return {without_parens(part).position.start, whole.position.end};
}

Annotations::Entry& Annotations::add(bool warning,
                                     std::string text,
                                     PositionRange at,
                                     bool* created) {
    const auto [found, inserted] = by_text_.try_emplace(text, entries_.size());
    if (inserted) {
        Entry entry;
        entry.text = std::move(text);
        entry.warning = warning;
        entry.at = at;
        entries_.push_back(std::move(entry));
    }
    if (created != nullptr) {
        *created = inserted;
    }
    Entry& entry = entries_[found->second];
    if (evaluated_later(at, entry.at)) {
        entry.at = at;
    }
    return entry;
}

void Annotations::invalid_quantile(double q, PositionRange at) {
    add(true,
        std::string(kWarning) + "quantile value should be between 0 and 1, got " +
            format_general(q),
        at);
}

void Annotations::invalid_ratio(double ratio, double capped_to, PositionRange at) {
    add(true,
        std::string(kWarning) + "ratio value should be between -1 and 1, got " +
            format_general(ratio) + ", capping to " + format_general(capped_to),
        at);
}

void Annotations::bad_bucket_label(std::string_view metric, std::string_view le, PositionRange at) {
    add(true,
        std::string(kWarning) + "bucket label \"le\" is missing or has a malformed value of " +
            quoted(le) + of_metric(metric),
        at);
}

void Annotations::mixed_floats_histograms(std::string_view metric, PositionRange at) {
    add(true,
        std::string(kWarning) + "encountered a mix of histograms and floats for metric name " +
            quoted(metric),
        at);
}

void Annotations::mixed_floats_histograms_aggregation(PositionRange at) {
    add(true,
        std::string(kWarning) + "encountered a mix of histograms and floats for aggregation",
        at);
}

void Annotations::mixed_classic_native(std::string_view metric, PositionRange at) {
    add(true,
        std::string(kWarning) + "vector contains a mix of classic and native histograms" +
            of_metric(metric),
        at);
}

void Annotations::mixed_exponential_custom(std::string_view metric, PositionRange at) {
    add(true,
        std::string(kWarning) +
            "vector contains a mix of histograms with exponential and custom buckets schemas for "
            "metric name " +
            quoted(metric),
        at);
}

void Annotations::not_a_counter(std::string_view metric, PositionRange at) {
    add(true,
        std::string(kWarning) + "this native histogram metric is not a counter: " + quoted(metric),
        at);
}

void Annotations::not_a_gauge(std::string_view metric, PositionRange at) {
    add(true,
        std::string(kWarning) + "this native histogram metric is not a gauge: " + quoted(metric),
        at);
}

void Annotations::incompatible_bucket_layout(std::string_view op, PositionRange at) {
    add(true,
        std::string(kWarning) + "incompatible bucket layout encountered for binary operator " +
            std::string(op),
        at);
}

void Annotations::sort_in_range_query(PositionRange at) {
    add(true,
        std::string(kWarning) +
            "sort is ineffective for range queries since results are always ordered by labels",
        at);
}

void Annotations::counter_reset_collision(HistogramOperation operation, PositionRange at) {
    add(true,
        std::string(kWarning) + "conflicting counter resets during histogram " + name_of(operation),
        at);
}

void Annotations::start_time_overlap(std::string_view metric, PositionRange at) {
    bool created = false;
    Entry& entry = add(true,
                       std::string(kWarning) +
                           "sample has start time that overlaps with previous sample timestamp "
                           "for metric " +
                           quoted(metric),
                       at,
                       &created);
    entry.detail = Detail::kOverlap;
    entry.count += created ? 0 : 1;
}

void Annotations::maybe_not_counter(std::string_view metric, PositionRange at) {
    add(false,
        std::string(kInfo) +
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: " +
            quoted(metric),
        at);
}

void Annotations::incompatible_types(std::string_view left,
                                     std::string_view op,
                                     std::string_view right,
                                     PositionRange at) {
    add(false,
        std::string(kInfo) + "incompatible sample types encountered for binary operator " +
            quoted(op) + ": " + std::string(left) + " " + std::string(op) + " " +
            std::string(right),
        at);
}

void Annotations::histogram_ignored_in_aggregation(std::string_view aggregation, PositionRange at) {
    add(false,
        std::string(kInfo) + "ignored histogram in " + std::string(aggregation) + " aggregation",
        at);
}

void Annotations::histograms_ignored_in_range(std::string_view metric, PositionRange at) {
    add(false,
        std::string(kInfo) +
            "ignored histograms in a range containing both floats and histograms for metric name " +
            quoted(metric),
        at);
}

void Annotations::quantile_nan_result(std::string_view metric, PositionRange at) {
    add(false,
        std::string(kInfo) + "input to histogram_quantile has NaN observations, result is NaN" +
            of_metric(metric),
        at);
}

void Annotations::quantile_nan_skew(std::string_view metric, PositionRange at) {
    add(false,
        std::string(kInfo) +
            "input to histogram_quantile has NaN observations, result is skewed higher" +
            of_metric(metric),
        at);
}

void Annotations::fraction_nans(std::string_view metric, PositionRange at) {
    add(false,
        std::string(kInfo) +
            "input to histogram_fraction has NaN observations, which are excluded from all "
            "fractions" +
            of_metric(metric),
        at);
}

void Annotations::custom_buckets_reconciled(HistogramOperation operation, PositionRange at) {
    add(false,
        std::string(kInfo) + "mismatched custom buckets were reconciled during " +
            name_of(operation),
        at);
}

void Annotations::forced_monotonicity(std::string_view metric,
                                      PositionRange at,
                                      int64_t t_ms,
                                      double min_bucket,
                                      double max_bucket,
                                      double max_diff) {
    bool created = false;
    Entry& entry = add(
        false,
        std::string(kInfo) +
            "input to histogram_quantile needed to be fixed for monotonicity (see "
            "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)" +
            of_metric(metric),
        at,
        &created);
    if (created) {
        entry.detail = Detail::kMonotonicity;
        entry.min_t = entry.max_t = t_ms;
        entry.min_bucket = min_bucket;
        entry.max_bucket = max_bucket;
        entry.max_diff = max_diff;
        return;
    }
    ++entry.count;
    entry.min_t = std::min(entry.min_t, t_ms);
    entry.max_t = std::max(entry.max_t, t_ms);
    entry.min_bucket = std::min(entry.min_bucket, min_bucket);
    entry.max_bucket = std::max(entry.max_bucket, max_bucket);
    entry.max_diff = std::max(entry.max_diff, max_diff);
}

void Annotations::storage_warning(std::string text) {
    add(true, std::move(text), {}).placed = false;
}

bool Annotations::give(model::Partial& part) const {
    for (const Entry& entry : entries_) {
        if (entry.detail != Detail::kPlain) {
            return false;
        }
        if (!entry.placed) {
            part.warnings.push_back(entry.text);
            continue;
        }
        model::PartialNote& note = part.notes.emplace_back();
        note.warning = entry.warning;
        note.text = entry.text;
        note.start = entry.at.start;
        note.end = entry.at.end;
    }
    return true;
}

void Annotations::take(Annotations&& part) {
    for (Entry& entry : part.entries_) {
        bool created = false;
        Entry& here = add(entry.warning, entry.text, entry.at, &created);
        if (created) {
            here = std::move(entry);
            continue;
        }
        here.count += entry.count;
        here.min_t = std::min(here.min_t, entry.min_t);
        here.max_t = std::max(here.max_t, entry.max_t);
        here.min_bucket = std::min(here.min_bucket, entry.min_bucket);
        here.max_bucket = std::max(here.max_bucket, entry.max_bucket);
        here.max_diff = std::max(here.max_diff, entry.max_diff);
    }
    part.entries_.clear();
    part.by_text_.clear();
}

void Annotations::take(model::PartialNote&& note, int32_t shift) {
    const auto moved = [shift](int32_t at) {
        return static_cast<int32_t>(
            std::clamp<int64_t>(int64_t{at} + shift, 0, std::numeric_limits<int32_t>::max()));
    };
    bool created = false;
    Entry& entry =
        add(note.warning, std::move(note.text), {moved(note.start), moved(note.end)}, &created);
    if (created) {
        entry.placed = note.placed;
    }
}

std::vector<std::string> Annotations::warnings(std::string_view query) const {
    return render(true, query);
}

std::vector<std::string> Annotations::infos(std::string_view query) const {
    return render(false, query);
}

std::vector<std::string> Annotations::render(bool warnings, std::string_view query) const {
    std::vector<std::string> out;
    for (const Entry& entry : entries_) {
        if (entry.warning != warnings) {
            continue;
        }
        std::string text = entry.text;
        if (entry.detail == Detail::kMonotonicity) {
            text += ", from buckets " + format_general(entry.min_bucket) + " to " +
                    format_general(entry.max_bucket) + ", with a max diff of " +
                    two_digits(entry.max_diff) + ", over " + std::to_string(entry.count) +
                    " samples from " + rfc3339(entry.min_t) + " to " + rfc3339(entry.max_t);
        } else if (entry.detail == Detail::kOverlap && entry.count > 1) {
            text += " (" + std::to_string(entry.count) + " occurrences)";
        }
        if (entry.placed) {
            text += " (" + line_and_column(query, entry.at.start) + ")";
        }
        out.push_back(std::move(text));
    }
    return out;
}

}  // namespace query
