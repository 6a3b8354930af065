// Samples and the two NaNs that mean something.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace model {

// Move these bits as integers: a signalling NaN must not pass a conversion that quiets it.
inline constexpr uint64_t kStaleNanBits = 0x7ff0000000000002;
inline constexpr uint64_t kNormalNanBits = 0x7ff8000000000001;
inline const double kStaleNan = std::bit_cast<double>(kStaleNanBits);
inline const double kNormalNan = std::bit_cast<double>(kNormalNanBits);

[[nodiscard]] inline bool is_stale(double value) {
    return std::bit_cast<uint64_t>(value) == kStaleNanBits;
}

// t: milliseconds since the Unix epoch.
struct FloatSample {
    int64_t t = 0;
    double v = 0;
};

inline constexpr int64_t kMinTime = INT64_MIN;
inline constexpr int64_t kMaxTime = INT64_MAX;

}  // namespace model
