// Answers of queries as points by series and time, to compare.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <utility>

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

}  // namespace test_query
