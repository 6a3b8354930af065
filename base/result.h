// Result<T>: a value or an Error. Boost.Outcome behind our own few words, so that a move to
// std::expected is one file.
//
//   Result<Segment> open(const Path& path) {
//       TRY(auto file, files.open_read(path));                              // returns the error,
//       if any TRY(auto header, context(read_header(*file), "read segment header", path)); if
//       (header.version != kVersion) {
//           return fail(Code::kCorrupt, "unknown segment version", header.version);
//       }
//       return Segment(std::move(file), header);
//   }
#pragma once

#include <sstream>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

#include "base/error.h"

namespace base {

template <class T = void>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

using Status = Result<void>;

[[nodiscard]] inline auto success() {
    return boost::outcome_v2::success();
}

namespace detail {

template <class... Parts>
std::string join_words(const Parts&... parts) {
    std::ostringstream text;
    const char* separator = "";
    ((text << separator << parts, separator = " "), ...);
    return std::move(text).str();
}

}  // namespace detail

// An error to return: fail(Code::kLimit, "too many targets", count, "limit", limit) joins the parts
// with spaces.
template <class... Parts>
[[nodiscard]] auto fail(Code code, const Parts&... parts) {
    return boost::outcome_v2::failure(Error(code, detail::join_words(parts...)));
}

// Hands an error on unchanged: return fail(std::move(result).error()).
[[nodiscard]] inline auto fail(Error error) {
    return boost::outcome_v2::failure(std::move(error));
}

// Says what we were doing when the error came up; a good result passes through untouched.
template <class T, class... Parts>
[[nodiscard]] Result<T> context(Result<T>&& result, const Parts&... parts) {
    if (result.has_value()) {
        return std::move(result);
    }
    Error error = std::move(result).error();
    error.add_context(detail::join_words(parts...));
    return fail(std::move(error));
}

// Drops a result on purpose; the reason is for the reader.
template <class T>
void ignore(const Result<T>&, const char* /*reason*/) {}

}  // namespace base

#define TRY(...) BOOST_OUTCOME_TRY(__VA_ARGS__)
#define CO_TRY(...) BOOST_OUTCOME_CO_TRY(__VA_ARGS__)
