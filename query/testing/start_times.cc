#include "query/testing/start_times.h"

#include <string>
#include <utility>

#include "base/duration.h"
#include "query/testing/series_text.h"
#include "query/testing/text_cursor.h"

namespace query::testing {
namespace {

using base::Code;
using base::Result;

constexpr std::string_view kSuffix = "@st";

// A duration with an optional sign, up to the `x` of a repetition or the sign of a step.
Result<int64_t> take_offset(std::string_view& text) {
    const bool negative = take(text, "-");
    if (!negative) {
        static_cast<void>(take(text, "+"));
    }
    const size_t length = std::min(text.find_first_of("x+-"), text.size());
    TRY(const int64_t magnitude, base::parse_duration_ms(text.substr(0, length)));
    text.remove_prefix(length);
    return negative ? -magnitude : magnitude;
}

Result<uint64_t> take_repetition(std::string_view& text) {
    if (!take(text, "x")) {
        return base::fail(Code::kInvalid, "expected a repetition like x5");
    }
    TRY(const uint64_t times, take_count(text));
    if (times > kSeriesPointsMax) {
        return base::fail(
            Code::kLimit, "a series has more than kSeriesPointsMax =", kSeriesPointsMax, "points");
    }
    return times;
}

base::Status add_item(std::string_view item, std::vector<std::optional<int64_t>>& out) {
    if (take(item, "_")) {
        uint64_t times = 1;
        if (!item.empty()) {
            TRY(times, take_repetition(item));
        }
        out.insert(out.end(), times, std::nullopt);
    } else {
        TRY(int64_t offset, take_offset(item));
        int64_t step = 0;
        if (!item.empty() && !item.starts_with('x')) {
            TRY(step, take_offset(item));
        }
        uint64_t more = 0;
        if (!item.empty() || step != 0) {
            TRY(more, take_repetition(item));
        }
        for (uint64_t i = 0; i <= more; ++i, offset += step) {
            out.emplace_back(offset);
        }
    }
    if (!item.empty() || out.size() > kSeriesPointsMax) {
        return base::fail(Code::kInvalid, "unexpected", '"' + std::string(item) + '"');
    }
    return base::success();
}

}  // namespace

bool is_start_times(std::string_view line) {
    std::string_view rest = line;
    const std::string_view metric = take_word(rest);
    return !rest.empty() && metric.ends_with(kSuffix);
}

Result<StartTimes> parse_start_times(std::string_view line) {
    std::string_view metric = take_word(line);
    metric.remove_suffix(kSuffix.size());
    TRY(SeriesText series, parse_series(metric));
    StartTimes out{std::move(series.labels), {}};
    skip_spaces(line);
    while (!line.empty()) {
        const std::string_view item = take_word(line);
        TRY(context(add_item(item, out.offsets_ms), "invalid @st item", std::string(item)));
        skip_spaces(line);
    }
    return out;
}

}  // namespace query::testing
