// Any text goes through the parser of PromQL. What is accepted prints to text that is accepted and
// prints the same, over one line and over several; what is refused has a place within the text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "query/ast_json.h"
#include "query/parser.h"
#include "query/printer.h"
#include "query/testing/series_text.h"

namespace {

// A canonical text is longer than what was written (numbers without exponents, `@ 1.000`).
constexpr size_t kRoundTripBytesMax = query::kQueryBytesMax / 512;

void round_trip(std::string_view text, const query::Expr& expr) {
    const std::string canonical = query::to_string(expr);
    auto again = query::parse_expr(canonical, query::ParseOptions::everything());
    SKEIN_CHECK(again.has_value(), "canonical text is refused", text, "=>", canonical);
    SKEIN_CHECK(query::to_string(*again.value()) == canonical, "canonical text changes", canonical);
    const std::string lines = query::pretty(expr);
    again = query::parse_expr(lines, query::ParseOptions::everything());
    SKEIN_CHECK(again.has_value(), "pretty text is refused", text, "=>", lines);
    SKEIN_CHECK(query::to_string(*again.value()) == canonical, "pretty text differs", lines);
    SKEIN_CHECK(!query::ast_json(expr).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    auto parsed = query::parse_expr(text, query::ParseOptions::everything());
    if (parsed.has_error()) {
        const int32_t at = parsed.error().position.start;
        SKEIN_CHECK(at >= 0 && static_cast<size_t>(at) <= size, "place outside of the text", at);
        SKEIN_CHECK(!query::render_caret(text, parsed.error()).empty());
    } else if (size <= kRoundTripBytesMax) {
        round_trip(text, *parsed.value());
    }
    static_cast<void>(query::parse_selector(text));
    static_cast<void>(query::testing::parse_series(text));
    return 0;
}
