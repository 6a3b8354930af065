// Elections: silence, pre-votes, votes, and what becomes of a member by them.
#include "base/check.h"
#include "shard/raft/parts.h"

namespace shard::raft {

void Core::Parts::restart_election_timer() {
    timer_started_at = now;
    timeout = options.election_ticks + random.below(options.election_ticks);  // Raft 3.4
}

// Whether there is a leader that others should not replace (Raft 4.2.3).
bool Core::Parts::hears_leader() const {
    return state == State::kLeader ||
           (leader != kNobody && now - leader_heard_at < options.election_ticks);
}

bool Core::Parts::disk_late() const {
    const Batch* oldest = batches.oldest();
    return oldest != nullptr && now - oldest->handed_at > options.disk_ticks_max;
}

// Who is removed by an entry that is not committed may be needed to commit it, and campaigns
// without a vote of its own (Raft 4.2.2).
bool Core::Parts::may_campaign() const {
    return configurations.has_voter(self, commit) && !receiving.installing && !disk_late();
}

void Core::Parts::time_out() {
    become_follower(hard.term, kNobody);
    if (may_campaign()) {
        ask_first();
    }
}

// Raft 9.6: a member that could not win does not raise the term.
void Core::Parts::ask_first() {
    state = State::kPreCandidate;
    votes[self] = true;
    request_votes(true, false);
    count_votes();
}

void Core::Parts::campaign(bool transferred) {
    state = State::kCandidate;
    leader = kNobody;
    votes.clear();  // its own counts once it is durable
    restart_election_timer();
    hard = {.term = hard.term + 1, .vote = self};
    save_hard_state();
    request_votes(false, transferred);
}

// What a request says of the log is durable before it leaves: the log goes to the disk with the
// vote, or before. Who starts again from less could otherwise be elected by answers to more.
void Core::Parts::request_votes(bool pre, bool transferred) {
    const VoteRequest request{.pre = pre,
                              .transfer = transferred,
                              .last_index = log.last(),
                              .last_term = log.last_term()};
    for (const Member& member : configurations.newest().members) {
        if (member.id == self || member.role != Role::kVoter) {
            continue;
        }
        if (pre) {
            send_now(member.id, hard.term + 1, request);
        } else {
            send(member.id, request);
        }
    }
}

void Core::Parts::count_votes() {
    size_t granted = 0;
    size_t refused = 0;
    for (const auto& [voter, vote] : votes) {
        if (configurations.newest().is_voter(voter)) {
            ++(vote ? granted : refused);
        }
    }
    const size_t majority = configurations.newest().majority();
    if (granted >= majority) {
        if (state == State::kPreCandidate) {
            campaign(false);
        } else {
            become_leader();
        }
    } else if (refused >= majority) {
        become_follower(hard.term, kNobody);
    }
}

void Core::Parts::become_follower(Term new_term, MemberId new_leader) {
    if (new_term > hard.term) {
        hard = {.term = new_term, .vote = kNobody};
        save_hard_state();
    }
    reads.fail();
    peers.clear();
    transfer.reset();
    votes.clear();
    state = State::kFollower;
    leader = new_leader;
    leader_heard_at = now;
    restart_election_timer();
}

void Core::Parts::become_leader() {
    SKEIN_CHECK(state == State::kCandidate, "elected without a campaign in term", hard.term);
    state = State::kLeader;
    leader = self;
    votes.clear();
    round = 0;
    beaten_at = now;
    uncommitted_bytes = log.bytes_after(commit);
    follow_configuration();
    noop = log.last() + 1;
    append_own(EntryKind::kNoop, {});  // Raft 6.4: what came before is committed with it
}

// The voter that has most of the log need not wait until it is quiet.
void Core::Parts::step_down() {
    if (state != State::kLeader) {
        return;
    }
    MemberId best = kNobody;
    Index most = 0;
    for (const auto& [id, peer] : peers) {
        const bool there = now - peer.heard_at < options.election_ticks;
        if (there && peer.match() > most && configurations.newest().is_voter(id)) {
            best = id;
            most = peer.match();
        }
    }
    if (best != kNobody) {
        send(best, TimeoutNow{});
    }
    become_follower(hard.term, kNobody);
    timeout += options.election_ticks;
}

void Core::Parts::handle(const Message& message, const VoteRequest& request) {
    const bool transferred = request.transfer && !request.pre;
    if (message.term > hard.term && !transferred && hears_leader()) {
        return;
    }
    if (message.term > hard.term && !request.pre) {
        become_follower(message.term, kNobody);
    }
    const bool up_to_date =
        request.last_term > log.last_term() ||
        (request.last_term == log.last_term() && request.last_index >= log.last());  // Raft 3.6.1
    if (request.pre) {
        if (message.term > hard.term && up_to_date) {
            send_now(message.from, message.term, VoteReply{.pre = true, .granted = true});
        } else {
            send(message.from, VoteReply{.pre = true, .granted = false});
        }
        return;
    }
    const bool free = hard.vote == message.from || (hard.vote == kNobody && leader == kNobody);
    const bool granted = message.term == hard.term && free && up_to_date;
    if (granted) {
        become_follower(hard.term, kNobody);
    }
    if (granted && hard.vote == kNobody) {
        hard.vote = message.from;
        save_hard_state();
    }
    send(message.from, VoteReply{.pre = false, .granted = granted});
}

void Core::Parts::handle(const Message& message, const VoteReply& reply) {
    const State asking = reply.pre ? State::kPreCandidate : State::kCandidate;
    if (state != asking || !configurations.newest().is_voter(message.from)) {
        return;
    }
    votes[message.from] = reply.granted;
    count_votes();
}

void Core::Parts::handle(const Message& /*message*/, const TimeoutNow& /*campaign_now*/) {
    if (may_campaign()) {
        campaign(true);
    }
}

}  // namespace shard::raft
