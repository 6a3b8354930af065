// Random series over several holders, and random queries of them, for tests of queries over nodes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/chunk.h"
#include "model/labels.h"

namespace test_query {

// Between these times (ms) a query finds samples before and after.
inline constexpr int64_t kSpreadStart = 600'000;
inline constexpr int64_t kSpreadEnd = 1'200'000;

// Adds samples to a series of one holder.
using AddSamples = std::function<void(
    size_t holder, const model::Labels& labels, const std::vector<model::ChunkSample>& samples)>;

// Counters, gauges and gauges of which no two values are alike; every series goes to one holder,
// or to several, whole or in parts.
void spread_series(size_t holders, base::Random& random, const AddSamples& add);

// Mostly aggregations; those whose answer depends on the order of equal values are left out.
[[nodiscard]] std::string random_aggregating_query(base::Random& random);

}  // namespace test_query
