// What happened in a simulated world: the last events for a person to read, and a hash over all of
// them, by which two runs are compared.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace sim {

using Time = base::Duration;  // since the world began
using ProcessId = uint32_t;   // 0, 1, …, in the order they were added

inline constexpr ProcessId kNoProcess = UINT32_MAX;  // the world itself

// The constant name of a kind of event, with a hash that is the same in every build.
class TraceWord {
  public:
    consteval TraceWord(const char* text) : text_(text), hash_(0xcbf29ce484222325) {  // NOLINT
        for (const char* at = text; *at != '\0'; ++at) {
            hash_ = (hash_ ^ static_cast<uint8_t>(*at)) * 0x100000001b3;
        }
    }

    [[nodiscard]] const char* text() const { return text_; }

    [[nodiscard]] uint64_t hash() const { return hash_; }

  private:
    const char* text_;
    uint64_t hash_;
};

// A ring of the newest events.
class Trace {
  public:
    static constexpr size_t kNumbers = 4;

    // kept   events to remember; at least 1
    // echo   every event goes to standard output as well
    Trace(size_t kept, bool echo);

    void add(Time at, ProcessId process, TraceWord what, std::array<uint64_t, kNumbers> numbers);

    // Over all events since the beginning.
    [[nodiscard]] uint64_t hash() const { return hash_; }

    // The remembered events, oldest first, one a line.
    [[nodiscard]] std::string text() const;

  private:
    struct Event {
        Time at{};
        ProcessId process = kNoProcess;
        const char* what = "";
        std::array<uint64_t, kNumbers> numbers{};
    };

    [[nodiscard]] static std::string line(const Event& event);

    std::vector<Event> ring_;
    uint64_t count_ = 0;
    uint64_t hash_ = 0;
    bool echo_;
};

// Spreads the bits of a number (splitmix64's last steps).
[[nodiscard]] constexpr uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

}  // namespace sim
