// Changes of who belongs to the group, one member at a time (Raft 4).
#include "shard/raft/parts.h"

namespace shard::raft {

using base::Code;
using base::fail;

// The leader has committed an entry of its term, and the configuration before: without the first,
// two leaders' changes could rule side by side in majorities that do not overlap.
base::Result<Index> Core::Parts::change(const Configuration& to) {
    if (state != State::kLeader || commit < noop) {
        return fail(Code::kUnavailable, "not the leader, or not yet");
    }
    if (transfer) {
        return fail(Code::kUnavailable, "leadership is being transferred");
    }
    if (configurations.newest_index() > commit) {
        return fail(Code::kUnavailable, "the change before is not committed yet");
    }
    TRY(check_change(configurations.newest(), to));
    append_own(EntryKind::kConfiguration, encode(to));
    follow_configuration();
    count_commit();
    return log.last();
}

// A leader speaks to those who are members now, and to nobody else.
void Core::Parts::follow_configuration() {
    const Configuration& members = configurations.newest();
    std::erase_if(peers, [&](const auto& peer) { return members.find(peer.first) == nullptr; });
    for (const Member& member : members.members) {
        if (member.id != self) {
            peers.try_emplace(member.id, log.last(), now);
        }
    }
}

// Raft 4.2.2: it leads until its own removal (or the end of its vote) is committed.
void Core::Parts::leave_if_removed() {
    if (configurations.newest_index() <= commit && !configurations.newest().is_voter(self)) {
        step_down();
    }
}

}  // namespace shard::raft
