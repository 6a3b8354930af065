#include "base/duration.h"

#include <catch2/catch.hpp>

#include "base/byte_size.h"
#include "test/support/seed.h"

TEST_CASE("durations parse and print as Prometheus does", "[base][duration]") {
    const auto check = [](std::string_view text, int64_t want, std::string_view printed) {
        CAPTURE(text);
        const auto parsed = base::parse_duration_ms(text);
        REQUIRE(parsed.has_value());
        CHECK(parsed.value() == want);
        CHECK(base::format_duration_ms(want) == printed);
    };
    check("0", 0, "0s");
    check("0s", 0, "0s");
    check("324ms", 324, "324ms");
    check("3s", 3000, "3s");
    check("90s", 90'000, "1m30s");
    check("5m", 300'000, "5m");
    check("1h30m", 5'400'000, "1h30m");
    check("36h", 129'600'000, "1d12h");
    check("4d", 345'600'000, "4d");
    check("10d", 864'000'000, "10d");
    check("3w", 1'814'400'000, "3w");
    check("3w2d1h", 1'990'800'000, "23d1h");
    check("10y", 315'360'000'000, "10y");
    check("1y1ms", 31'536'000'001, "365d1ms");
    CHECK(base::format_duration_ms(-90'000) == "-1m30s");
}

TEST_CASE("what is no duration is refused", "[base][duration]") {
    for (const std::string_view text : {"",
                                        "1",
                                        "1y1m1d",
                                        "-1w",
                                        "1.5d",
                                        "d",
                                        "5m5m",
                                        "1s1h",
                                        "5 m",
                                        "1h ",
                                        "m5",
                                        "294y",
                                        "9223372036854775808ms",
                                        "200y100y"}) {
        CAPTURE(text);
        const auto parsed = base::parse_duration_ms(text);
        REQUIRE(parsed.has_error());
        CHECK(parsed.error().code() == base::Code::kInvalid);
    }
    CHECK(base::parse_duration_ms("292y").has_value());
}

TEST_CASE("a printed duration parses to itself", "[base][duration]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int i = 0; i < 2000; ++i) {
        const auto ms = static_cast<int64_t>(test_support::random_magnitude(random) >> 1) %
                        base::kDurationMaxMs;
        CAPTURE(ms);
        REQUIRE(base::parse_duration_ms(base::format_duration_ms(ms)).value() == ms);
    }
}

TEST_CASE("nanoseconds print as Go's durations", "[base][duration]") {
    const auto check = [](int64_t ns, std::string_view want) {
        CHECK(base::format_go_duration_ns(ns) == want);
    };
    check(0, "0s");
    check(999, "999ns");
    check(1500, "1.5µs");
    check(999'999, "999.999µs");
    check(1'500'000, "1.5ms");
    check(-1'500'000, "-1.5ms");
    check(1'000'000'000, "1s");
    check(61'500'000'000, "1m1.5s");
    check(3'600'000'000'000, "1h0m0s");
    check(3'723'500'000'000, "1h2m3.5s");
    check(INT64_MIN, "-2562047h47m16.854775808s");
}

TEST_CASE("sizes parse and print as Prometheus does", "[base][byte_size]") {
    const auto check = [](std::string_view text, int64_t want, std::string_view printed) {
        CAPTURE(text);
        const auto parsed = base::parse_byte_size(text);
        REQUIRE(parsed.has_value());
        CHECK(parsed.value() == want);
        CHECK(base::format_byte_size(want) == printed);
    };
    check("0", 0, "0B");
    check("0B", 0, "0B");
    check("1023B", 1023, "1023B");
    check("512MB", 536'870'912, "512MiB");
    check("512MiB", 536'870'912, "512MiB");
    check("1.5GB", 1'610'612'736, "1GiB512MiB");
    check("1GB512MB", 1'610'612'736, "1GiB512MiB");
    check("7EB", 7LL << 60, "7EiB");
    for (const std::string_view text :
         {"", "1", "MB", "-1MB", "1 MB", "1mb", "8EB", "1XB", "1..5MB"}) {
        CAPTURE(text);
        CHECK(base::parse_byte_size(text).has_error());
    }
}
