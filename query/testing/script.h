// The language of PromQL test scripts: load samples, clear, evaluate and expect.
//
//   load 5m
//     http_requests{job="api"} 0+10x10
//
//   eval instant at 50m sum(http_requests)
//     expect no_warn
//     {} 100
//
// A blank or comment line ends a command. What cannot be read becomes a BadCommand, so that the
// rest of a script still runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "query/testing/series_text.h"

namespace query::testing {

// A sample to load. Times in milliseconds.
struct ScriptSample {
    int64_t t_ms = 0;
    int64_t start_ms = 0;  // start timestamp, 0: none
    double value = 0;      // when `histogram` is null
    std::shared_ptr<const model::FloatHistogram> histogram;
};

struct ScriptSeries {
    model::Labels labels;
    std::vector<ScriptSample> samples;  // by time
};

struct LoadCommand {
    std::vector<ScriptSeries>
        series;  // each set of labels once; the native ones of _with_nhcb last
};

struct ClearCommand {};

enum class ExpectKind : uint8_t { kFail, kWarn, kNoWarn, kInfo, kNoInfo, kOrdered };

// One `expect` line; matches any text when neither is set.
struct Expectation {
    ExpectKind kind = ExpectKind::kFail;
    std::optional<std::string> message;           // exactly; a position may be left out
    std::shared_ptr<const model::Regex> pattern;  // somewhere in the text
    std::string pattern_text;
    bool old_form = false;  // eval_warn and its like: asks for one at least, and lets others pass

    [[nodiscard]] bool matches(std::string_view text) const;
    // `message "…"` or `pattern "…"`, for failures.
    [[nodiscard]] std::string describe() const;
};

// A series that must be in the answer. `position` counts from 1 in the order of the lines.
struct ExpectedSeries {
    model::Labels labels;
    std::vector<Point> points;
    size_t position = 0;
};

struct EvalCommand {
    std::string query;
    bool is_range = false;
    int64_t at_ms = 0;  // of an instant query
    // Of a range query; of an instant query the times its range vector must have.
    int64_t start_ms = 0;
    int64_t end_ms = 0;
    int64_t step_ms = 0;
    bool expects_range_vector = false;
    std::vector<Expectation> expectations;
    std::vector<ExpectedSeries> series;
    std::optional<double> scalar;
    std::optional<std::string> text;

    [[nodiscard]] bool expects(ExpectKind kind) const;
};

struct BadCommand {
    std::string message;
    bool is_eval = false;
};

struct Command {
    int line = 0;  // from 1
    std::variant<LoadCommand, ClearCommand, EvalCommand, BadCommand> what;
};

// All commands of a script, in order.
[[nodiscard]] std::vector<Command> parse_script(std::string_view text);

// Native histograms with custom buckets from the classic ones (`_bucket` with `le`, `_count`,
// `_sum`) among `series`.
//   errors  kInvalid: buckets that are no cumulative histogram
[[nodiscard]] base::Result<std::vector<ScriptSeries>> native_from_classic(
    const std::vector<ScriptSeries>& series);

}  // namespace query::testing
