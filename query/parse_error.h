// What is wrong with a query, and where.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "query/ast.h"

namespace query {

struct ParseError {
    PositionRange position;
    std::string reason;
    base::Code code = base::Code::kInvalid;  // kLimit when the query is too long or too deep
};

// A value or what is wrong with the query.
template <class T>
using Parsed = boost::outcome_v2::basic_result<T, ParseError, boost::outcome_v2::policy::terminate>;

[[nodiscard]] inline auto fail(ParseError error) {
    return boost::outcome_v2::failure(std::move(error));
}

// "line:column" of a byte offset, both from 1, columns in bytes; for messages and annotations.
[[nodiscard]] std::string line_and_column(std::string_view query, int32_t offset);

// "1:5: parse error: unexpected …", the form every Prometheus user knows.
[[nodiscard]] std::string to_string(const ParseError& error, std::string_view query);

// The same as an Error of the tree.
[[nodiscard]] base::Error to_error(const ParseError& error, std::string_view query);

// The line of the query that is at fault, and a caret under the place, for terminals:
//
//   sum(rate(foo 5))
//                ^
//
// Tabs stay tabs, so that the caret stands where it should; a long line is cut around the place.
[[nodiscard]] std::string render_caret(std::string_view query, const ParseError& error);

}  // namespace query
