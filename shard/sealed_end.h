// One end of a call that lasts, sealed where the cluster has a key: what both ends' openings have
// to do with messages. docs/protocol.md, Sealed calls
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/rpc/duplex.h"
#include "base/secret.h"
#include "base/sync.h"
#include "shard/seal.h"

namespace shard {

// Bytes of messages that wait for the other end's opening.
inline constexpr size_t kUnsealedBytesMax = size_t{16} << 20;

// Stands between who sends and his base::rpc::Duplex, and between what comes and who hears it.
//   threads  any; receive() one
class SealedEnd {
  public:
    // key     empty: nothing is sealed
    // random  fit for nonces; only used here
    SealedEnd(base::Secret key, SealSide side, base::Random& random);

    // Where messages go. The caller's opening goes first.
    //   to  borrowed until detach(), or the end
    void attach(base::rpc::Duplex& to);
    // Nothing is sent any more: the call is about to go.
    void detach();

    // Seals and queues it, or keeps it until it can be sealed. false: it is dropped, as by
    // Duplex::send(), or because more than kUnsealedBytesMax are kept
    [[nodiscard]] bool send(std::string message);
    // What came, without its seal; nothing: it was the other end's opening.
    //   errors  kPermission: the call is to be ended
    [[nodiscard]] base::Result<std::optional<std::string>> receive(std::string message);

  private:
    [[nodiscard]] bool say(std::string message) REQUIRES_LOCK(mutex_);
    void send_kept() REQUIRES_LOCK(mutex_);

    const base::Secret key_;
    const SealSide side_;
    const SealHandshake handshake_;
    std::optional<Unsealer> unsealer_;  // the listener's

    base::Mutex mutex_;
    base::rpc::Duplex* to_ GUARDED_BY(mutex_) = nullptr;
    std::optional<Sealer> sealer_ GUARDED_BY(mutex_);
    std::vector<std::string> kept_ GUARDED_BY(mutex_);
    size_t kept_bytes_ GUARDED_BY(mutex_) = 0;
    bool left_ GUARDED_BY(mutex_) = false;
};

}  // namespace shard
