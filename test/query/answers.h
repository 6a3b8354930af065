// Answers of queries as points by series and time, to compare.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "base/result.h"
#include "query/value.h"

namespace test_query {

using Points = std::map<std::pair<std::string, int64_t>, double>;

// The floats of a vector or matrix.
[[nodiscard]] inline Points points_of(const query::Value& value) {
    Points points;
    if (const auto* vector = std::get_if<query::VectorValue>(&value)) {
        for (const auto& sample : *vector) {
            points[{sample.labels.to_string(), sample.t}] = sample.v;
        }
    }
    if (const auto* matrix = std::get_if<query::MatrixValue>(&value)) {
        for (const auto& series : *matrix) {
            for (const auto& point : series.floats) {
                points[{series.labels.to_string(), point.t}] = point.v;
            }
        }
    }
    return points;
}

// Equal, or apart by that much of the larger one; NaN equals NaN.
[[nodiscard]] inline bool close(double a, double b, double relative) {
    if (std::isnan(a) || std::isnan(b)) {
        return std::isnan(a) && std::isnan(b);
    }
    return a == b || std::fabs(a - b) <= relative * std::max(std::fabs(a), std::fabs(b));
}

// Both fail, or both have the same points, to 1e-12 of the larger one, and the same
// warnings and infos.
inline void check_same(const base::Result<query::QueryResult>& want,
                       const base::Result<query::QueryResult>& got) {
    if (!want || !got) {
        INFO((want ? "" : want.error().message()) << " | " << (got ? "" : got.error().message()));
        REQUIRE(want.has_value() == got.has_value());
        CHECK(want.error().message() == got.error().message());
        return;
    }
    const Points wanted = points_of(want.value().value);
    const Points points = points_of(got.value().value);
    REQUIRE(points.size() == wanted.size());
    for (const auto& [key, value] : wanted) {
        CAPTURE(key.first, key.second, value);
        const auto found = points.find(key);
        REQUIRE(found != points.end());
        CAPTURE(found->second);
        REQUIRE(close(found->second, value, 1e-12));
    }
    CHECK(want.value().warnings == got.value().warnings);
    CHECK(want.value().infos == got.value().infos);
}

}  // namespace test_query
