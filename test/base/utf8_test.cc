#include "base/utf8.h"

#include <catch2/catch.hpp>

#include "base/random.h"
#include "base/secret.h"

TEST_CASE("UTF-8 is told from what only looks like it", "[base][utf8]") {
    const auto check = [](std::string_view text, bool want) {
        CAPTURE(text);
        CHECK(base::is_valid_utf8(text) == want);
        // Behind a prefix of every length, so that the eight-byte steps meet it at every place.
        for (size_t prefix = 1; prefix < 17; ++prefix) {
            CHECK(base::is_valid_utf8(std::string(prefix, 'a') + std::string(text)) == want);
            CHECK(base::is_valid_utf8(std::string(text) + std::string(prefix, 'a')) == want);
        }
    };
    check("", true);
    check("plain", true);
    check(std::string_view("a\0b", 3), true);
    check("ä€😀", true);
    check("\xf4\x8f\xbf\xbf", true);   // U+10FFFF
    check("\xf4\x90\x80\x80", false);  // beyond
    check("\xed\x9f\xbf", true);       // U+D7FF
    check("\xed\xa0\x80", false);      // a surrogate
    check("\xc0\x80", false);          // overlong
    check("\xe0\x80\x80", false);
    check("\xf0\x80\x80\x80", false);
    check("\x80", false);
    check("\xff", false);
    check("\xc3", false);
    check("\xe2\x82", false);
    check("\xc3(", false);
    CHECK(base::utf8_length("€x") == 3);
    CHECK(base::utf8_length("\xe2\x82") == 0);
    CHECK(base::to_valid_utf8("a\xff\xe2\x82ä") == "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdä");
}

TEST_CASE("the same seed gives the same numbers, and bounds are kept", "[base][random]") {
    base::SeededRandom one(7);
    base::SeededRandom two(7);
    base::SeededRandom other(8);
    CHECK(one.u64() == two.u64());
    CHECK(one.u64() != other.u64());
    uint64_t seen = 0;
    for (int i = 0; i < 1000; ++i) {
        const uint64_t number = one.below(5);
        REQUIRE(number < 5);
        seen |= uint64_t{1} << number;
        const double part = one.unit();
        REQUIRE((part >= 0 && part < 1));
    }
    CHECK(seen == 31);
    CHECK(one.below(1) == 0);
    std::array<uint8_t, 13> bytes{};
    one.bytes(bytes);
    CHECK(bytes != std::array<uint8_t, 13>{});
    base::SystemRandom system;
    CHECK(system.u64() != system.u64());
}

TEST_CASE("secrets compare by value and are shown only on demand", "[base][secret]") {
    const base::Secret secret("hunter2");
    CHECK((secret == base::Secret("hunter2")));
    CHECK_FALSE((secret == base::Secret("hunter3")));
    CHECK_FALSE((secret == base::Secret("hunter")));
    CHECK(secret.reveal() == "hunter2");
}
