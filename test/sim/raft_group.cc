#include "test/sim/raft_group.h"

#include <algorithm>
#include <utility>

namespace sim {

RaftGroup::RaftGroup(World& world,
                     Network& network,
                     RaftChecks& checks,
                     const GroupOptions& options)
    : world_(world), network_(network), checks_(checks), options_(options) {}

RaftGroup::~RaftGroup() {
    shut_down();
}

void RaftGroup::shut_down() {
    for (ProcessId process = 0; process < nodes_.size(); ++process) {
        world_.kill(process);
    }
}

ProcessId RaftGroup::add_process() {
    const ProcessId process = world_.add_process([this](ProcessId id) {
        return std::make_unique<RaftMember>(id,
                                            options_.driver,
                                            options_.padding,
                                            RaftMember::Parts{.world = world_,
                                                              .network = network_,
                                                              .checks = checks_,
                                                              .disk = *nodes_[id]->disk,
                                                              .content = nodes_[id]->content});
    });
    nodes_.push_back(std::make_unique<Node>());
    nodes_.back()->disk = std::make_unique<Disk>(world_, process);
    checks_.add(process, nodes_.back()->content);
    return process;
}

void RaftGroup::found() {
    raft::Configuration configuration;
    for (uint32_t count = 0; count < options_.voters + options_.learners; ++count) {
        const ProcessId process = add_process();
        configuration.members.push_back(
            {.id = member_of(process),
             .role = count < options_.voters ? raft::Role::kVoter : raft::Role::kLearner,
             .address = "member-" + std::to_string(process)});
    }
    const raft::Persist first = raft::Core::found(
        configuration,
        std::make_shared<const std::string>(RecordingMachine::empty_state(options_.padding)));
    nodes_[0]->content.commit(first);
    checks_.durable(0, first);
    for (ProcessId process = 0; process < nodes_.size(); ++process) {
        world_.start(process);
    }
}

raft::Member RaftGroup::join(raft::Role role) {
    const ProcessId process = add_process();
    world_.start(process);
    return {.id = member_of(process), .role = role, .address = "member-" + std::to_string(process)};
}

RaftMember* RaftGroup::member(ProcessId process) const {
    return world_.paused(process) ? nullptr : static_cast<RaftMember*>(world_.program(process));
}

std::vector<RaftMember*> RaftGroup::leaders() const {
    std::vector<RaftMember*> all;
    for (ProcessId process = 0; process < nodes_.size(); ++process) {
        RaftMember* const each = member(process);
        if (each != nullptr && !nodes_[process]->disk->failed() &&
            each->driver().core().state() == raft::State::kLeader) {
            all.push_back(each);
        }
    }
    return all;
}

RaftMember* RaftGroup::leader() const {
    const std::vector<RaftMember*> all = leaders();
    const auto newest = std::ranges::max_element(
        all, {}, [](RaftMember* each) { return each->driver().core().term(); });
    return newest == all.end() ? nullptr : *newest;
}

void RaftGroup::retire(ProcessId process) {
    nodes_[process]->retired = true;
    world_.kill(process);
    nodes_[process]->disk->crash();
}

bool RaftGroup::has_lost(const raft::Configuration& configuration) const {
    return std::ranges::any_of(configuration.members, [&](const raft::Member& each) {
        return nodes_[process_of(each.id)]->lost;
    });
}

std::vector<ProcessId> RaftGroup::targets() {
    std::vector<ProcessId> all;
    for (ProcessId process = 0; process < nodes_.size(); ++process) {
        if (!nodes_[process]->lost && !nodes_[process]->retired) {
            all.push_back(process);
        }
    }
    return all;
}

ProcessId RaftGroup::leading() {
    RaftMember* const now = leader();
    return now == nullptr ? kNoProcess : process_of(now->driver().core().self());
}

void RaftGroup::crash(ProcessId process) {
    world_.kill(process);
    nodes_[process]->disk->crash();
}

void RaftGroup::restart(ProcessId process) {
    if (!world_.up(process) && !nodes_[process]->lost && !nodes_[process]->retired) {
        world_.start(process);
    }
}

// A disk may go for good as long as a majority of every configuration that anybody knows of stays:
// all must have the same one, committed, and nobody in it may have lost his before.
bool RaftGroup::may_lose(ProcessId process) const {
    const raft::Core* leading = nullptr;
    for (ProcessId each = 0; each < nodes_.size(); ++each) {
        if (nodes_[each]->retired || nodes_[each]->lost) {
            continue;
        }
        RaftMember* const other = static_cast<RaftMember*>(world_.program(each));
        if (other == nullptr) {
            return false;
        }
        const raft::Core& core = other->driver().core();
        if (core.configuration().members.empty() ||
            core.configuration_index() > core.commit_index() ||
            (leading != nullptr && core.configuration() != leading->configuration())) {
            return false;
        }
        leading = &core;
    }
    return leading != nullptr && leading->configuration().voters() >= 3 &&
           leading->configuration().find(member_of(process)) != nullptr &&
           !has_lost(leading->configuration());
}

bool RaftGroup::lose_disk(ProcessId process) {
    if (!may_lose(process)) {
        return false;
    }
    world_.trace(process, "loses its disk");
    crash(process);
    nodes_[process]->lost = true;
    return true;
}

}  // namespace sim
