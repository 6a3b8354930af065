#include "base/number.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "base/float_format.h"
#include "test/support/seed.h"

namespace {

struct Printed {
    double value;
    std::string sample, plain, exponent, general;
};

std::string with(void (*append)(std::string&, double), double value) {
    std::string out;
    append(out, value);
    return out;
}

}  // namespace

TEST_CASE("numbers print as Prometheus prints them", "[base][float_format]") {
    const double nan = std::nan("");
    const std::vector<Printed> table{
        {0, "0", "0", "0e+00", "0"},
        {-0.0, "-0", "-0", "-0e+00", "-0"},
        {1, "1", "1", "1e+00", "1"},
        {-1.5, "-1.5", "-1.5", "-1.5e+00", "-1.5"},
        {0.1, "0.1", "0.1", "1e-01", "0.1"},
        {123456, "123456", "123456", "1.23456e+05", "123456"},
        {999999, "999999", "999999", "9.99999e+05", "999999"},
        {1e6, "1000000", "1000000", "1e+06", "1e+06"},
        {123456789, "123456789", "123456789", "1.23456789e+08", "1.23456789e+08"},
        {1e15, "1000000000000000", "1000000000000000", "1e+15", "1e+15"},
        {1e20, "100000000000000000000", "100000000000000000000", "1e+20", "1e+20"},
        {123456789012345678.0,
         "123456789012345680",
         "123456789012345680",
         "1.2345678901234568e+17",
         "1.2345678901234568e+17"},
        {0x1p60,
         "1152921504606847000",
         "1152921504606847000",
         "1.152921504606847e+18",
         "1.152921504606847e+18"},
        {1e21, "1e+21", "1000000000000000000000", "1e+21", "1e+21"},
        {1e23, "1e+23", "100000000000000000000000", "1e+23", "1e+23"},
        {1e-6, "0.000001", "0.000001", "1e-06", "1e-06"},
        {9.9e-7, "9.9e-07", "0.00000099", "9.9e-07", "9.9e-07"},
        {0.0001, "0.0001", "0.0001", "1e-04", "0.0001"},
        {0.00001, "0.00001", "0.00001", "1e-05", "1e-05"},
        {-2.5e-10, "-2.5e-10", "-0.00000000025", "-2.5e-10", "-2.5e-10"},
        {0.30000000000000004,
         "0.30000000000000004",
         "0.30000000000000004",
         "3.0000000000000004e-01",
         "0.30000000000000004"},
        {nan, "NaN", "NaN", "NaN", "NaN"},
        {HUGE_VAL, "+Inf", "+Inf", "+Inf", "+Inf"},
        {-HUGE_VAL, "-Inf", "-Inf", "-Inf", "-Inf"},
    };
    for (const Printed& row : table) {
        CAPTURE(row.value);
        CHECK(with(base::append_sample_value, row.value) == row.sample);
        CHECK(with(base::append_float_f, row.value) == row.plain);
        CHECK(with(base::append_float_e, row.value) == row.exponent);
        CHECK(with(base::append_float_g, row.value) == row.general);
    }
    CHECK(with(base::append_sample_value, 5e-324) == "5e-324");
    CHECK(with(base::append_sample_value, 1.7976931348623157e308) == "1.7976931348623157e+308");
}

TEST_CASE("every printed number reads back as the same double", "[base][float_format]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int i = 0; i < 20'000; ++i) {
        auto value = std::bit_cast<double>(random.u64());
        if (i % 3 == 0) {
            value = static_cast<double>(test_support::random_magnitude(random)) / 1000;
        }
        if (!std::isfinite(value)) {
            continue;
        }
        for (const auto append : {base::append_sample_value,
                                  base::append_float_f,
                                  base::append_float_e,
                                  base::append_float_g}) {
            const std::string text = with(append, value);
            double back = 0;
            REQUIRE(base::parse_float(text, back));
            CAPTURE(text);
            REQUIRE(std::bit_cast<uint64_t>(back) == std::bit_cast<uint64_t>(value));
        }
    }
}

