#include "scrape/schedule.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/checksum.h"

namespace scrape {

uint64_t offset_seed(std::string_view host_name, const model::Labels& external_labels) {
    return base::fnv1a64(std::string(host_name) + external_labels.to_string());
}

int64_t phase_ns(model::TargetId id,
                 uint64_t seed,
                 std::chrono::milliseconds interval,
                 std::chrono::milliseconds grid) {
    const auto interval_ns = static_cast<uint64_t>(std::chrono::nanoseconds(interval).count());
    const auto grid_ns = static_cast<uint64_t>(std::chrono::nanoseconds(grid).count());
    uint64_t phase = (id ^ seed) % interval_ns;
    if (grid_ns > 0 && grid_ns < interval_ns) {
        phase -= phase % grid_ns;
    }
    return static_cast<int64_t>(phase);
}

int64_t phase_ns(const model::Target& target, uint64_t seed, std::chrono::milliseconds grid) {
    const int64_t interval_ns = std::chrono::nanoseconds(target.interval).count();
    const int64_t slots = std::max<int64_t>(target.slots, 1);
    const int64_t behind = interval_ns / slots * (target.slot % slots);
    return (phase_ns(target.id, seed, target.interval, grid) + behind) % interval_ns;
}

int64_t next_due_ns(int64_t now_ns, int64_t interval_ns, int64_t phase_ns) {
    const int64_t since = (now_ns - phase_ns) % interval_ns;
    return now_ns - (since < 0 ? since + interval_ns : since) + interval_ns;
}

std::optional<base::Duration> FirstScrapes::reserve(base::SteadyTime now, base::Duration longest) {
    constexpr int64_t kApartNs = 1'000'000'000 / kFirstScrapesPerSecond;
    const int64_t now_ns = now.time_since_epoch().count();
    int64_t next = next_ns_.load(std::memory_order_relaxed);
    int64_t taken = 0;
    do {
        taken = std::max(next, now_ns);
        if (taken - now_ns >= longest.count()) {
            return std::nullopt;
        }
    } while (!next_ns_.compare_exchange_weak(next, taken + kApartNs, std::memory_order_relaxed));
    return base::Duration(taken - now_ns);
}

int64_t TimeAligner::align_ms(int64_t now_ns, std::chrono::milliseconds interval) {
    constexpr int64_t kNsPerMs = 1'000'000;
    const int64_t interval_ns = std::chrono::nanoseconds(interval).count();
    if (adjust_ && ideal_ns_ != 0) {
        const int64_t rounds = (now_ns - ideal_ns_ + interval_ns / 2) / interval_ns;
        const int64_t ideal = ideal_ns_ + rounds * interval_ns;
        const int64_t tolerance = std::min<int64_t>(interval_ns / 100, tolerance_.count());
        if (rounds > 0 && std::abs(now_ns - ideal) <= tolerance) {
            ideal_ns_ = ideal;
            return ideal / kNsPerMs;
        }
    }
    ideal_ns_ = now_ns;
    return now_ns / kNsPerMs;
}

}  // namespace scrape
