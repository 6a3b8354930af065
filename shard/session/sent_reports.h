// When reports of a session were sent, so that a lease can be counted from then.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace shard {

//   threads  one
class SentReports {
  public:
    static constexpr size_t kRemembered = 64;

    // A session begins: Hello is its report 0. What was sent before is forgotten.
    void begin(base::SteadyTime hello) { sent_.assign(1, {0, hello}); }

    // One is sent now.
    //   expects  begin() was called
    //   returns  its number
    [[nodiscard]] uint64_t add(base::SteadyTime now) {
        const uint64_t number = sent_.back().first + 1;
        sent_.emplace_back(number, now);
        if (sent_.size() > kRemembered) {
            sent_.pop_front();
        }
        return number;
    }

    // Forgets those before it. Nothing for one that is forgotten, or was never sent: a lease may
    // end early, never late.
    [[nodiscard]] std::optional<base::SteadyTime> when(uint64_t number) {
        while (sent_.size() > 1 && sent_.front().first < number) {
            sent_.pop_front();
        }
        if (sent_.empty() || sent_.front().first != number) {
            return std::nullopt;
        }
        return sent_.front().second;
    }

  private:
    std::deque<std::pair<uint64_t, base::SteadyTime>> sent_;  // by number
};

}  // namespace shard
