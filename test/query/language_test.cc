// Small parts of the language: functions, durations, places of errors, the tree as JSON.
#include <catch2/catch.hpp>

#include "query/ast_json.h"
#include "query/duration.h"
#include "query/functions.h"
#include "query/parser.h"

namespace query {
namespace {

ExprPtr tree(std::string_view text) {
    CAPTURE(text);
    auto parsed = parse_expr(text, ParseOptions::everything());
    REQUIRE(parsed.has_value());
    return std::move(parsed).value();
}

const DurationSpec& range_of(const ExprPtr& expr) {
    return as<MatrixSelector>(*expr).range;
}

constexpr QueryTimes kTimes{.start_ms = 60'000, .end_ms = 360'000, .step_ms = 15'000};

}  // namespace

TEST_CASE("every function is found by its name and by its id", "[query][functions]") {
    for (const Function& entry : all_functions()) {
        CAPTURE(entry.name);
        REQUIRE(find_function(entry.name) == &entry);
        REQUIRE(&function(entry.id) == &entry);
        REQUIRE(entry.arg_count <= kFunctionArgTypesMax);
    }
    CHECK(find_function("nope") == nullptr);
    CHECK(find_function("Rate") == nullptr);
    CHECK(find_function("rate")->args_min() == 1);
    CHECK(find_function("round")->args_min() == 1);
    CHECK(find_function("round")->args_max() == 2);
    CHECK(find_function("label_join")->args_max() == kVariadicUnlimited);
    CHECK(find_function("histogram_quantiles")->args_max() == 12);
    CHECK(find_function("label_join")->arg_type(9) == ValueType::kString);
}

TEST_CASE("duration expressions are worked out from the times of the query", "[query][duration]") {
    const auto check = [](std::string_view duration, int64_t millis) {
        CAPTURE(duration);
        const ExprPtr expr = tree("a[" + std::string(duration) + "]");
        const auto resolved = resolve(range_of(expr), kTimes, DurationUse::kPositive);
        REQUIRE(resolved.has_value());
        CHECK(resolved.value() == millis);
    };
    check("5m", 300'000);
    check("1.5", 1500);
    check("step()", 15'000);
    check("range()", 300'000);
    check("step() * 2 + 1m", 90'000);
    check("1m + 2 * 3 ^ 2", 78'000);
    check("min_of(step(), 1s)", 1000);
    check("max_of(step(), 1s)", 15'000);
    check("-(-5m)", 300'000);
    check("7 % 4", 3000);
    check("10s / 4", 2500);
}

TEST_CASE("durations that make no sense are refused", "[query][duration]") {
    const auto check = [](std::string_view duration, std::string_view why) {
        CAPTURE(duration);
        const ExprPtr expr = tree("a[" + std::string(duration) + "]");
        const auto resolved = resolve(range_of(expr), kTimes, DurationUse::kPositive);
        REQUIRE(resolved.has_error());
        CHECK(resolved.error().message() == why);
    };
    check("step() - 1m", "2:13: duration must be greater than 0");
    check("1m / (5 - 5)", "2:13: division by zero");
    check("1m % (5 - 5)", "2:13: modulo by zero");
    check("10 ^ 400", "2:10: duration is NaN or infinite");
    check("10 ^ 300", "2:10: duration is out of range");
    check("1ms / 10", "2:10: duration must be at least 1ms");
    const ExprPtr offset = tree("a offset (step() - 1m)");
    const auto resolved = resolve(as<VectorSelector>(*offset).offset, kTimes, DurationUse::kSigned);
    REQUIRE(resolved.has_value());
    CHECK(resolved.value() == -45'000);
}

TEST_CASE("a caret points at the place of an error", "[query][errors]") {
    const auto check = [](const std::string& text, std::string_view drawn) {
        CAPTURE(text);
        auto parsed = parse_expr(text);
        REQUIRE(parsed.has_error());
        CHECK(render_caret(text, parsed.error()) == drawn);
    };
    check("sum(rate(up 5))", "sum(rate(up 5))\n            ^");
    check("a +\n\té{b=\"é\"} c d\n+ e", "\té{b=\"é\"} c d\n\t^");
    check("up{a=\"é\"} c", "up{a=\"é\"} c\n          ^");
    check("1 +", "1 +\n   ^");
    check("", "\n^");
    const std::string drawn = render_caret(std::string(500, 'x') + " y " + std::string(500, 'z'),
                                           {.position = {501, 502}});
    CHECK(drawn.size() < 350);
}

TEST_CASE("the tree is shown as JSON", "[query][json]") {
    CHECK(ast_json(*tree("-up{a=\"b\"} offset 5m")) ==
          R"({"expr":{"anchored":false,"matchers":[{"name":"a","type":"=","value":"b"},)"
          R"({"name":"__name__","type":"=","value":"up"}],"name":"up","offset":300000,)"
          R"("offsetExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,)"
          R"("type":"vectorSelector"},"op":"-","type":"unaryExpr"})");
    CHECK(ast_json(*tree("1 + 2h")) ==
          R"({"bool":false,"lhs":{"type":"numberLiteral","val":"1"},"matching":null,"op":"+",)"
          R"("rhs":{"type":"numberLiteral","val":"7200"},"type":"binaryExpr"})");
    CHECK(ast_json(*tree("a and on (x) b"))
              .find(R"("matching":{"card":"many-to-many","fillValues":{"lhs":null,"rhs":null},)"
                    R"("include":[],"labels":["x"],"on":true})") != std::string::npos);
    CHECK(ast_json(*tree("topk(3, a)")).find(R"("grouping":[],"op":"topk","param":{"type")") !=
          std::string::npos);
    CHECK(ast_json(*tree("rate(a[5m] @ 10)")) ==
          R"({"args":[{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"a"}],)"
          R"("name":"a","offset":0,"offsetExpr":null,"range":300000,"rangeExpr":null,)"
          R"("smoothed":false,"startOrEnd":null,"timestamp":10000,"type":"matrixSelector"}],)"
          R"("func":{"argTypes":["matrix"],"name":"rate","returnType":"vector","variadic":0},)"
          R"("type":"call"})");
    CHECK(
        ast_json(*tree("(a)[5m:(1)] @ end()"))
            .find(
                R"("startOrEnd":"end","step":0,"stepExpr":{"lhs":null,"op":"+","rhs":{"duration":)"
                R"(false,"type":"numberLiteral","val":"1"},"type":"durationExpr","wrapped":true})") !=
        std::string::npos);
}

}  // namespace query
