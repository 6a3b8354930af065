#include "shard/raft/inbound.h"

#include <utility>
#include <variant>

namespace shard::raft {

using base::Code;
using base::fail;
using base::Result;
using base::Status;
using base::success;

Status Inbound::check(const Envelope& envelope) const {
    const Message& message = envelope.message;
    if (envelope.cluster != cluster_) {
        return fail(Code::kPermission,
                    "this member belongs to cluster",
                    cluster_id_text(cluster_) + ", who speaks to it to cluster",
                    cluster_id_text(envelope.cluster) +
                        ": correct --cluster.join of the one that is in the wrong cluster, and run "
                        "\"skein cluster reset\" there to make it forget");
    }
    if (message.to != self_) {
        return fail(Code::kNotFound,
                    "that member is gone: its disk was lost, and this is member",
                    self_,
                    "not",
                    message.to);
    }
    if (from_ != kNobody && message.from != from_) {
        return fail(Code::kNotFound,
                    "that member is gone: a call with member",
                    from_,
                    "has a message from",
                    message.from);
    }
    return success();
}

Result<std::optional<Message>> Inbound::take(base::ByteView bytes) {
    TRY(auto envelope, decode_envelope(bytes));
    TRY(check(envelope));
    from_ = envelope.message.from;
    if (envelope.sequence <= sequence_) {
        return std::optional<Message>();
    }
    sequence_ = envelope.sequence;
    return std::optional<Message>(std::move(envelope.message));
}

bool is_bulk(const MessageBody& body) {
    const auto* append = std::get_if<AppendRequest>(&body);
    return (append != nullptr && !append->entries.empty()) ||
           std::holds_alternative<SnapshotChunk>(body);
}

// --- the door ------------------------------------------------------------------------------------

bool Door::enter() {
    const base::MutexLock lock(mutex_);
    if (closed_) {
        return false;
    }
    ++inside_;
    return true;
}

void Door::leave() {
    const base::MutexLock lock(mutex_);
    if (--inside_ == 0) {
        left_.notify_all();
    }
}

void Door::close() {
    const base::MutexLock lock(mutex_);
    closed_ = true;
    while (inside_ > 0) {
        left_.wait(mutex_);
    }
}

}  // namespace shard::raft
