// Randomness as a port: the system's in the product, seeded in tests and simulations.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace base {

class Random {
  public:
    virtual ~Random() = default;

    [[nodiscard]] virtual uint64_t u64() = 0;

    // Evenly from 0 .. bound - 1; bound >= 1.
    [[nodiscard]] uint64_t below(uint64_t bound);
    // Evenly from [0, 1).
    [[nodiscard]] double unit();
    void bytes(std::span<uint8_t> to);
};

// The kernel's, fit for ids and nonces. Threads: any.
class SystemRandom final : public Random {
  public:
    [[nodiscard]] uint64_t u64() override;
};

// xoshiro256**: the same seed gives the same numbers on every machine. Not thread-safe, not for
// secrets.
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(uint64_t seed);
    [[nodiscard]] uint64_t u64() override;

  private:
    std::array<uint64_t, 4> state_{};
};

}  // namespace base
