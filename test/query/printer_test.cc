#include "query/printer.h"

#include <string>

#include <catch2/catch.hpp>

#include "query/parser.h"
#include "test/query/random_query.h"
#include "test/support/seed.h"

namespace query {
namespace {

ExprPtr tree(std::string_view text) {
    CAPTURE(text);
    auto parsed = parse_expr(text, ParseOptions::everything());
    REQUIRE(parsed.has_value());
    return std::move(parsed).value();
}

}  // namespace

TEST_CASE("random trees print to text that parses and prints the same", "[query][printer]") {
    constexpr int kTrees = 20'000;
    constexpr int kDepth = 5;
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int i = 0; i < kTrees; ++i) {
        const ExprPtr expr = test_query::random_expr(random, ValueType::kVector, kDepth);
        const std::string text = to_string(*expr);
        CAPTURE(i, text);
        auto parsed = parse_expr(text, ParseOptions::everything());
        INFO((parsed.has_error() ? to_string(parsed.error(), text) : std::string()));
        REQUIRE(parsed.has_value());
        REQUIRE(to_string(*parsed.value()) == text);
        REQUIRE(to_string(*expr->clone()) == text);
        const std::string lines = pretty(*parsed.value());
        CAPTURE(lines);
        auto again = parse_expr(lines, ParseOptions::everything());
        REQUIRE(again.has_value());
        REQUIRE(to_string(*again.value()) == text);
    }
}

TEST_CASE("short expressions stay on one line", "[query][printer]") {
    CHECK(pretty(*tree("sum( rate(up[5m]) ) by(job)")) == "sum by (job) (rate(up[5m]))");
    const std::string just_fits = "up{job=\"" + std::string(kLineMax - 10, 'x') + "\"}";
    CHECK(just_fits.size() == kLineMax);
    CHECK(pretty(*tree(just_fits)) == just_fits);
}

TEST_CASE("long expressions are split at operators, calls and parentheses", "[query][printer]") {
    const std::string name = "a_rather_long_metric_name_that_fills_most_of_a_line_on_its_own";
    const std::string text =
        "histogram_quantile(0.99, sum by (le, job) (rate(" + name +
        "{env=\"production\"}[5m]))) > on (job) group_left () (-avg by (job) (" + name +
        " * bool_like_but_not_a_keyword_and_long))";
    CHECK(pretty(*tree(text)) ==
          "  histogram_quantile(\n"
          "    0.99,\n"
          "    sum by (le, job) (\n"
          "      rate(" +
              name +
              "{env=\"production\"}[5m])\n"
              "    )\n"
              "  )\n"
              "> on (job) group_left ()\n"
              "  (\n"
              "    -avg by (job) (\n"
              "        " +
              name +
              "\n"
              "      *\n"
              "        bool_like_but_not_a_keyword_and_long\n"
              "    )\n"
              "  )");
}

TEST_CASE("a split subquery keeps its brackets behind the last line", "[query][printer]") {
    const std::string name(60, 'x');
    CHECK(pretty(*tree("max_over_time((" + name + " + " + name + ")[1h:5m] offset 1d)")) ==
          "max_over_time(\n  (\n      " + name + "\n    +\n      " + name +
              "\n  )[1h:5m] offset 1d\n)");
}

TEST_CASE("numbers are printed without exponent", "[query][printer]") {
    CHECK(to_string(*tree("1e-7")) == "0.0000001");
    CHECK(to_string(*tree("1e22")) == "10000000000000000000000");
    CHECK(to_string(*tree("0.1")) == "0.1");
    CHECK(to_string(*tree("inf + a")) == "+Inf + a");
    CHECK(to_string(*tree("inf ^ a")) == "Inf ^ a");
}

}  // namespace query
