#include "base/time_format.h"

#include <catch2/catch.hpp>

#include "test/support/seed.h"

TEST_CASE("times print as Go's RFC3339Nano", "[base][time_format]") {
    const auto check_ns = [](int64_t ns, std::string_view want) {
        CHECK(base::format_rfc3339_ns(ns) == want);
        CHECK(base::parse_rfc3339_ns(want).value() == ns);
    };
    check_ns(0, "1970-01-01T00:00:00Z");
    check_ns(-1, "1969-12-31T23:59:59.999999999Z");
    check_ns(1, "1970-01-01T00:00:00.000000001Z");
    check_ns(1'767'323'045'670'000'000, "2026-01-02T03:04:05.67Z");
    check_ns(951'782'400'000'000'000, "2000-02-29T00:00:00Z");
    check_ns(INT64_MIN, "1677-09-21T00:12:43.145224192Z");
    check_ns(INT64_MAX, "2262-04-11T23:47:16.854775807Z");

    CHECK(base::format_rfc3339_ms(-62'167'219'200'000) == "0000-01-01T00:00:00Z");
    CHECK(base::format_rfc3339_ms(-62'167'219'200'001) == "-0001-12-31T23:59:59.999Z");
    CHECK(base::format_rfc3339_ms(253'402'300'799'999) == "9999-12-31T23:59:59.999Z");
    CHECK(base::format_rfc3339_ms(253'402'300'800'000) == "10000-01-01T00:00:00Z");
    std::string fixed;
    base::append_rfc3339_fixed_ms(fixed, 1'767'323'045'000);
    CHECK(fixed == "2026-01-02T03:04:05.000Z");
}

TEST_CASE("times parse with offsets and any precision", "[base][time_format]") {
    const auto check = [](std::string_view text, int64_t want_ms) {
        CAPTURE(text);
        CHECK(base::parse_rfc3339_ms(text).value() == want_ms);
    };
    check("2026-01-02T03:04:05Z", 1'767'323'045'000);
    check("2026-01-02T04:04:05+01:00", 1'767'323'045'000);
    check("2026-01-01T21:34:05-05:30", 1'767'323'045'000);
    check("2026-01-02T03:04:05.6789999999999Z", 1'767'323'045'678);
    check("1969-12-31T23:59:59.9999Z", -1);
    check("9999-12-31T23:59:59.999Z", 253'402'300'799'999);
    for (const std::string_view text : {"",
                                        "2026-01-02",
                                        "2026-01-02T03:04:05",
                                        "2026-01-02 03:04:05Z",
                                        "2026-13-02T03:04:05Z",
                                        "2026-02-29T03:04:05Z",
                                        "2026-01-00T03:04:05Z",
                                        "2026-01-02T24:04:05Z",
                                        "2026-01-02T03:04:60Z",
                                        "2026-01-02T03:04:05.Z",
                                        "2026-01-02T03:04:05Zx",
                                        "2026-01-02T03:04:05+0100",
                                        "a026-01-02T03:04:05Z"}) {
        CAPTURE(text);
        const auto parsed = base::parse_rfc3339_ms(text);
        REQUIRE(parsed.has_error());
        CHECK(parsed.error().code() == base::Code::kInvalid);
    }
    CHECK(base::parse_rfc3339_ns("2263-01-01T00:00:00Z").has_error());
}

TEST_CASE("a printed time parses to itself", "[base][time_format]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int i = 0; i < 5000; ++i) {
        const auto ns = static_cast<int64_t>(random.u64());
        CAPTURE(ns);
        REQUIRE(base::parse_rfc3339_ns(base::format_rfc3339_ns(ns)).value() == ns);
    }
}
