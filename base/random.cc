#include "base/random.h"

#include <bit>
#include <cstring>

#include <sys/random.h>

#include "base/check.h"

namespace base {

uint64_t Random::below(uint64_t bound) {
    SKEIN_CHECK(bound > 0, "nothing is below zero");
    // Lemire, "Fast Random Integer Generation in an Interval": multiply, reject the uneven rest.
    const uint64_t uneven = (0 - bound) % bound;
    while (true) {
        const auto product = static_cast<unsigned __int128>(u64()) * bound;
        if (static_cast<uint64_t>(product) >= uneven) {
            return static_cast<uint64_t>(product >> 64);
        }
    }
}

double Random::unit() {
    return static_cast<double>(u64() >> 11) * 0x1.0p-53;
}

void Random::bytes(std::span<uint8_t> to) {
    while (!to.empty()) {
        const uint64_t word = u64();
        const size_t count = to.size() < sizeof word ? to.size() : sizeof word;
        std::memcpy(to.data(), &word, count);
        to = to.subspan(count);
    }
}

uint64_t SystemRandom::u64() {
    uint64_t word = 0;
    // Up to 256 bytes never come short, and cannot fail once the kernel has booted.
    const ssize_t got = getrandom(&word, sizeof word, 0);
    SKEIN_CHECK(got == static_cast<ssize_t>(sizeof word), "getrandom gave", got, "bytes");
    return word;
}

SeededRandom::SeededRandom(uint64_t seed) {
    // splitmix64 spreads the seed, so that small and neighbouring seeds are far apart.
    for (uint64_t& word : state_) {
        seed += 0x9e3779b97f4a7c15;
        uint64_t mixed = seed;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        word = mixed ^ (mixed >> 31);
    }
}

uint64_t SeededRandom::u64() {
    auto& [a, b, c, d] = state_;
    const uint64_t result = std::rotl(b * 5, 7) * 9;
    const uint64_t shifted = b << 17;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = std::rotl(d, 45);
    return result;
}

}  // namespace base
