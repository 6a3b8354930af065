#include "scrape/parse/openmetrics.h"

#include <cmath>

#include "base/number.h"
#include "base/utf8.h"
#include "scrape/parse/scan.h"

namespace scrape {
namespace {

bool parse_type(std::string_view text, model::MetricType& type) {
    using model::MetricType;
    for (const MetricType known : {MetricType::kUnknown,
                                   MetricType::kCounter,
                                   MetricType::kGauge,
                                   MetricType::kHistogram,
                                   MetricType::kGaugeHistogram,
                                   MetricType::kSummary,
                                   MetricType::kInfo,
                                   MetricType::kStateSet}) {
        if (text == model::metric_type_name(known)) {
            type = known;
            return true;
        }
    }
    return false;
}

bool starts_with(const char* at, const char* end, std::string_view word) {
    return std::string_view(at, static_cast<size_t>(end - at)).starts_with(word);
}

// The token behind one space: everything to the next space or line feed. Empty when there is none.
std::string_view token_behind_space(const char* at, const char* end) {
    if (at == end || *at != ' ') {
        return {};
    }
    const char* const start = ++at;
    while (at != end && *at != ' ' && *at != '\n') {
        ++at;
    }
    return {start, static_cast<size_t>(at - start)};
}

// Seconds as a float to milliseconds, truncated. False for NaN, infinities and what no int64 holds.
bool seconds_to_ms(std::string_view text, int64_t& ms) {
    double seconds = 0;
    if (!base::parse_float(text, seconds) || !std::isfinite(seconds)) {
        return false;
    }
    const double scaled = seconds * 1000;
    constexpr double kLimit = 9223372036854774784.0;
    if (scaled > kLimit || scaled < -kLimit) {
        return false;
    }
    ms = static_cast<int64_t>(scaled);
    return true;
}

const char* behind(std::string_view token) {
    return token.data() + token.size();
}

}  // namespace

EntryKind OpenMetricsParser::next() {
    line_ = at_;
    if (at_ == end_) {
        return refuse("data does not end with # EOF", at_);
    }
    if (*at_ != '#') {
        return series_line();
    }
    const char* const at = at_;
    if (starts_with(at, end_, "# HELP ")) {
        return metadata_line(at + 7, EntryKind::kHelp);
    }
    if (starts_with(at, end_, "# TYPE ")) {
        return metadata_line(at + 7, EntryKind::kType);
    }
    if (starts_with(at, end_, "# UNIT ")) {
        return metadata_line(at + 7, EntryKind::kUnit);
    }
    if (starts_with(at, end_, "# EOF")) {
        return end_line(at + 5);
    }
    return refuse("expected a valid start token", at);
}

EntryKind OpenMetricsParser::end_line(const char* at) {
    if (at != end_ && *at == '\n') {
        ++at;
    }
    if (at != end_) {
        return refuse("unexpected data after # EOF", at);
    }
    // Stays on the EOF line, so that asking again gives the same answer.
    return EntryKind::kEnd;
}

EntryKind OpenMetricsParser::metadata_line(const char* at, EntryKind kind) {
    const bool quoted = at != end_ && *at == '"';
    const char* const name_end =
        quoted ? scan::quoted_end(at, end_, true, false) : scan::metric_name_end(at, end_);
    if (name_end == nullptr || name_end == at) {
        return refuse("expected metric name after HELP, TYPE or UNIT", at);
    }
    const auto quote = static_cast<size_t>(quoted ? 1 : 0);
    metadata_.family = {at + quote, static_cast<size_t>(name_end - at) - 2 * quote};
    const char* const line_end = scan::line_end(name_end, end_);
    if (name_end == end_ || *name_end != ' ' || line_end == end_) {
        return refuse("expected text after the metric name", name_end);
    }
    metadata_.text = {name_end + 1, static_cast<size_t>(line_end - name_end - 1)};
    if (kind == EntryKind::kType && !parse_type(metadata_.text, type_)) {
        return refuse("invalid metric type", name_end + 1);
    }
    if (kind == EntryKind::kHelp && !base::is_valid_utf8(metadata_.text)) {
        return refuse("help text is not a valid utf8 string", name_end + 1);
    }
    if (kind == EntryKind::kUnit && !metadata_.text.empty()) {
        const auto family = metadata_.family;
        const auto unit = metadata_.text;
        if (!family.ends_with(unit) || family.size() < unit.size() + 1 ||
            family[family.size() - unit.size() - 1] != '_') {
            return refuse("unit is not a suffix of the metric name", name_end + 1);
        }
    }
    metadata_.type = type_;
    at_ = line_end + 1;
    return kind;
}

EntryKind OpenMetricsParser::series_line() {
    const char* const start = at_;
    tokens_.clear();
    name_ = {};
    const char* at = scan::metric_name_end(start, end_);
    if (at == start && *start != '{') {
        return refuse("expected a valid start token", start);
    }
    if (at != start) {
        name_ = {start, static_cast<size_t>(at - start)};
    }
    if (at != end_ && *at == '{') {
        scan::Fault list_fault;
        at = scan::label_list<scan::kOpenMetricsGrammar>(at + 1, end_, &name_, tokens_, list_fault);
        if (at == nullptr) {
            return refuse(list_fault.what, list_fault.at);
        }
    }
    if (name_.data() == nullptr) {
        return refuse("metric name not set", at);
    }
    series_.text = {start, static_cast<size_t>(at - start)};
    if (series_.text.size() > kSeriesTextMax) {
        return refuse("series text longer than 16 MiB", start);
    }
    if (!suffix(at)) {
        return refuse(fault_, fault_at_);
    }
    return EntryKind::kSeries;
}

bool OpenMetricsParser::fault(const char* what, const char* at) {
    fault_ = what;
    fault_at_ = at;
    return false;
}

bool OpenMetricsParser::suffix(const char* at) {
    const std::string_view value = token_behind_space(at, end_);
    if (value.empty()) {
        return fault("expected value after metric", at);
    }
    if (!base::parse_float(value, series_.value)) {
        return fault("invalid sample value", value.data());
    }
    at = behind(value);
    series_.has_timestamp = false;
    exemplar_.labels = {};
    if (at != end_ && *at == ' ' && !starts_with(at, end_, " # {")) {
        const std::string_view time = token_behind_space(at, end_);
        if (time.empty() || !seconds_to_ms(time, series_.timestamp_ms)) {
            return fault("invalid timestamp", at);
        }
        series_.has_timestamp = true;
        at = behind(time);
    }
    if (starts_with(at, end_, " # {")) {
        return exemplar(at + 3);
    }
    if (at == end_) {
        return fault("data does not end with # EOF", at);
    }
    if (*at != '\n') {
        return fault("expected next entry after the sample", at);
    }
    at_ = at + 1;
    return true;
}

bool OpenMetricsParser::exemplar(const char* at) {
    exemplar_tokens_.clear();
    scan::Fault list_fault;
    const char* const labels_end = scan::label_list<scan::kOpenMetricsGrammar>(
        at + 1, end_, nullptr, exemplar_tokens_, list_fault);
    if (labels_end == nullptr) {
        return fault(list_fault.what, list_fault.at);
    }
    const std::string_view value = token_behind_space(labels_end, end_);
    if (value.empty() || !base::parse_float(value, exemplar_.value)) {
        return fault("expected value after exemplar labels", labels_end);
    }
    const char* end = behind(value);
    exemplar_.has_timestamp = false;
    if (end != end_ && *end == ' ') {
        const std::string_view time = token_behind_space(end, end_);
        if (time.empty() || !seconds_to_ms(time, exemplar_.timestamp_ms)) {
            return fault("invalid exemplar timestamp", end);
        }
        exemplar_.has_timestamp = true;
        end = behind(time);
    }
    if (end == end_) {
        return fault("data does not end with # EOF", end);
    }
    if (*end != '\n') {
        return fault("expected next entry after exemplar", end);
    }
    exemplar_.labels = {at, static_cast<size_t>(labels_end - at)};
    at_ = end + 1;
    return true;
}

}  // namespace scrape
