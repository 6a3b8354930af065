#include "query/testing/series_text.h"

#include <cmath>
#include <string>

#include <catch2/catch.hpp>

#include "base/float_format.h"
#include "model/sample.h"
#include "query/testing/histogram_literal.h"

namespace query::testing {
namespace {

// The points one by one: numbers, `_`, `stale`, literals.
std::string spelled(std::string_view text) {
    auto points = parse_points(text);
    if (points.has_error()) {
        return points.error().message();
    }
    std::string out;
    for (const Point& point : points.value()) {
        out += out.empty() ? "" : " ";
        if (point.omitted) {
            out += '_';
        } else if (point.histogram) {
            out += to_literal(*point.histogram);
        } else if (model::is_stale(point.value)) {
            out += "stale";
        } else {
            base::append_float_g(out, point.value);
        }
    }
    return out;
}

}  // namespace

TEST_CASE("points are spelled out", "[query][testing]") {
    const auto check = [](std::string_view text, std::string_view points) {
        CAPTURE(text);
        CHECK(spelled(text) == points);
    };
    check("", "");
    check("  1\t2  -3 ", "1 2 -3");
    check(".5 1e3 +Inf -inf NaN", "0.5 1000 +Inf -Inf NaN");
    check("_ stale _x3", "_ stale _ _ _");
    check("7x3", "7 7 7 7");
    check("1+2x3 10-2.5x2", "1 3 5 7 10 7.5 5");
    check("-1-1x2", "-1 -2 -3");
    check("5x0 _x0", "5");
    check("{{}}", "{{}}");
    check("{{count:2 sum:3}}x1", "{{count:2 sum:3}} {{count:2 sum:3}}");
    check("{{sum:1 count:1 buckets:[1]}}+{{sum:1 count:1 buckets:[0 1]}}x2",
          "{{count:1 sum:1 buckets:[1]}} {{count:2 sum:2 buckets:[1 1]}} "
          "{{count:3 sum:3 buckets:[1 2]}}");
    check("{{count:3 buckets:[3]}}-{{count:1 buckets:[1]}}x1",
          "{{count:3 buckets:[3]}} "
          "{{count:2 buckets:[2]}}");
}

TEST_CASE("points that make no sense are refused", "[query][testing]") {
    const auto check = [](std::string_view text, const std::string& why) {
        CAPTURE(text);
        CHECK_THAT(spelled(text), Catch::Contains(why));
    };
    check("1 abc", "expected number or \"stale\"");
    check("1+2", "expected a repetition");
    check("1+x3", "expected a number");
    check("1x", "expected a number");
    check("1 2}", "unexpected \"}\"");
    check("stalex3", "expected number or \"stale\"");
    check("1x9999999999", "kSeriesPointsMax");
    check("{{count:1", "expected a part of a histogram");
    check("{{count:1 count:2}}", "duplicate key \"count\"");
    check("{{colour:1}}", "unknown part of a histogram \"colour\"");
    check("{{buckets:5}}", "expected a list");
    check("{{counter_reset_hint:maybe}}", "counter_reset_hint is");
    check("{{schema:2}}+{{schema:1}}x1", "cannot merge from schema 1 to 2");
    check("{{schema:-53 custom_values:[1]}}+{{count:1}}x1", "do not add up");
}

TEST_CASE("histogram literals come back as they were written", "[query][testing]") {
    const auto check = [](std::string_view text) {
        CAPTURE(text);
        std::string_view rest = text;
        auto literal = take_histogram(rest);
        REQUIRE(literal.has_value());
        CHECK(rest.empty());
        CHECK(to_literal(literal.value().histogram) == text);
    };
    check(
        "{{schema:1 count:22 sum:3 z_bucket:1 z_bucket_w:0.001 counter_reset_hint:gauge "
        "offset:-2 buckets:[5 10 7] n_offset:3 n_buckets:[1 0 2]}}");
    check("{{schema:-53 count:3 sum:4.5 custom_values:[5 10] buckets:[1 0 2]}}");
    check("{{sum:NaN counter_reset_hint:not_reset}}");
}

TEST_CASE("steps of finer resolution are merged into the coarser buckets", "[query][testing]") {
    CHECK(spelled("{{schema:0 count:1 offset:1 buckets:[1]}}+{{schema:1 count:2 offset:1 "
                  "buckets:[1 1]}}x1") ==
          "{{count:1 offset:1 buckets:[1]}} {{count:3 offset:1 buckets:[3]}}");
    CHECK_THAT(spelled("{{z_bucket_w:2 count:1 offset:5 buckets:[1]}}+{{count:1 buckets:[1]}}x1"),
               Catch::Contains("same z_bucket_w"));
}

TEST_CASE("empty buckets do not count", "[query][testing]") {
    model::FloatHistogram loose;
    loose.positive_spans = {{.offset = 1, .length = 2}, {.offset = 0, .length = 2}};
    loose.positive_buckets = {0, 3, 4, 0};
    compact(loose);
    CHECK(loose.positive_spans == std::vector<model::Span>{{.offset = 2, .length = 2}});
    CHECK(loose.positive_buckets == std::vector<double>{3, 4});
}

}  // namespace query::testing
