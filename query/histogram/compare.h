// Comparing native histograms: equality, and whether a counter was reset between two of them.
#pragma once

#include "query/histogram/buckets.h"

namespace query::histogram {

// Bit by bit, with empty buckets left out; hints do not count.
[[nodiscard]] bool equal(const FloatHistogram& a, const FloatHistogram& b);

// Whether `current` can not be a later state of the counter `previous`.
[[nodiscard]] bool detect_reset(const FloatHistogram& current, const FloatHistogram& previous);

}  // namespace query::histogram
