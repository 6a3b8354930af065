#include "shard/answers/parameters.h"

#include <catch2/catch.hpp>

using namespace shard;

TEST_CASE("parameters are read, and what is not given has a default", "[shard][answers]") {
    const Parameters given{{"full", "1"}, {"limit", "7"}, {"factor", "2.5"}, {"drain", "a,,b"}};
    CHECK(flag_of(given, "full").value());
    CHECK(!flag_of(given, "other").value());
    CHECK(number_of(given, "limit", 3).value() == 7);
    CHECK(number_of(given, "other", 3).value() == 3);
    CHECK(factor_of(given, "factor", 1).value() == 2.5);
    CHECK(list_of(given, "drain") == std::vector<std::string>{"a", "b"});
    CHECK(list_of(given, "other").empty());
}

TEST_CASE("parameters that make no sense are named", "[shard][answers]") {
    CHECK(flag_of({{"full", "maybe"}}, "full").error().message() ==
          "full is 1 or 0, not \"maybe\"");
    CHECK(number_of({{"limit", "-1"}}, "limit", 3).error().message() ==
          "limit is a whole number, not \"-1\"");
    CHECK(number_of({{"limit", "1x"}}, "limit", 3).has_error());
    CHECK(factor_of({{"factor", "two"}}, "factor", 3).error().message() ==
          "factor is a number, not \"two\"");
    CHECK(check_names({{"limt", "1"}}, {"limit", "job"}).error().message() ==
          "there is no parameter \"limt\" here; there are: limit, job");
}
