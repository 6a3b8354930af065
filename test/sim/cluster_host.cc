#include "test/sim/cluster_host.h"

#include <algorithm>
#include <utility>

namespace sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Time kStopLook = milliseconds(50);
constexpr uint64_t kStartSpreadMs = 3000;
constexpr uint64_t kDiscoverySpreadMs = 8000;  // that one node hears of it later than another
constexpr uint64_t kNewDiskMs = 10'000;        // until a node comes back with one

}  // namespace

ClusterHost::ClusterHost(const ClusterPlan& plan, const Parts& parts)
    : plan_(plan),
      parts_(parts),
      random_(parts.world.fork()),
      sessions_(parts.world,
                parts.network,
                [&world = parts.world](ProcessId process) -> SessionEnds* {
                    return static_cast<ClusterNode*>(world.program(process));
                }),
      node_parts_{.world = parts.world,
                  .network = parts.network,
                  .sessions = sessions_,
                  .targets = parts.targets,
                  .raft_checks = parts.raft_checks,
                  .checks = parts.checks,
                  .place = *this} {
    for (uint32_t count = 0; count < plan_.nodes + plan_.spare; ++count) {
        add_machine();
        if (count < plan_.nodes) {
            join_.push_back(machines_.back()->address());
        }
    }
}

ClusterHost::~ClusterHost() {
    shut_down();
}

void ClusterHost::shut_down() {
    for (ProcessId process = 0; process < machines_.size(); ++process) {
        parts_.world.kill(process);
    }
}

void ClusterHost::add_machine() {
    auto machine = std::make_unique<ClusterMachine>();
    machine->process = parts_.world.add_process([this](ProcessId process) {
        return std::make_unique<ClusterNode>(*machines_[process], node_parts_);
    });
    machine->id = "n" + std::to_string(machine->process);
    machine->zone = plan_.zones > 1 ? "z" + std::to_string(machine->process % plan_.zones) : "";
    machine->budget = plan_.budget;
    machine->disk = std::make_unique<Disk>(parts_.world, machine->process);
    new_disk(*machine);
    machines_.push_back(std::move(machine));
    lives_.push_back(0);
    stopped_lives_.push_back(0);
}

void ClusterHost::new_disk(ClusterMachine& machine) {
    auto disk = std::make_unique<ClusterDisk>();
    disk->slot = static_cast<uint32_t>(disks_.size());
    parts_.raft_checks.add(disk->slot, disk->raft);
    machine.content = disk.get();
    disks_.push_back(std::move(disk));
    owners_.push_back(machine.process);
}

void ClusterHost::start() {
    for (ProcessId process = 0; process < plan_.nodes; ++process) {
        machines_[process]->joined = true;
        parts_.world.at(parts_.world.now() + milliseconds(random_.below(kStartSpreadMs)),
                        [this, process] { restart(process); });
    }
}

ProcessId ClusterHost::join() {
    for (const auto& machine : machines_) {
        if (!machine->joined) {
            machine->joined = true;
            restart(machine->process);
            return machine->process;
        }
    }
    return kNoProcess;
}

ClusterNode* ClusterHost::node(ProcessId process) const {
    return parts_.world.paused(process) ? nullptr
                                        : static_cast<ClusterNode*>(parts_.world.program(process));
}

ClusterNode* ClusterHost::leader() const {
    ClusterNode* newest = nullptr;
    for (ProcessId process = 0; process < machines_.size(); ++process) {
        ClusterNode* const one = node(process);
        if (one != nullptr && one->member().leading() != nullptr &&
            (newest == nullptr || one->member().core()->term() > newest->member().core()->term())) {
            newest = one;
        }
    }
    return newest;
}

size_t ClusterHost::leaders() const {
    size_t count = 0;
    for (ProcessId process = 0; process < machines_.size(); ++process) {
        ClusterNode* const one = node(process);
        count += one != nullptr && one->member().leading() != nullptr ? 1 : 0;
    }
    return count;
}

// --- what is done to nodes -----------------------------------------------------------------------

void ClusterHost::stop(ProcessId process, Time length) {
    ClusterNode* const one = node(process);
    if (one == nullptr) {
        return;
    }
    parts_.world.trace(process, "is to stop");
    one->with([](shard::Member& member) { member.stopping(); });
    stopped_lives_[process] = lives_[process] + 1;
    await_stop(process, lives_[process], length);
}

void ClusterHost::await_stop(ProcessId process, uint64_t life, Time length) {
    parts_.world.at(parts_.world.now() + kStopLook, [this, process, life, length] {
        ClusterNode* const one = node(process);
        if (lives_[process] != life || !parts_.world.up(process)) {
            return;
        }
        if (one == nullptr || !one->member().may_stop()) {
            await_stop(process, life, length);
            return;
        }
        crash(process);
        parts_.world.at(parts_.world.now() + length, [this, process] { restart(process); });
    });
}

