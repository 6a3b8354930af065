// Handing leadership to a chosen voter (Raft 3.10).
#include "shard/raft/parts.h"

namespace shard::raft {

using base::Code;
using base::fail;

base::Status Core::Parts::begin_transfer(MemberId to) {
    if (state != State::kLeader) {
        return fail(Code::kUnavailable, "not the leader");
    }
    if (to == self || !configurations.newest().is_voter(to)) {
        return fail(Code::kInvalid, "member", to, "is not another voter");
    }
    if (transfer) {
        return fail(Code::kUnavailable, "leadership is being transferred to", transfer->to);
    }
    transfer = Transfer{.to = to, .began_at = now};
    advance_transfer();
    return base::success();
}

// With each heartbeat once more: the message may have got lost.
void Core::Parts::tick_transfer(bool beaten) {
    if (transfer && now - transfer->began_at >= options.transfer_ticks_max) {
        transfer.reset();
    }
    if (beaten) {
        advance_transfer();
    }
}

void Core::Parts::advance_transfer() {
    if (!transfer) {
        return;
    }
    const auto peer = peers.find(transfer->to);
    if (peer != peers.end() && peer->second.match() == log.last()) {
        send(transfer->to, TimeoutNow{});
    }
}

}  // namespace shard::raft
