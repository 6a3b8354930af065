#include "shard/raft/journal.h"

#include <string>

namespace shard::raft {

namespace {

// The members of one role: "17 (a:1), 18 (b:1)".
std::string listed(const Configuration& configuration, Role role) {
    std::string text;
    for (const Member& member : configuration.members) {
        if (member.role == role) {
            text.append(text.empty() ? "" : ", ").append(std::to_string(member.id));
            text.append(" (").append(member.address).append(")");
        }
    }
    return text;
}

}  // namespace

void Journal::started(const Core& core, const Stored& stored) {
    log_.info("raft member started",
              "member",
              core.self(),
              "term",
              core.term(),
              "snapshot",
              stored.snapshot ? stored.snapshot->index : 0,
              "log_begin",
              stored.log_begin,
              "entries",
              stored.entries.size());
    look_at_members(core);
}

void Journal::look(const Core& core) {
    look_at_state(core);
    look_at_members(core);
}

void Journal::look_at_state(const Core& core) {
    const State before = state_;
    state_ = core.state();
    if (state_ != before && state_ == State::kLeader) {
        log_.info("raft leadership won", "term", core.term());
    } else if (state_ != before && before == State::kLeader) {
        log_.info("raft leadership lost", "term", core.term());
    } else if (state_ != before && state_ == State::kPreCandidate) {
        if (const auto suppressed = campaigns_.pass(clock_.steady())) {
            log_.info("raft leader silent, campaigning",
                      "term",
                      core.term(),
                      "last_index",
                      core.last_index(),
                      "suppressed",
                      *suppressed);
        }
    }
    // Nobody is not news: who follows next is.
    if (core.leader() != kNobody && core.leader() != leader_) {
        leader_ = core.leader();
        if (leader_ != core.self()) {
            log_.info("raft leader known", "leader", leader_, "term", core.term());
        }
    }
}

void Journal::look_at_members(const Core& core) {
    if (core.configuration() == configuration_) {
        return;
    }
    configuration_ = core.configuration();
    log_.info("raft members changed",
              "voters",
              listed(configuration_, Role::kVoter),
              "learners",
              listed(configuration_, Role::kLearner),
              "index",
              core.configuration_index());
}

void Journal::snapshot_taken(const SnapshotMeta& meta) {
    log_.info("raft snapshot saved", "index", meta.index, "bytes", meta.size);
}

void Journal::snapshot_sent(const SnapshotSend& send) {
    if (send.offset != 0) {
        return;
    }
    if (const auto suppressed = sendings_.pass(clock_.steady())) {
        log_.info("sending raft snapshot to a member that is behind",
                  "to",
                  send.to,
                  "index",
                  send.meta.index,
                  "bytes",
                  send.meta.size,
                  "suppressed",
                  *suppressed);
    }
}

void Journal::snapshot_too_large(size_t bytes) {
    if (const auto suppressed = too_large_.pass(clock_.steady())) {
        log_.error("the state is too large for a raft snapshot, the log grows on: remove targets",
                   "bytes",
                   bytes,
                   "bytes_max",
                   kSnapshotBytesMax,
                   "suppressed",
                   *suppressed);
    }
}

void Journal::snapshot_restored(const SnapshotMeta& meta) {
    log_.info("raft snapshot of the leader taken over", "index", meta.index, "bytes", meta.size);
}

void Journal::disk_failed(const base::Error& error) {
    log_.error("raft storage failed, the member takes no part any more: mend the disk and restart",
               "error",
               error);
}

}  // namespace shard::raft
