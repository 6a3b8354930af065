#include "shard/types.h"

#include <cmath>

#include <catch2/catch.hpp>

using namespace shard;

TEST_CASE("a weight class tells a target's series to an eighth of a doubling", "[shard]") {
    for (uint64_t series = 1; series < 100'000'000; series += 1 + series / 7) {
        CAPTURE(series);
        const double back = static_cast<double>(class_series(weight_class(series)));
        CHECK(std::abs(std::log2(back / static_cast<double>(series))) < (series < 32 ? 0.2 : 0.13));
        CHECK(weight_class(series) <= weight_class(series + series / 2 + 1));
    }
}

TEST_CASE("what was not measured has the class 0", "[shard]") {
    CHECK(weight_class(0) == 0);
    CHECK(class_series(0) == 0);
    CHECK(weight_class(1) == 1);
    CHECK(class_series(1) == 1);
    CHECK(weight_class(UINT64_MAX) == 255);
}
