#include "tsdb/block/ulid.h"

#include <catch2/catch.hpp>

using tsdb::block::Ulid;

TEST_CASE("ulid writes and reads the names that Prometheus gives blocks", "[tsdb][block]") {
    const auto check = [](std::string_view text, int64_t time) {
        const auto ulid = Ulid::parse(text);
        REQUIRE(ulid.has_value());
        CHECK(ulid->text() == text);
        CHECK(ulid->time_ms() == time);
    };
    check("00000000000000000000000000", 0);
    check("7ZZZZZZZZZZZZZZZZZZZZZZZZZ", (int64_t{1} << 48) - 1);
    check("01ARZ3NDEKTSV4RRFFQ69G5FAV", 1469922850259);
}

TEST_CASE("ulid refuses what is no name of a block", "[tsdb][block]") {
    for (const char* text : {"",
                             "wal",
                             "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
                             "01ARZ3NDEKTSV4RRFFQ69G5FA",
                             "01arz3ndektsv4rrffq69g5fav",
                             "01ARZ3NDEKTSV4RRFFQ69G5FAU",
                             "01ARZ3NDEKTSV4RRFFQ69G5FAV.tmp"}) {
        CAPTURE(text);
        CHECK_FALSE(Ulid::parse(text).has_value());
    }
}

TEST_CASE("ulid sorts by time", "[tsdb][block]") {
    base::SeededRandom random(1);
    const Ulid earlier = Ulid::make(1'700'000'000'000, random);
    const Ulid later = Ulid::make(1'700'000'000'001, random);
    CHECK(earlier < later);
    CHECK(earlier.text() < later.text());
    CHECK(earlier.time_ms() == 1'700'000'000'000);
    CHECK(Ulid::parse(later.text()) == later);
}
