// The seed of a property test: from SKEIN_SEED when set, else a fixed one; shown when a check
// fails.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/random.h"

namespace test_support {

// The seed to use. Print it: const auto seed = test_seed(); CAPTURE(seed);
[[nodiscard]] inline uint64_t test_seed(uint64_t fallback = 20260102) {
    const char* const text = std::getenv("SKEIN_SEED");  // NOLINT(concurrency-mt-unsafe)
    return text != nullptr ? std::strtoull(text, nullptr, 10) : fallback;
}

// `count` random bytes.
[[nodiscard]] inline std::string random_bytes(base::Random& random, size_t count) {
    std::string out(count, '\0');
    random.bytes({reinterpret_cast<uint8_t*>(out.data()), count});
    return out;
}

// A number whose length in bits is evenly spread: small ones are as likely as large ones.
[[nodiscard]] inline uint64_t random_magnitude(base::Random& random) {
    const uint64_t bits = random.below(65);
    return bits == 0 ? 0 : random.u64() >> (64 - bits);
}

}  // namespace test_support
