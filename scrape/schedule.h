// When a target is scraped, and what time its samples get.
// source: Prometheus, scrape offsets and timestamp alignment
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "model/labels.h"
#include "model/target.h"
#include "scrape/options.h"

namespace scrape {

// Spreads targets differently on hosts and replicas that do not share external labels.
[[nodiscard]] uint64_t offset_seed(std::string_view host_name,
                                   const model::Labels& external_labels);

// A target's moment within its interval, in nanoseconds: the same after every restart, floored to
// the grid so that scrapes share wake-ups.
[[nodiscard]] int64_t phase_ns(model::TargetId id,
                               uint64_t seed,
                               std::chrono::milliseconds interval,
                               std::chrono::milliseconds grid);

// The same with the place of this node among those that scrape the target.
[[nodiscard]] int64_t phase_ns(const model::Target& target,
                               uint64_t seed,
                               std::chrono::milliseconds grid);

// The first moment after `now` that is `phase` behind a multiple of `interval`; all nanoseconds of
// wall time.
[[nodiscard]] int64_t next_due_ns(int64_t now_ns, int64_t interval_ns, int64_t phase_ns);

// Spreads the first scrapes of targets that a node is given all at once.
//   threads  any
class FirstScrapes {
  public:
    static constexpr int64_t kFirstScrapesPerSecond = 200;

    // Takes the next free moment.
    //   returns  how long until then; nullopt: it would not come before `longest` is over, and none
    //            was taken
    [[nodiscard]] std::optional<base::Duration> reserve(base::SteadyTime now,
                                                        base::Duration longest);

  private:
    std::atomic<int64_t> next_ns_{0};  // steady time
};

// Snaps scrape times to an exact rhythm, so that timestamps compress to nothing.
class TimeAligner {
  public:
    explicit TimeAligner(const EngineOptions& engine)
        : adjust_(engine.adjust_timestamps), tolerance_(engine.timestamp_tolerance) {}

    // The time in milliseconds for a scrape that starts now. Within min(interval / 100, tolerance)
    // of the rhythm that an earlier scrape began it is the rhythm's, otherwise now begins a new
    // one.
    [[nodiscard]] int64_t align_ms(int64_t now_ns, std::chrono::milliseconds interval);

  private:
    bool adjust_;
    std::chrono::nanoseconds tolerance_;
    int64_t ideal_ns_ = 0;  // 0: none yet
};

}  // namespace scrape
