// Exposition pages, line by line: a pull parser whose entries are views into the page.
//
//   const auto parser = make_parser(Format::kText, page);
//   while ((kind = parser->next()) != EntryKind::kEnd) { … }
//
// Accepted is what Prometheus accepts, and refused what it refuses: docs/formats/exposition.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "scrape/parse/line_hash.h"
#include "scrape/parse/value.h"

namespace scrape {

enum class Format : uint8_t { kText, kOpenMetrics };

// The longest series text (name and labels as exposed), in bytes: what the cache's length field
// holds.
inline constexpr size_t kSeriesTextMax = (size_t{1} << 24) - 1;

enum class EntryKind : uint8_t {
    kSeries,
    kHelp,
    kType,
    kUnit,
    kEnd,    // nothing more
    kError,  // the page is malformed: error() says where and why; nothing more comes
};

// A sample line.
struct SeriesLine {
    std::string_view text;  // name and labels as exposed
    double value = 0;       // a NaN is always model::kNormalNan
    int64_t timestamp_ms = 0;
    bool has_timestamp = false;
};

// An OpenMetrics exemplar.
struct ExemplarLine {
    std::string_view labels;  // as exposed, with braces; empty: there is none
    double value = 0;
    int64_t timestamp_ms = 0;
    bool has_timestamp = false;
};

// A HELP, TYPE or UNIT line.
struct MetadataLine {
    std::string_view family;
    std::string_view text;  // help or unit, as exposed
    model::MetricType type = model::MetricType::kUnknown;
};

// Name and value of a label as exposed: without quotes, escapes as they stand.
struct LabelToken {
    std::string_view name;
    std::string_view value;
};

// Labels of a series, sorted by name, unescaped. Reused from series to series.
//   lifetime  views point into the page or into `unescaped`
struct SeriesLabels {
    std::vector<model::LabelView> labels;  // empty values are kept: they count when merging
    std::string unescaped;
};

// threads   one
// lifetime  the page outlives the parser and every view it gave
class Parser {
  public:
    virtual ~Parser() = default;
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    // The next entry, comments skipped.
    [[nodiscard]] virtual EntryKind next() = 0;

    // Takes the next line as a sample of a series whose text has this length and hash, without
    // looking at its labels. False when the line is anything else: nothing was consumed, next()
    // tells.
    [[nodiscard]] bool next_expected(uint32_t length, uint64_t hash, const LineKey& key) {
        const auto left = static_cast<size_t>(end_ - at_);
        if (left < size_t{length} + 2 || line_hash(at_, length, key) != hash) {
            return false;
        }
        const char* const value_at = at_ + length;
        if (*value_at != ' ' && *value_at != '\t' && value_at[-1] != '}') {
            return false;  // a longer name starts with the same text
        }
        series_.text = {at_, length};
        if (*value_at == ' ' && left >= size_t{length} + 2 + kPlainValueMax) {
            const char* const value_end = plain_value(value_at + 1, series_.value);
            if (value_end != nullptr && *value_end == '\n') [[likely]] {
                series_.has_timestamp = false;
                exemplar_.labels = {};
                at_ = value_end + 1;
                return true;
            }
        }
        return expected_suffix(value_at);
    }

    // Whether the next line starts like a comment.
    [[nodiscard]] bool at_comment() const { return at_ != end_ && *at_ == '#'; }

    // Skips the next line if it is the HELP, TYPE or UNIT line of this length and hash; `type` is
    // what type() was behind it. False: nothing was consumed.
    [[nodiscard]] bool skip_expected_comment(uint32_t length,
                                             uint64_t hash,
                                             model::MetricType type,
                                             const LineKey& key) {
        if (static_cast<size_t>(end_ - at_) <= length || at_[length] != '\n' ||
            line_hash(at_, length, key) != hash) {
            return false;
        }
        at_ += length + 1;
        type_ = type;
        return true;
    }

    // Type of the family that the page spoke of last.
    [[nodiscard]] model::MetricType type() const { return type_; }

    // The line of the entry that next() returned, without its line feed.
    [[nodiscard]] std::string_view line() const {
        const char* const behind = at_ != line_ && at_[-1] == '\n' ? at_ - 1 : at_;
        return {line_, static_cast<size_t>(behind - line_)};
    }

    // After kSeries.
    [[nodiscard]] const SeriesLine& series() const { return series_; }

    // Of the sample before, however it was taken.
    [[nodiscard]] const ExemplarLine& exemplar() const { return exemplar_; }

    // Its labels.  errors  kInvalid: a name occurs twice
    [[nodiscard]] base::Status exemplar_labels(SeriesLabels& out) const;

    // After kHelp, kType, kUnit.
    [[nodiscard]] const MetadataLine& metadata() const { return metadata_; }

    // The help text, unescaped; a view into the page or into `scratch`.
    [[nodiscard]] std::string_view help(std::string& scratch) const;

    // Labels of the series that next() (not next_expected()) returned last, __name__ among them;
    // `le` and `quantile` of histograms and summaries in OpenMetrics' float form.
    //   errors  kInvalid: a name occurs twice
    [[nodiscard]] base::Status labels(SeriesLabels& out) const;

    // After kError: "line 12: expected value after metric, got …".
    [[nodiscard]] const base::Error& error() const { return error_; }

  protected:
    explicit Parser(std::string_view page)
        : begin_(page.data()), at_(begin_), end_(begin_ + page.size()) {}

    // Value, timestamp and exemplar behind the series text. Moves at_ behind the line.
    [[nodiscard]] virtual bool suffix(const char* at) = 0;

    // Ends the parse with an error at `at`.
    EntryKind refuse(std::string_view what, const char* at);

    const char* begin_;
    const char* at_;  // start of the next line
    const char* end_;
    const char* line_ = nullptr;  // start of the line being parsed
    SeriesLine series_;
    ExemplarLine exemplar_;
    MetadataLine metadata_;
    std::string_view name_;           // of the series
    std::vector<LabelToken> tokens_;  // of the series
    std::vector<LabelToken> exemplar_tokens_;
    model::MetricType type_ = model::MetricType::kUnknown;  // of the family last named
    bool help_unescapes_quotes_ = false;

  private:
    [[nodiscard]] bool expected_suffix(const char* at);

    base::Error error_{base::Code::kInvalid, ""};
};

[[nodiscard]] std::unique_ptr<Parser> make_parser(Format format, std::string_view page);

}  // namespace scrape
