#include "bench/load/farm/value.h"

#include "bench/load/farm/number.h"

namespace bench {
namespace {

// Gauges walk from one anchor to the next in so many ticks, with noise of 1/16 of their width.
constexpr uint64_t kAnchorTicks = 16;
// Not an exact decimal, so that sums have 16 or 17 digits, as sums of measured times do.
constexpr double kSumFactor = 0.031830988618379;

// A number in [0, width), from the upper half of a mixed key.
int64_t below(uint64_t key, uint32_t width) {
    return static_cast<int64_t>(((mix(key) >> 32) * width) >> 32);
}

int64_t counter(const Slot& slot, int64_t uptime_ms) {
    const uint64_t tick = static_cast<uint64_t>(uptime_ms) / slot.tick_ms;
    return slot.base + static_cast<int64_t>(tick * slot.step) + below(slot.key ^ tick, slot.step);
}

int64_t gauge(const Slot& slot, int64_t now_ms) {
    const uint64_t tick = static_cast<uint64_t>(now_ms) / slot.tick_ms;
    const uint64_t anchor = tick / kAnchorTicks;
    const auto along = static_cast<int64_t>(tick % kAnchorTicks);
    const uint32_t walk = slot.step - slot.step / 16;
    const int64_t from = below(slot.key ^ (anchor << 1 | 1), walk);
    const int64_t to = below(slot.key ^ ((anchor + 1) << 1 | 1), walk);
    return slot.base + from + (to - from) * along / static_cast<int64_t>(kAnchorTicks) +
           below(slot.key ^ (tick << 1), slot.step / 16 + 1);
}

int64_t bucket(const Slot& slot, int64_t uptime_ms) {
    const auto count = static_cast<unsigned __int128>(counter(slot, uptime_ms));
    return static_cast<int64_t>(count * slot.share >> 32);
}

}  // namespace

char* write_value(char* out, const Slot& slot, const Moment& moment) {
    switch (slot.shape) {
        case Shape::kFixed:
            return write_decimal(out, slot.base, slot.decimals);
        case Shape::kCounter:
            return write_decimal(out, counter(slot, moment.uptime_ms), slot.decimals);
        case Shape::kGauge:
            return write_decimal(out, gauge(slot, moment.now_ms), slot.decimals);
        case Shape::kBucket:
            return write_decimal(out, bucket(slot, moment.uptime_ms), 0);
        case Shape::kSum:
            return write_double(out,
                                static_cast<double>(counter(slot, moment.uptime_ms)) * kSumFactor);
        case Shape::kStart:
            return write_decimal(out, (moment.now_ms - moment.uptime_ms) / 10, 2);
    }
    return out;
}

}  // namespace bench
