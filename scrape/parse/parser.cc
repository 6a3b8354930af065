#include "scrape/parse/parser.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/float_format.h"
#include "base/json.h"
#include "base/number.h"
#include "scrape/parse/openmetrics.h"
#include "scrape/parse/text.h"

namespace scrape {
namespace {

constexpr size_t kErrorExcerptMax = 100;  // bytes of the page quoted in an error

// Appends `text` with \\, \n and (quotes) \" replaced; any other escape stays as it is.
void append_unescaped(std::string& out, std::string_view text, bool quotes) {
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) {
            const char next = text[at + 1];
            if (next == 'n' || next == '\\' || (quotes && next == '"')) {
                out.push_back(next == 'n' ? '\n' : next);
                ++at;
                continue;
            }
        }
        out.push_back(text[at]);
    }
}

bool has_escape(std::string_view text) {
    return text.find('\\') != std::string_view::npos;
}

bool is_float_label(std::string_view name, model::MetricType type) {
    return (type == model::MetricType::kHistogram && name == model::kBucketLabel) ||
           (type == model::MetricType::kSummary && name == model::kQuantileLabel);
}

// OpenMetrics' canonical numbers: "1.0", "0.05", "1e+06", "+Inf".
void append_openmetrics_float(std::string& out, double value) {
    const size_t start = out.size();
    base::append_float_g(out, value);
    if (!std::isfinite(value)) {
        return;
    }
    if (std::string_view(out).substr(start).find_first_of("e.") == std::string_view::npos) {
        out += ".0";
    }
}

// Room for every label's text once unescaped, so that views into it stay good.
constexpr size_t kFloatTextMax = 32;

class LabelCollector {
  public:
    LabelCollector(SeriesLabels& out, size_t text_size, size_t labels) : out_(out) {
        out_.labels.clear();
        out_.unescaped.clear();
        const size_t room = text_size + (labels + 1) * kFloatTextMax;
        if (out_.unescaped.capacity() < room) {
            out_.unescaped.reserve(room);
        }
    }

    void add(std::string_view name, std::string_view value, model::MetricType type) {
        const std::string_view plain_name = unescape(name);
        double number = 0;
        if (is_float_label(plain_name, type) && base::parse_float(value, number)) {
            const size_t start = out_.unescaped.size();
            append_openmetrics_float(out_.unescaped, number);
            out_.labels.push_back({plain_name, std::string_view(out_.unescaped).substr(start)});
            return;
        }
        out_.labels.push_back({plain_name, unescape(value)});
    }

  private:
    std::string_view unescape(std::string_view text) {
        if (!has_escape(text)) {
            return text;
        }
        const size_t start = out_.unescaped.size();
        append_unescaped(out_.unescaped, text, true);
        return std::string_view(out_.unescaped).substr(start);
    }

    SeriesLabels& out_;
};

// Sorts them by name.  errors  kInvalid
base::Status check_unique(std::vector<model::LabelView>& labels) {
    std::sort(labels.begin(), labels.end());
    const auto twice =
        std::adjacent_find(labels.begin(), labels.end(), [](const auto& left, const auto& right) {
            return left.name == right.name;
        });
    if (twice != labels.end()) {
        std::string name;
        base::append_json_string(name, twice->name);
        return base::fail(base::Code::kInvalid,
                          "label name " + name + " is not unique: invalid sample");
    }
    return base::success();
}

}  // namespace

base::Status Parser::labels(SeriesLabels& out) const {
    LabelCollector collector(out, series_.text.size(), tokens_.size() + 1);
    collector.add(model::kMetricName, name_, model::MetricType::kUnknown);
    for (const LabelToken& token : tokens_) {
        collector.add(token.name, token.value, type_);
    }
    return check_unique(out.labels);
}

base::Status Parser::exemplar_labels(SeriesLabels& out) const {
    LabelCollector collector(out, exemplar_.labels.size(), exemplar_tokens_.size());
    for (const LabelToken& token : exemplar_tokens_) {
        collector.add(token.name, token.value, model::MetricType::kUnknown);
    }
    return check_unique(out.labels);
}

std::string_view Parser::help(std::string& scratch) const {
    if (!has_escape(metadata_.text)) {
        return metadata_.text;
    }
    scratch.clear();
    append_unescaped(scratch, metadata_.text, help_unescapes_quotes_);
    return scratch;
}

EntryKind Parser::refuse(std::string_view what, const char* at) {
    const auto line = 1 + std::count(begin_, line_, '\n');
    const auto quote = [](const char* from, const char* to) {
        const auto size = std::min<size_t>(static_cast<size_t>(to - from), kErrorExcerptMax);
        std::string text;
        base::append_json_string(text, std::string_view(from, size), base::HtmlEscape::kNo);
        return text;
    };
    const char* const got_end = at < end_ ? at + 1 : end_;
    error_ = base::Error(base::Code::kInvalid,
                         "line " + std::to_string(line) + ": " + std::string(what) + ", got " +
                             quote(at, got_end) + " while parsing: " + quote(line_, got_end));
    at_ = end_;
    return EntryKind::kError;
}

bool Parser::expected_suffix(const char* at) {
    const char* const start = at_;
    line_ = at_;
    if (suffix(at)) {
        return true;
    }
    at_ = start;
    return false;
}

std::unique_ptr<Parser> make_parser(Format format, std::string_view page) {
    if (format == Format::kOpenMetrics) {
        return std::make_unique<OpenMetricsParser>(page);
    }
    return std::make_unique<TextParser>(page);
}

}  // namespace scrape
