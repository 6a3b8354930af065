// Every shared test script can be read: its commands, its queries, its expectations.
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "query/parser.h"
#include "query/printer.h"
#include "query/testing/script.h"
#include "test/support/skip.h"

namespace {

namespace fs = std::filesystem;

const fs::path kFolder = "../shared/conformance/promql";
constexpr size_t kEvals = 2043;
constexpr size_t kScriptBytesMax = 1024 * 1024;

void check_query(const query::testing::EvalCommand& eval) {
    auto parsed = query::parse_expr(eval.query, query::ParseOptions::everything());
    if (parsed.has_error()) {
        INFO(query::to_string(parsed.error(), eval.query));
        CHECK(eval.expects(query::testing::ExpectKind::kFail));
        return;
    }
    const std::string text = query::to_string(*parsed.value());
    CAPTURE(text);
    auto again = query::parse_expr(text, query::ParseOptions::everything());
    REQUIRE(again.has_value());
    CHECK(query::to_string(*again.value()) == text);
}

}  // namespace

TEST_CASE("the shared test scripts are understood to the last line", "[query][conformance]") {
    if (!fs::exists(kFolder)) {
        SKEIN_SKIP("the shared conformance data is not beside the source tree");
    }
    const auto files = base::make_posix_files();
    size_t evals = 0;
    for (const auto& entry : fs::directory_iterator(kFolder)) {
        const auto text = base::read_file(*files, entry.path().string(), kScriptBytesMax);
        REQUIRE(text.has_value());
        for (const auto& command : query::testing::parse_script(text.value())) {
            CAPTURE(entry.path().filename().string(), command.line);
            const auto* bad = std::get_if<query::testing::BadCommand>(&command.what);
            INFO((bad != nullptr ? bad->message : std::string()));
            CHECK(bad == nullptr);
            if (const auto* eval = std::get_if<query::testing::EvalCommand>(&command.what)) {
                ++evals;
                CAPTURE(eval->query);
                check_query(*eval);
            }
        }
    }
    CHECK(evals == kEvals);
}
