// What may come over a call between members, and how it gets to the driver's thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/sync.h"
#include "shard/raft/wire.h"

namespace shard::raft {

// The other end's messages of one call, one after another: of this cluster, for this member, all
// from the same one. docs/protocol.md, skein.v1.Raft
//   threads  one at a time
class Inbound {
  public:
    // from  who the call was opened to; kNobody: who speaks first
    Inbound(const ClusterId& cluster, MemberId self, MemberId from)
        : cluster_(cluster), self_(self), from_(from) {}

    // Nothing: it is older than what came before, or the same, and passed over.
    //   errors  the call is to be closed with it; kPermission: another cluster; kNotFound: for
    //           another member, or from one; those of decode_envelope()
    [[nodiscard]] base::Result<std::optional<Message>> take(base::ByteView bytes);

    [[nodiscard]] MemberId from() const { return from_; }

  private:
    [[nodiscard]] base::Status check(const Envelope& envelope) const;

    const ClusterId cluster_;
    const MemberId self_;
    MemberId from_;
    uint64_t sequence_ = 0;
};

// Entries and parts of snapshots: large, and repeated by the leader when they are lost.
[[nodiscard]] bool is_bulk(const MessageBody& body);

// Lets calls of other threads in until it is closed, and knows when all have left.
//   threads  any
class Door {
  public:
    // Runs `call`, unless it is closed. returns  whether it ran
    template <class Call>
    bool pass(Call&& call) EXCLUDES_LOCK(mutex_) {
        if (!enter()) {
            return false;
        }
        call();
        leave();
        return true;
    }

    // Lets nobody in any more, and waits until all have left. Not from within.
    void close() EXCLUDES_LOCK(mutex_);

  private:
    [[nodiscard]] bool enter() EXCLUDES_LOCK(mutex_);
    void leave() EXCLUDES_LOCK(mutex_);

    base::Mutex mutex_;
    base::CondVar left_;
    size_t inside_ GUARDED_BY(mutex_) = 0;
    bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace shard::raft
