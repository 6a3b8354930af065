#include "scrape/parse/text.h"

#include "base/number.h"
#include "base/utf8.h"
#include "scrape/parse/scan.h"

namespace scrape {
namespace {

bool parse_type(std::string_view text, model::MetricType& type) {
    if (text == "counter") {
        type = model::MetricType::kCounter;
    } else if (text == "gauge") {
        type = model::MetricType::kGauge;
    } else if (text == "histogram") {
        type = model::MetricType::kHistogram;
    } else if (text == "summary") {
        type = model::MetricType::kSummary;
    } else if (text == "untyped") {
        type = model::MetricType::kUnknown;
    } else {
        return false;
    }
    return true;
}

// The word at `at` followed by a blank.
bool is_keyword(const char* at, const char* end, std::string_view word) {
    return static_cast<size_t>(end - at) > word.size() &&
           std::string_view(at, word.size()) == word &&
           (at[word.size()] == ' ' || at[word.size()] == '\t');
}

}  // namespace

EntryKind TextParser::next() {
    while (true) {
        line_ = at_;
        const char* const at = scan::skip_blanks(at_, end_);
        if (at == end_) {
            return EntryKind::kEnd;
        }
        if (*at == '\n') {
            at_ = at + 1;
            continue;
        }
        if (*at != '#') {
            return series_line(at);
        }
        const char* const word = scan::skip_blanks(at + 1, end_);
        if (word != at + 1 && is_keyword(word, end_, "HELP")) {
            return metadata_line(word + 4, EntryKind::kHelp);
        }
        if (word != at + 1 && is_keyword(word, end_, "TYPE")) {
            return metadata_line(word + 4, EntryKind::kType);
        }
        const char* const line_end = scan::line_end(at, end_);
        at_ = line_end == end_ ? end_ : line_end + 1;
    }
}

EntryKind TextParser::metadata_line(const char* at, EntryKind kind) {
    const char* const name = scan::skip_blanks(at, end_);
    const bool quoted = name != end_ && *name == '"';
    const char* const behind =
        quoted ? scan::quoted_end(name, end_, true, false) : scan::metric_name_end(name, end_);
    if (behind == nullptr || behind == name) {
        return refuse(kind == EntryKind::kHelp ? "expected metric name after HELP"
                                               : "expected metric name after TYPE",
                      name);
    }
    const auto quote = static_cast<size_t>(quoted ? 1 : 0);
    metadata_.family = {name + quote, static_cast<size_t>(behind - name) - 2 * quote};
    const char* const line_end = scan::line_end(behind, end_);
    // One separating byte, then the text to the end of the line.
    const char* const text = behind == line_end ? line_end : behind + 1;
    metadata_.text = {text, static_cast<size_t>(line_end - text)};
    type_ = model::MetricType::kUnknown;
    if (kind == EntryKind::kType && !parse_type(metadata_.text, type_)) {
        return refuse("invalid metric type", text);
    }
    if (kind == EntryKind::kHelp && !base::is_valid_utf8(metadata_.text)) {
        return refuse("help text is not a valid utf8 string", text);
    }
    metadata_.type = type_;
    at_ = line_end == end_ ? end_ : line_end + 1;
    return kind;
}

EntryKind TextParser::series_line(const char* at) {
    const char* const start = at;
    tokens_.clear();
    name_ = {};
    const char* behind = scan::metric_name_end(at, end_);
    if (behind == at && *at != '{') {
        return refuse("expected a valid start token", at);
    }
    if (behind != at) {
        name_ = {at, static_cast<size_t>(behind - at)};
    }
    const char* const brace = scan::skip_blanks(behind, end_);
    if (brace != end_ && *brace == '{') {
        scan::Fault fault;
        behind = scan::label_list<scan::kTextGrammar>(brace + 1, end_, &name_, tokens_, fault);
        if (behind == nullptr) {
            return refuse(fault.what, fault.at);
        }
    }
    if (name_.data() == nullptr) {
        return refuse("metric name not set", behind);
    }
    series_.text = {start, static_cast<size_t>(behind - start)};
    if (series_.text.size() > kSeriesTextMax) {
        return refuse("series text longer than 16 MiB", start);
    }
    if (!suffix(behind)) {
        return refuse(fault_, fault_at_);
    }
    return EntryKind::kSeries;
}

bool TextParser::fault(const char* what, const char* at) {
    fault_ = what;
    fault_at_ = at;
    return false;
}

bool TextParser::suffix(const char* at) {
    at = scan::skip_blanks(at, end_);
    const char* const value = at;
    while (at != end_ && *at != ' ' && *at != '\t' && *at != '\n' && *at != '{' && *at != '\0') {
        ++at;
    }
    if (at == value) {
        return fault("expected value after metric", at);
    }
    if (!base::parse_float({value, static_cast<size_t>(at - value)}, series_.value)) {
        return fault("invalid sample value", value);
    }
    series_.has_timestamp = false;
    at = scan::skip_blanks(at, end_);
    if (at != end_ && scan::is_a(*at, scan::kDigit)) {
        const char* const digits = at;
        while (at != end_ && scan::is_a(*at, scan::kDigit)) {
            ++at;
        }
        if (!base::parse_integer({digits, static_cast<size_t>(at - digits)},
                                 series_.timestamp_ms)) {
            return fault("timestamp out of range", digits);
        }
        series_.has_timestamp = true;
        at = scan::skip_blanks(at, end_);
    }
    if (at != end_ && *at != '\n') {
        return fault(series_.has_timestamp ? "expected next entry after timestamp"
                                           : "expected timestamp or new record",
                     at);
    }
    at_ = at == end_ ? end_ : at + 1;
    exemplar_.labels = {};
    return true;
}

}  // namespace scrape
