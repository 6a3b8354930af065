#include "query/http_params.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/duration.h"
#include "base/number.h"
#include "base/time_format.h"
#include "model/quote.h"
#include "model/sample.h"
#include "query/parser.h"

namespace query {
namespace {

using base::Code;
using base::Result;

// What the API calls the beginning and the end of time.
constexpr std::string_view kMinTimeText = "-292273086-05-16T16:47:06Z";
constexpr std::string_view kMaxTimeText = "292277025-08-18T07:12:54.999999999Z";
constexpr double kMillisecondsMax = 9.2e18;

std::string quoted(std::string_view text) {
    std::string out;
    model::append_quoted(out, text);
    return out;
}

}  // namespace

base::Error invalid_param(std::string_view name, const base::Error& error) {
    return base::Error(Code::kInvalid,
                       "invalid parameter " + quoted(name) + ": " + error.message());
}

Result<int64_t> parse_time(std::string_view text) {
    double seconds = 0;
    if (base::parse_float(text, seconds) && std::fabs(seconds) < kMillisecondsMax / 1000) {
        // To the millisecond, whole seconds apart so that large times keep their fraction.
        const double whole = std::trunc(seconds);
        return static_cast<int64_t>(whole) * 1000 +
               static_cast<int64_t>(std::round((seconds - whole) * 1000));
    }
    if (const auto parsed = base::parse_rfc3339_ms(text)) {
        return parsed.value();
    }
    if (text == kMinTimeText) {
        return model::kMinTime;
    }
    if (text == kMaxTimeText) {
        return model::kMaxTime;
    }
    return base::fail(Code::kInvalid, "cannot parse " + quoted(text) + " to a valid timestamp");
}

Result<int64_t> parse_duration(std::string_view text) {
    double seconds = 0;
    if (base::parse_float(text, seconds)) {
        const double nanoseconds = seconds * 1e9;
        if (!(std::fabs(nanoseconds) < 9223372036854775808.0)) {
            return base::fail(
                Code::kInvalid,
                "cannot parse " + quoted(text) + " to a valid duration. It overflows int64");
        }
        return static_cast<int64_t>(seconds * 1000);
    }
    if (const auto parsed = base::parse_duration_ms(text)) {
        return parsed.value();
    }
    return base::fail(Code::kInvalid, "cannot parse " + quoted(text) + " to a valid duration");
}

Result<int64_t> time_param(const base::http::Params& params,
                           std::string_view name,
                           int64_t absent) {
    const std::string_view text = params.get(name);
    if (text.empty()) {
        return absent;
    }
    auto parsed = parse_time(text);
    if (parsed) {
        return parsed.value();
    }
    return base::fail(invalid_param(name,
                                    base::Error(Code::kInvalid,
                                                "invalid time value for '" + std::string(name) +
                                                    "': " + parsed.error().message())));
}

Result<int64_t> required_time_param(const base::http::Params& params, std::string_view name) {
    auto parsed = parse_time(params.get(name));
    if (parsed) {
        return parsed.value();
    }
    return base::fail(invalid_param(name, parsed.error()));
}

Result<uint64_t> limit_param(const base::http::Params& params) {
    const std::string_view text = params.get("limit");
    if (text.empty()) {
        return uint64_t{0};
    }
    int64_t limit = 0;
    if (!base::parse_integer(text, limit)) {
        return base::fail(invalid_param(
            "limit",
            base::Error(Code::kInvalid,
                        "strconv.Atoi: parsing " + quoted(text) + ": invalid syntax")));
    }
    if (limit < 0) {
        return base::fail(
            invalid_param("limit", base::Error(Code::kInvalid, "limit must be non-negative")));
    }
    return static_cast<uint64_t>(limit);
}

Result<std::vector<model::Matcher>> compile_selector(std::string_view text) {
    auto parsed = parse_selector(text);
    if (!parsed) {
        return base::fail(to_error(parsed.error(), text));
    }
    std::vector<model::Matcher> matchers;
    for (const MatcherSpec& spec : parsed.value()) {
        TRY(model::Matcher matcher, model::Matcher::create(spec.type, spec.name, spec.value));
        matchers.push_back(std::move(matcher));
    }
    return matchers;
}

Result<std::vector<std::vector<model::Matcher>>> matcher_params(const base::http::Params& params) {
    std::vector<std::vector<model::Matcher>> sets;
    for (const std::string_view selector : params.get_all("match[]")) {
        TRY(auto matchers, compile_selector(selector));
        const bool selective = std::ranges::any_of(
            matchers, [](const model::Matcher& matcher) { return !matcher.matches_empty(); });
        if (!selective) {
            return base::fail(Code::kInvalid,
                              "match[] must contain at least one non-empty matcher");
        }
        sets.push_back(std::move(matchers));
    }
    return sets;
}

Result<bool> bool_param(const base::http::Params& params, std::string_view name, bool absent) {
    constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
    constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "FALSE", "false", "False"};
    const std::string_view text = params.get(name);
    if (text.empty()) {
        return absent;
    }
    if (std::ranges::find(kTrue, text) != kTrue.end()) {
        return true;
    }
    if (std::ranges::find(kFalse, text) != kFalse.end()) {
        return false;
    }
    std::string told = "strconv.ParseBool: parsing ";
    model::append_quoted(told, text);
    return base::fail(invalid_param(name, base::Error(Code::kInvalid, told + ": invalid syntax")));
}

}  // namespace query
