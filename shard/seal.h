// What keeps strangers from speaking where there are no certificates: messages of a call are sealed
// with a key that all nodes share (--cluster.key-file). Sealed, not hidden: who listens can read.
// docs/protocol.md, Sealed calls
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/checksum.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace shard {

inline constexpr size_t kSealKeyBytesMin = 16;
// That a seal adds to a message.
inline constexpr size_t kSealBytes = sizeof(uint64_t) + sizeof(base::Sha256);

enum class SealSide : uint8_t { kCaller, kCalled };

// Seals what one end sends, one message after another. Copyable; only one copy may be used.
class Sealer {
  public:
    explicit Sealer(const base::Sha256& key) : key_(key) {}

    [[nodiscard]] std::string seal(std::string message);

  private:
    base::Sha256 key_;
    uint64_t sequence_ = 0;
};

// Opens what the other end sealed.
class Unsealer {
  public:
    explicit Unsealer(const base::Sha256& key) : key_(key) {}

    // The message without its seal. Some may be missing.
    //   errors  kPermission: not sealed by the other end, for this call, or not after those before
    [[nodiscard]] base::Result<std::string> unseal(std::string message);

  private:
    base::Sha256 key_;
    uint64_t sequence_ = 0;
};

struct Seals {
    Sealer sealer;
    Unsealer unsealer;
};

// How both ends of a call agree on keys that are good for this call only: each sends first a number
// drawn at random. The keys differ by direction, so that nothing can be sent back to its sender.
class SealHandshake {
  public:
    // random  fit for nonces: base::SystemRandom
    SealHandshake(SealSide side, base::Random& random);

    // What this end sends first.
    [[nodiscard]] std::string opening() const;
    // errors  kPermission: `first`, the other end's, is no opening: it has no key
    [[nodiscard]] base::Result<Seals> agree(const base::Secret& key, std::string_view first) const;

  private:
    const SealSide side_;
    std::array<uint8_t, 32> nonce_{};
};

// For those who have no key, and are spoken to by who has.
[[nodiscard]] bool is_seal_opening(std::string_view first);

// errors  kInvalid: a key that is too short
[[nodiscard]] base::Status check_seal_key(const base::Secret& key);

}  // namespace shard
