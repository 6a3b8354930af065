// Time as a port: wall time for timestamps, steady time for deadlines. Simulated in tests
// (test/support/fake_clock.h).
#pragma once

#include <chrono>
#include <cstdint>

namespace base {

using SteadyTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;

class Clock {
  public:
    virtual ~Clock() = default;

    // Wall-clock time in nanoseconds since the Unix epoch; may jump.
    [[nodiscard]] virtual int64_t now_ns() const = 0;
    // Never goes back; the base of every Deadline.
    [[nodiscard]] virtual SteadyTime steady() const = 0;

    [[nodiscard]] int64_t now_ms() const { return now_ns() / 1'000'000; }
};

// The machine's clocks. Threads: any.
class SystemClock final : public Clock {
  public:
    [[nodiscard]] int64_t now_ns() const override;
    [[nodiscard]] SteadyTime steady() const override;
};

// The moment after which work is given up. A default Deadline never passes.
class Deadline {
  public:
    Deadline() = default;

    explicit Deadline(SteadyTime at) : at_(at) {}

    [[nodiscard]] static Deadline after(const Clock& clock, Duration duration) {
        return Deadline(clock.steady() + duration);
    }

    [[nodiscard]] bool passed(SteadyTime now) const { return now >= at_; }

    [[nodiscard]] SteadyTime at() const { return at_; }

    [[nodiscard]] bool bounded() const { return at_ != SteadyTime::max(); }

    [[nodiscard]] Deadline earlier(Deadline other) const { return at_ < other.at_ ? *this : other; }

  private:
    SteadyTime at_ = SteadyTime::max();
};

}  // namespace base
