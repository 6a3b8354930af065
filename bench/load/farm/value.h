// What a synthetic series is worth at a moment: a pure function of (seed, series, time).
#pragma once

#include <cstdint>

namespace bench {

enum class Shape : uint8_t {
    kFixed,    // base, always
    kCounter,  // grows by step per tick on average, never falls while the process lives
    kGauge,    // wanders within base .. base + step
    kBucket,   // cumulative classic-histogram bucket: `share` of the counter with the same key
    kSum,      // histogram sum: the counter with the same key times an awkward factor
    kStart,    // process start time in seconds
};

// One series' value. Series of one histogram have the same key, base, step and tick.
struct Slot {
    uint64_t key = 0;      // tells this series' noise from every other's
    int64_t base = 0;      // in units of 10^-decimals
    uint32_t step = 0;     // counter: mean growth per tick; gauge: width; units of 10^-decimals
    uint32_t tick_ms = 1;  // the value stands still for so long
    uint32_t share = 0;    // kBucket: fraction in units of 2^-32
    Shape shape = Shape::kFixed;
    uint8_t decimals = 0;
};

// When a value is asked for.
struct Moment {
    int64_t now_ms = 0;     // Unix time
    int64_t uptime_ms = 0;  // since the target's process started; counters begin there
};

// A well-mixed 64-bit function of x (SplitMix64 finaliser).
[[nodiscard]] constexpr uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

// The text of the slot's value at a moment, as Go would write it; out has room for kNumberMax
// bytes. Returns the end. Threads: any.
char* write_value(char* out, const Slot& slot, const Moment& moment);

}  // namespace bench
