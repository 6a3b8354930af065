// What members say: only leaders lead, and what is promised is durable.
#include <variant>

#include "test/sim/raft_checks.h"

namespace sim {

void RaftChecks::sending(ProcessId process, const raft::Message& message) {
    if (message.from != member_of(process) || message.to == message.from) {
        fail(process, "messages", words("speaks as", message.from, "to", message.to));
    }
    const raft::MessageBody& body = message.body;
    const bool leads = std::holds_alternative<raft::AppendRequest>(body) ||
                       std::holds_alternative<raft::Heartbeat>(body) ||
                       std::holds_alternative<raft::SnapshotChunk>(body) ||
                       std::holds_alternative<raft::TimeoutNow>(body);
    if (leads) {
        check_leader(process);
        const auto leader = leaders_.find(message.term);
        if (leader == leaders_.end() || leader->second != process) {
            fail(process, "R1", words("speaks as leader of term", message.term));
        }
        check_append(process, message);
    } else {
        check_promise(process, message);
    }
}

void RaftChecks::check_append(ProcessId process, const raft::Message& message) {
    if (const auto* beat = std::get_if<raft::Heartbeat>(&message.body)) {
        check_commit(process);
        if (beat->commit > committed()) {
            fail(process, "R5", words("says that", beat->commit, "is committed"));
        }
        return;
    }
    const auto* append = std::get_if<raft::AppendRequest>(&message.body);
    if (append == nullptr) {
        return;
    }
    size_t bytes = 0;
    raft::Index next = append->prev_index + 1;
    for (const raft::Entry& entry : append->entries) {
        bytes += entry.bytes();
        if (entry.index != next++ || entry.term > message.term) {
            fail(process, "messages", words("entry", entry.index, "is out of order"));
        }
    }
    if (bytes > raft::kAppendBytesMax && append->entries.size() > 1) {
        fail(process, "messages", words("an append of", bytes, "bytes"));
    }
    check_commit(process);
    if (append->commit > committed()) {
        fail(process, "R5", words("says that", append->commit, "is committed"));
    }
}

void RaftChecks::check_promise(ProcessId process, const raft::Message& message) {
    const Member& member = members_[process];
    if (const auto* reply = std::get_if<raft::VoteReply>(&message.body)) {
        const auto vote = member.votes.find(message.term);
        if (reply->granted && !reply->pre &&
            (vote == member.votes.end() || vote->second != message.to)) {
            fail(process,
                 "R6",
                 words("votes for", message.to, "in term", message.term, "before it is durable"));
        }
    } else if (const auto* ask = std::get_if<raft::VoteRequest>(&message.body)) {
        if (!ask->pre && member.durable_term < message.term) {
            fail(process, "R6", words("campaigns in term", message.term, "before it is durable"));
        }
    } else if (const auto* append = std::get_if<raft::AppendReply>(&message.body)) {
        if (append->accepted) {
            check_accepted(process, message, append->index);
        }
    } else if (std::holds_alternative<raft::SnapshotReply>(message.body) &&
               member.durable_term < message.term) {
        fail(process, "R6", words("answers in term", message.term, "before it is durable"));
    }
}

void RaftChecks::check_accepted(ProcessId process,
                                const raft::Message& message,
                                raft::Index index) {
    const RaftDisk& disk = *members_[process].disk;
    if (members_[process].durable_term < message.term) {
        fail(process, "R6", words("accepts in term", message.term, "before it is durable"));
    }
    if (members_[process].durable_term > message.term) {
        return;  // a newer leader may have replaced it since
    }
    if (index > disk.last() && !(disk.snapshot() && index <= disk.snapshot()->index)) {
        fail(process, "R6", words("accepts", index, "but its disk ends with", disk.last()));
        return;
    }
    // It is the leader's entry that it says it has.
    const auto leader = leaders_.find(message.term);
    if (leader == leaders_.end() || leader->second != process_of(message.to)) {
        fail(process, "R6", words("accepts from", message.to, "who does not lead", message.term));
        return;
    }
    const raft::Core* core = members_[leader->second].core;
    const raft::Term here = disk.term_at(index);
    if (core == nullptr || core->state() != raft::State::kLeader || core->term() != message.term ||
        here == 0) {
        return;
    }
    const raft::Term there = core->term_at(index);
    if (index > core->last_index() || (there != 0 && there != here)) {
        fail(process, "R2", words("accepts entry", index, "of term", here, "not", there));
    }
}

}  // namespace sim