void ClusterHost::reload(Time spread) {
    const uint64_t version = ++configurations_;
    for (const auto& machine : machines_) {
        const Time when =
            parts_.world.now() + Time(random_.below(static_cast<uint64_t>(spread.count()) + 1));
        parts_.world.at(when, [this, version, process = machine->process] {
            // One that was given out before comes too late.
            uint64_t& its = machines_[process]->configuration;
            its = std::max(its, version);
        });
        // Who is paused loads it when he wakes up.
        parts_.world.deliver(when,
                             machine->process,
                             [this, process = machine->process] { node(process)->configure(); },
                             {});
    }
}

void ClusterHost::discovered(uint32_t job) {
    for (const auto& machine : machines_) {
        const Time when = parts_.world.now() + milliseconds(random_.below(kDiscoverySpreadMs));
        parts_.world.deliver(
            when,
            machine->process,
            [this, job, process = machine->process] { node(process)->discover(job); },
            {});
    }
}

std::vector<ProcessId> ClusterHost::targets() {
    std::vector<ProcessId> all;
    for (const auto& machine : machines_) {
        if (machine->joined && !machine->retired) {
            all.push_back(machine->process);
        }
    }
    return all;
}

ProcessId ClusterHost::leading() {
    ClusterNode* const now = leader();
    return now == nullptr ? kNoProcess : now->machine().process;
}

bool ClusterHost::votes(ProcessId process) {
    ClusterNode* const now = leader();
    return now == nullptr ||
           now->member().core()->configuration().is_voter(machines_[process]->member_id());
}

// Half of the time the power is gone, too.
void ClusterHost::crash(ProcessId process) {
    if (!parts_.world.up(process)) {
        return;
    }
    ++lives_[process];
    parts_.world.kill(process);
    machines_[process]->disk->crash();
    if (random_.below(2) == 0) {
        const uint64_t lost = machines_[process]->content->session.lose_power(random_);
        parts_.world.trace(process, "power is gone", lost);
    }
    sessions_.died(process);
}

void ClusterHost::restart(ProcessId process) {
    if (!parts_.world.up(process) && machines_[process]->joined && !machines_[process]->retired) {
        ++lives_[process];
        parts_.world.start(process);
    }
}

// A disk may go as long as a majority of every configuration that anybody knows of stays: all must
// have the same one, committed, of three voters at least, and nobody in it may have lost his
// before. With fewer, one that is about to vote may be needed already.
bool ClusterHost::may_lose() const {
    const raft::Configuration* known = nullptr;
    for (const auto& machine : machines_) {
        if (!machine->joined || machine->retired) {
            continue;
        }
        const auto* const one =
            static_cast<const ClusterNode*>(parts_.world.program(machine->process));
        if (one == nullptr || one->member().core() == nullptr) {
            return false;
        }
        const raft::Core& core = *one->member().core();
        const raft::Configuration& its = core.configuration();
        if (its.find(core.self()) == nullptr) {
            continue;  // has no part
        }
        if (core.configuration_index() > core.commit_index() ||
            (known != nullptr && its != *known)) {
            return false;
        }
        known = &its;
    }
    if (known == nullptr) {
        return false;
    }
    const bool whole = std::ranges::all_of(known->members, [&](const raft::Member& each) {
        const ProcessId owner = owners_[process_of(each.id)];
        return machines_[owner]->member_id() == each.id;
    });
    return whole && known->voters() >= 3;
}

bool ClusterHost::lose_disk(ProcessId process) {
    // Who stands alone in the list of those that found a cluster founds another one.
    const bool founds_alone = join_.size() == 1 && join_.front() == machines_[process]->address();
    if (founds_alone || !may_lose()) {
        return false;
    }
    parts_.world.trace(process, "loses its disk");
    crash(process);
    parts_.checks.lost_disk(process);
    new_disk(*machines_[process]);
    ++lost_;
    parts_.world.at(parts_.world.now() + milliseconds(random_.below(kNewDiskMs)),
                    [this, process] { restart(process); });
    return true;
}

// --- who is who ----------------------------------------------------------------------------------

ProcessId ClusterHost::by_address(const std::string& address) const {
    const auto found = std::ranges::find_if(
        machines_, [&](const auto& machine) { return machine->address() == address; });
    return found == machines_.end() ? kNoProcess : (*found)->process;
}

ProcessId ClusterHost::by_member(raft::MemberId id) const {
    const ProcessId slot = process_of(id);
    return slot < owners_.size() ? owners_[slot] : kNoProcess;
}

shard::MemberOptions ClusterHost::options(const ClusterMachine& machine) const {
    shard::LeaderOptions leader;
    leader.liveness.healthy_max = seconds(40);
    leader.replicas = [this](std::string_view job) { return parts_.targets.job_of(job).replicas; };
    leader.exclusive = [this](std::string_view job) {
        return parts_.targets.job_of(job).exclusive;
    };
    return {.node_id = machine.id,
            .address = machine.address(),
            .zone = machine.zone,
            .member = machine.member_id(),
            .series_budget = machine.budget,
            .join = join_,
            .raft = plan_.raft,
            .leader = leader,
            .worker = {},
            .founding = {},
            .voters = plan_.voter_options};
}

}  // namespace sim
