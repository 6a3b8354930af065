#include "query/float_points.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

namespace query {
namespace {

using Times = std::vector<int64_t>;
using Values = std::vector<double>;

// Looked at and copied in parts of `part` points.
FloatPoints points_in_parts(const Times& times, const Values& values, size_t part) {
    FloatPoints::Layout layout;
    const std::span all_times(times);
    const std::span all_values(values);
    const auto for_parts = [&](auto&& visit) {
        for (size_t i = 0; i < times.size(); i += part) {
            const size_t count = std::min(part, times.size() - i);
            visit(all_times.subspan(i, count), all_values.subspan(i, count));
        }
    };
    for_parts([&](auto t, auto v) { layout.look(t, v); });
    FloatPoints points(layout);
    for_parts([&](auto t, auto v) { points.append(t, v); });
    return points;
}

size_t bytes_of(const Times& times, const Values& values) {
    FloatPoints::Layout layout;
    layout.look(times, values);
    return layout.bytes();
}

constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
constexpr int64_t kLast = std::numeric_limits<int64_t>::max();

}  // namespace

TEST_CASE("points of an answer come back bit for bit", "[query]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto other_nan = std::bit_cast<double>(uint64_t{0x7ff0000000000002});
    const size_t part = GENERATE(1U, 2U, 3U, 100U);
    const auto check = [&](const Times& times, const Values& values) {
        CAPTURE(part, times, values);
        const FloatPoints points = points_in_parts(times, values, part);
        REQUIRE(points.size() == times.size());
        CHECK(points.empty() == times.empty());
        size_t i = 0;
        for (const FloatPoint point : points) {
            CHECK(point.t == times[i]);
            CHECK(points[i].t == times[i]);
            CHECK(std::bit_cast<uint64_t>(point.v) == std::bit_cast<uint64_t>(values[i]));
            ++i;
        }
        CHECK(i == times.size());
    };
    check({}, {});
    check({7}, {1.5});
    check({7, 9}, {1.5, 1.5});
    check({7, 9, 11}, {1.5, 1.5, 2});
    check({7, 9, 12}, {2, 1.5, 1.5});
    check({-20, -10, 0, 10}, {0, 0, 0, -0.0});
    check({-20, -10, 0, 10}, {nan, nan, other_nan, nan});
    check({-20, -10, 0, 15}, {nan, nan, nan, nan});
    check({kFirst, kLast}, {1, 2});
    check({kFirst, 0, kLast}, {1, 2, 3});
}

TEST_CASE("points of an answer take room for what differs", "[query]") {
    CHECK(bytes_of({}, {}) == 0);
    CHECK(bytes_of({5, 10, 15}, {1, 2, 3}) == 24);
    CHECK(bytes_of({5, 10, 15}, {4, 4, 4}) == 8);
    CHECK(bytes_of({5, 10, 16}, {1, 2, 3}) == 48);
    CHECK(bytes_of({5, 10, 16}, {4, 4, 4}) == 32);
    CHECK(bytes_of({5, 10, 15}, {0, -0.0, 0}) == 24);
}

}  // namespace query