TEST_CASE("fractions print as the shortest text that the library knows", "[base][float_format]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const auto check = [](double value) {
        const double magnitude = std::fabs(value);
        if (!(magnitude >= 1e-4 && magnitude < 1e15) || value == std::trunc(value)) {
            return;
        }
        std::array<char, 64> want{};
        const auto end =
            std::to_chars(want.begin(), want.end(), value, std::chars_format::fixed).ptr;
        CAPTURE(std::bit_cast<uint64_t>(value));
        REQUIRE(with(base::append_sample_value, value) == std::string(want.data(), end));
    };
    for (int i = 0; i < 20'000; ++i) {
        // Any mantissa, or one near a power of two, with an exponent of the range.
        const uint64_t exponent = 1023 - 14 + random.u64() % 65;
        const uint64_t mantissa = random.u64() & ((uint64_t{1} << 52) - 1);
        const uint64_t small = mantissa % 4096;
        for (const uint64_t bits : {mantissa, small, (uint64_t{1} << 52) - 1 - small}) {
            check(std::bit_cast<double>(bits | exponent << 52));
        }
        // A decimal and its neighbours; a quotient.
        const double decimal = static_cast<double>(random.u64() % 1'000'000'000'000'000) /
                               std::pow(10, random.u64() % 16);
        check(decimal);
        check(-std::nextafter(decimal, 0));
        check(std::nextafter(decimal, HUGE_VAL));
        check(static_cast<double>(random.u64() % 100'000) /
              static_cast<double>(1 + random.u64() % 100'000));
    }
}

TEST_CASE("timestamps print as seconds with three digits or none", "[base][float_format]") {
    const auto check = [](int64_t ms, const std::string& want) {
        std::string out;
        base::append_timestamp_ms(out, ms);
        CHECK(out == want);
    };
    check(0, "0");
    check(1000, "1");
    check(1100, "1.100");
    check(1767323045007, "1767323045.007");
    check(-500, "-0.500");
    check(-1000, "-1");
    check(INT64_MIN, "-9223372036854775.808");
    check(INT64_MAX, "9223372036854775.807");
}

TEST_CASE("floats parse in Go's syntax", "[base][number]") {
    const auto good = [](std::string_view text, double want) {
        CAPTURE(text);
        double value = 0;
        REQUIRE(base::parse_float(text, value));
        CHECK(value == want);
        CHECK(std::signbit(value) == std::signbit(want));
    };
    good("1", 1);
    good("+1", 1);
    good("-1", -1);
    good("-0", -0.0);
    good("1.", 1);
    good(".5", 0.5);
    good("-.5", -0.5);
    good("1e5", 1e5);
    good("1E+5", 1e5);
    good("0e1", 0);
    good("00012", 12);
    good("1e0000000001", 10);
    good("1e-400", 0);
    good("0.1e-1000000000", 0);
    good("123456789012345678901234567890", 1.2345678901234568e+29);
    good("9007199254740993", 9007199254740992);
    good("1e308", 1e308);
    good("1e22", 1e22);
    good("1e23", 1e23);
    good("0." + std::string(400, '0') + "1e401", 1);
    for (const std::string_view text : {"inf", "+Inf", "INFINITY", "+infinity"}) {
        good(text, HUGE_VAL);
        good("-" + std::string(text.substr(text[0] == '+' ? 1 : 0)), -HUGE_VAL);
    }
    for (const std::string_view text : {"nan", "NaN", "NAN"}) {
        double value = 0;
        REQUIRE(base::parse_float(text, value));
        CHECK(std::bit_cast<uint64_t>(value) == 0x7ff8000000000001);
    }
}

TEST_CASE("what is no float is refused and leaves the output alone", "[base][number]") {
    for (const std::string_view text :
         {"",     " 1",    "1 ",    ".",      "1e",    "1e+",  "e5", "infi", "Infinit",
          "+nan", "-NaN",  "1e309", "-1e400", "0x1p3", "1_0",  "+",  "-",    "--1",
          "+-1",  "1.2.3", "1,5",   "nan1",   "in",    "1e5.", "1d", "++inf"}) {
        CAPTURE(text);
        double value = 42;
        CHECK_FALSE(base::parse_float(text, value));
        CHECK(value == 42);
    }
}

TEST_CASE("floats parse as strtod does", "[base][number]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int i = 0; i < 50'000; ++i) {
        std::string text = std::to_string(test_support::random_magnitude(random));
        if (random.below(2) == 0) {
            text.insert(random.below(text.size() + 1), ".");
        }
        if (random.below(2) == 0) {
            text += "e" + std::to_string(static_cast<int>(random.below(80)) - 40);
        }
        CAPTURE(text);
        double value = 0;
        REQUIRE(base::parse_float(text, value));
        REQUIRE(value == std::strtod(text.c_str(), nullptr));
    }
}

TEST_CASE("whole numbers parse when they fit", "[base][number]") {
    int64_t number = 7;
    CHECK(base::parse_integer("-9223372036854775808", number));
    CHECK(number == INT64_MIN);
    CHECK(base::parse_integer("+5", number));
    CHECK(number == 5);
    CHECK_FALSE(base::parse_integer("9223372036854775808", number));
    CHECK_FALSE(base::parse_integer("+-5", number));
    CHECK_FALSE(base::parse_integer("", number));
    CHECK_FALSE(base::parse_integer("5 ", number));
    CHECK(number == 5);
    uint64_t natural = 0;
    CHECK(base::parse_natural("18446744073709551615", natural));
    CHECK(natural == UINT64_MAX);
    CHECK_FALSE(base::parse_natural("-1", natural));
}
