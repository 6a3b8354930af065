#include "shard/types.h"

#include <algorithm>
#include <cmath>

namespace shard {

namespace {

constexpr double kClassesPerDoubling = 4;

}  // namespace

WeightClass weight_class(uint64_t series) {
    if (series == 0) {
        return 0;
    }
    const double octaves = std::log2(static_cast<double>(series));
    const double number = 1 + std::floor(octaves * kClassesPerDoubling + 0.5);
    return static_cast<WeightClass>(std::clamp(number, 1.0, 255.0));
}

uint64_t class_series(WeightClass weight) {
    if (weight == 0) {
        return 0;
    }
    return static_cast<uint64_t>(std::exp2((weight - 1) / kClassesPerDoubling) + 0.5);
}

}  // namespace shard
