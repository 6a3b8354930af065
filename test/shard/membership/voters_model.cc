#include "test/shard/membership/voters_model.h"

#include <algorithm>

#include "shard/raft/configuration.h"

namespace voters_test {

using raft::Member;
using raft::Role;

size_t Model::add(const std::string& zone) {
    const size_t number = ++last_number_;
    const std::string id = "n" + std::to_string(number);
    nodes[number].record = {.number = static_cast<NodeNumber>(number),
                            .member = ++last_member_,
                            .id = id,
                            .address = id + ":1",
                            .zone = zone,
                            .live = true,
                            .stays = true};
    if (configuration.members.empty()) {
        configuration.members.push_back({last_member_, Role::kVoter, id + ":1"});
    }
    return number;
}

void Model::kill(size_t number) {
    ModelNode& one = node(number);
    one.alive = false;
    one.record.live = false;
    one.record.silent_since = now;
}

void Model::revive(size_t number) {
    node(number).alive = true;
    node(number).record.live = true;
}

void Model::lose_disk(size_t number) {
    node(number).record.member = ++last_member_;
    revive(number);
}

bool Model::alive(raft::MemberId member) const {
    return std::ranges::any_of(nodes, [&](const auto& one) {
        return one.second.record.member == member && one.second.alive && !one.second.mute;
    });
}

size_t Model::live_voters(const raft::Configuration& of) const {
    return static_cast<size_t>(std::ranges::count_if(of.members, [&](const Member& member) {
        return member.role == Role::kVoter && alive(member.id);
    }));
}

std::vector<size_t> Model::voting() const {
    std::vector<size_t> numbers;
    for (const Member& member : configuration.members) {
        if (member.role == Role::kVoter) {
            const auto found = std::ranges::find_if(
                nodes, [&](const auto& one) { return one.second.record.member == member.id; });
            numbers.push_back(found == nodes.end() ? 0 : found->first);
        }
    }
    std::ranges::sort(numbers);
    return numbers;
}

size_t Model::leader_number() const {
    for (const auto& [number, one] : nodes) {
        if (one.record.member == leader) {
            return number;
        }
    }
    return 0;
}

size_t Model::wanted() const {
    return wanted_voters(options_, configuration, candidates());
}

void Model::elect() {
    if (alive(leader) && configuration.is_voter(leader) && majority_lives()) {
        return;
    }
    leader = raft::kNobody;
    if (!majority_lives()) {
        return;
    }
    for (const Member& member : configuration.members) {
        if (member.role == Role::kVoter && alive(member.id)) {
            leader = member.id;
        }
    }
    ++term_;
    leads_since_ = now;
}

raft::DriverStatus Model::status() const {
    raft::DriverStatus status{.self = leader,
                              .leader = leader,
                              .leads = leader != raft::kNobody,
                              .term = term_,
                              .commit = commit_,
                              .configuration = configuration,
                              .configuration_index = configuration_index_};
    for (const Member& member : configuration.members) {
        if (member.id != leader) {
            const auto learnt = learnt_.find(member.id);
            const bool ready = learnt == learnt_.end() || learnt->second >= learning;
            status.progress.push_back(
                {.id = member.id, .match = ready ? commit_ : 0, .active = alive(member.id)});
        }
    }
    return status;
}

// A new leader knows of silence only since it leads.
std::vector<VoterCandidate> Model::candidates() const {
    std::vector<VoterCandidate> all;
    for (const auto& [number, one] : nodes) {
        all.push_back(one.record);
        all.back().silent_since = std::max(all.back().silent_since, leads_since_);
    }
    return all;
}

void Model::carry_out(const raft::Configuration& to) {
    if (const auto valid = raft::check_change(configuration, to); !valid) {
        broken.push_back(valid.error().message());
    }
    if (live_voters(to) < to.majority()) {
        broken.emplace_back("no live majority after: " + reasons.back());
    }
    for (const Member& member : to.members) {
        if (configuration.find(member.id) == nullptr) {
            learnt_[member.id] = 0;
            if (member.role != Role::kLearner) {
                broken.emplace_back("a stranger votes");
            }
        }
    }
    configuration = to;
    configuration_index_ = commit_ + 1;
    ++changes;
    changed_at = now;
}

void Model::step() {
    now += 5s;
    elect();
    if (leader == raft::kNobody) {
        return;
    }
    ++commit_;  // what was appended before
    for (auto& [member, steps] : learnt_) {
        steps += alive(member) ? 1 : 0;
    }
    const VoterStep next = voters.next(status(), candidates(), now);
    if (!next.nothing()) {
        reasons.push_back(next.reason);
    }
    if (next.change && next.transfer_to) {
        broken.emplace_back("two things at once");
    }
    if (next.change) {
        carry_out(*next.change);
    }
    if (next.transfer_to) {
        if (!configuration.is_voter(*next.transfer_to) || !alive(*next.transfer_to)) {
            broken.emplace_back("leadership for somebody who cannot lead");
        }
        leader = *next.transfer_to;
        ++term_;
        leads_since_ = now;
    }
}

void Model::pass(base::Duration time) {
    for (base::Duration done{0}; done < time; done += 5s) {
        step();
    }
}

}  // namespace voters_test
