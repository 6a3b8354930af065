#include "test/sim/trace.h"

#include <bit>
#include <cstdio>

namespace sim {

Trace::Trace(size_t kept, bool echo) : ring_(kept == 0 ? 1 : kept), echo_(echo) {}

void Trace::add(Time at,
                ProcessId process,
                TraceWord what,
                std::array<uint64_t, kNumbers> numbers) {
    // One multiplication a number: the hash is computed at every step.
    uint64_t hash = hash_ ^ what.hash() ^ static_cast<uint64_t>(at.count());
    hash = std::rotl(hash, 23) * 0x9e3779b97f4a7c15 + process;
    for (const uint64_t number : numbers) {
        hash = (std::rotl(hash, 29) ^ number) * 0x9e3779b97f4a7c15;
    }
    hash_ = hash;
    Event& slot = ring_[count_ % ring_.size()];
    slot = {.at = at, .process = process, .what = what.text(), .numbers = numbers};
    ++count_;
    if (echo_) {
        std::puts(line(slot).c_str());
    }
}

std::string Trace::line(const Event& event) {
    std::array<char, 192> out{};
    const auto ns = static_cast<long long>(event.at.count());
    std::array<char, 16> who{};
    if (event.process == kNoProcess) {
        std::snprintf(who.data(), who.size(), "world");
    } else {
        std::snprintf(who.data(), who.size(), "p%u", event.process);
    }
    std::snprintf(out.data(),
                  out.size(),
                  "%6lld.%06lld  %-6s %-22s %llu %llu %llu %llu",
                  ns / 1'000'000'000,
                  ns / 1'000 % 1'000'000,
                  who.data(),
                  event.what,
                  static_cast<unsigned long long>(event.numbers[0]),
                  static_cast<unsigned long long>(event.numbers[1]),
                  static_cast<unsigned long long>(event.numbers[2]),
                  static_cast<unsigned long long>(event.numbers[3]));
    return out.data();
}

std::string Trace::text() const {
    std::string out;
    const uint64_t kept = count_ < ring_.size() ? count_ : ring_.size();
    for (uint64_t at = count_ - kept; at < count_; ++at) {
        out += line(ring_[at % ring_.size()]);
        out += '\n';
    }
    return out;
}

}  // namespace sim
