// Parameters of the query API: times, durations, limits, selectors.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/http/message.h"
#include "base/result.h"
#include "model/matcher.h"

namespace query {

// Error texts are those of the API: `invalid parameter "time": …`.

// Unix seconds with a fraction, or RFC 3339; the earliest and latest time that the API knows.
//   returns  milliseconds
[[nodiscard]] base::Result<int64_t> parse_time(std::string_view text);

// Seconds with a fraction, or a duration as in the configuration.
//   returns  milliseconds
[[nodiscard]] base::Result<int64_t> parse_duration(std::string_view text);

// The time of a parameter that may be absent.
[[nodiscard]] base::Result<int64_t> time_param(const base::http::Params& params,
                                               std::string_view name,
                                               int64_t absent);
// The time of a parameter that has to be there.
[[nodiscard]] base::Result<int64_t> required_time_param(const base::http::Params& params,
                                                        std::string_view name);
// 1, t, true, 0, f, false, in these cases or with capitals.
[[nodiscard]] base::Result<bool> bool_param(const base::http::Params& params,
                                            std::string_view name,
                                            bool absent);
// 0 when absent: no limit.
[[nodiscard]] base::Result<uint64_t> limit_param(const base::http::Params& params);

// `up{job="a"}`, which may match everything.
//   errors   kInvalid: what is wrong with it, and where; kLimit: a regular expression
[[nodiscard]] base::Result<std::vector<model::Matcher>> compile_selector(std::string_view text);

// Every match[], each with at least one matcher that does not match the empty text.
[[nodiscard]] base::Result<std::vector<std::vector<model::Matcher>>> matcher_params(
    const base::http::Params& params);

// Puts `invalid parameter "name": ` in front.
[[nodiscard]] base::Error invalid_param(std::string_view name, const base::Error& error);

}  // namespace query
