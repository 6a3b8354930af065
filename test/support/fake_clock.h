// A clock that stands still until told: wall and steady time move together, or apart.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace test_support {

// Threads: any.
class FakeClock final : public base::Clock {
  public:
    // 2026-01-02T03:04:05.678Z unless told otherwise.
    static constexpr int64_t kStartMs = 1'767'323'045'678;

    explicit FakeClock(int64_t start_ms = kStartMs) : wall_ns_(start_ms * 1'000'000) {}

    [[nodiscard]] int64_t now_ns() const override { return wall_ns_; }

    [[nodiscard]] base::SteadyTime steady() const override {
        return base::SteadyTime(base::Duration(steady_ns_));
    }

    void advance(base::Duration by) {
        wall_ns_ += by.count();
        steady_ns_ += by.count();
    }

    // Sets the wall clock alone, as an administrator or NTP would.
    void set_wall_ms(int64_t unix_ms) { wall_ns_ = unix_ms * 1'000'000; }

  private:
    std::atomic<int64_t> wall_ns_;
    std::atomic<int64_t> steady_ns_{1'000'000'000};
};

}  // namespace test_support
