#include "test/sim/raft_clients.h"

#include <algorithm>
#include <utility>

namespace sim {

namespace {

constexpr Time kQuick =
    std::chrono::milliseconds(3);  // an operator that changes a new leader's group

}  // namespace

RaftClients::RaftClients(World& world,
                         RaftGroup& group,
                         RaftChecks& checks,
                         const ClientOptions& options)
    : world_(world), group_(group), checks_(checks), options_(options), random_(world.fork()) {
    checks_.on_first_applied = [this](raft::Index index, std::string_view command) {
        first_applied(index, command);
    };
}

// --- calls and their answers ---------------------------------------------------------------------

uint64_t RaftClients::add(ProcessId process, bool read) {
    calls_.push_back({.process = process, .read = read, .floor = seen_});
    ++pending_;
    return calls_.size() - 1;
}

uint64_t RaftClients::propose(RaftMember& member, size_t bytes) {
    const uint64_t call = add(process_of(member.driver().core().self()), false);
    world_.trace(calls_[call].process, "propose", call, bytes);
    member.driver().propose(
        make_command(call, bytes),
        [this, call](const base::Result<std::string>& answer) { answered(call, answer); });
    member.checked();
    return call;
}

uint64_t RaftClients::read(RaftMember& member) {
    const uint64_t call = add(process_of(member.driver().core().self()), true);
    world_.trace(calls_[call].process, "read", call);
    member.driver().read([this, call](const base::Status& answer) { read_done(call, answer); });
    member.checked();
    return call;
}

void RaftClients::settle(uint64_t call, State state) {
    world_.trace(calls_[call].process, "answered", call, static_cast<uint64_t>(state));
    if (calls_[call].state != State::kPending) {
        world_.fail("answers", "call " + std::to_string(call) + " is answered twice");
        return;
    }
    calls_[call].state = state;
    --pending_;
    successes_ += state == State::kSucceeded ? 1 : 0;
}

RaftClients::State RaftClients::failed(uint64_t call, const base::Error& error) {
    switch (error.code()) {
        case base::Code::kUnavailable:
        case base::Code::kLimit:
            return State::kRefused;
        case base::Code::kTimeout:
        case base::Code::kCanceled:
            return State::kUnknown;
        default:
            world_.fail("answers",
                        "call " + std::to_string(call) + " is answered with " + error.message());
            return State::kUnknown;
    }
}

void RaftClients::answered(uint64_t call, const base::Result<std::string>& answer) {
    Call& made = calls_[call];
    if (!answer) {
        const State state = failed(call, answer.error());
        settle(call, state);
        if (state == State::kRefused && made.applied != 0) {
            world_.fail("answers",
                        "call " + std::to_string(call) + " was refused and applied at " +
                            std::to_string(made.applied) + ": " + answer.error().message());
        }
        return;
    }
    settle(call, State::kSucceeded);
    if (made.applied == 0 ||
        RecordingMachine::chain_of(answer.value()) != checks_.chain_at(made.applied)) {
        world_.fail("answers",
                    "call " + std::to_string(call) + " is acknowledged with another's answer");
        return;
    }
    seen_ = std::max(seen_, made.applied);
}

void RaftClients::read_done(uint64_t call, const base::Status& answer) {
    const Call& made = calls_[call];
    if (!answer) {
        settle(call, failed(call, answer.error()));
        return;
    }
    settle(call, State::kSucceeded);
    auto* const member = static_cast<RaftMember*>(world_.program(made.process));
    const raft::Index applied = member->driver().core().applied_index();
    if (applied < made.floor) {
        world_.fail("reads",
                    "a read of process " + std::to_string(made.process) + " ends at " +
                        std::to_string(applied) + ", but " + std::to_string(made.floor) +
                        " was known when it began");
    }
    seen_ = std::max(seen_, applied);
}

void RaftClients::first_applied(raft::Index index, std::string_view command) {
    const uint64_t call = command_id(command);
    if (call >= calls_.size() || calls_[call].read) {
        world_.fail("answers", "a command is applied that nobody proposed");
        return;
    }
    Call& made = calls_[call];
    if (made.applied != 0) {
        world_.fail("answers",
                    "call " + std::to_string(call) + " is applied at " +
                        std::to_string(made.applied) + " and at " + std::to_string(index));
    }
    if (made.state == State::kRefused) {
        world_.fail("answers",
                    "call " + std::to_string(call) + " was refused and is applied at " +
                        std::to_string(index));
    }
    made.applied = index;
}

// --- at random times -----------------------------------------------------------------------------

Time RaftClients::around(Time average) {
    return Time(random_.below(2 * static_cast<uint64_t>(average.count()) + 1));
}

void RaftClients::begin() {
    begun_ = ++last_begun_;
    call_soon();
    if (options_.admin_gap.count() > 0) {
        administer_soon();
    }
}

void RaftClients::call_soon() {
    world_.at(world_.now() + around(options_.gap), [this, begun = begun_] {
        if (begun == begun_) {
            call();
            call_soon();
        }
    });
}

size_t RaftClients::some_bytes() {
    const uint64_t number = random_.below(10'000);
    if (number == 0) {
        return raft::kCommandBytesMax;  // too large by what stands in front
    }
    if (number < 10 + 10 * options_.large_per_mille) {
        return raft::kAppendBytesMax / 4 + random_.below(raft::kAppendBytesMax);
    }
    return random_.below(options_.bytes_max);
}

// Mostly a leader is asked, also one whose time is over; sometimes anybody.
RaftMember* RaftClients::somebody() {
    const std::vector<RaftMember*> leaders = group_.leaders();
    if (!leaders.empty() && random_.below(8) != 0) {
        return leaders[random_.below(leaders.size())];
    }
    const std::vector<ProcessId> all = group_.targets();
    return all.empty() ? nullptr : group_.member(all[random_.below(all.size())]);
}

void RaftClients::call() {
    RaftMember* const member = somebody();
    if (member == nullptr) {
        return;
    }
    if (random_.below(100) < options_.read_percent) {
        static_cast<void>(read(*member));
        return;
    }
    // Now and then several at once, which share a batch.
    const uint64_t count = random_.below(16) == 0 ? 1 + random_.below(20) : 1;
    for (uint64_t at = 0; at < count; ++at) {
        static_cast<void>(propose(*member, some_bytes()));
    }
}

// --- the operator --------------------------------------------------------------------------------

void RaftClients::administer_soon() {
    world_.at(world_.now() + around(options_.admin_gap), [this, begun = begun_] {
        if (begun == begun_) {
            administer();
            administer_soon();
        }
    });
}

void RaftClients::administer() {
    RaftMember* const leader = group_.leader();
    if (leader == nullptr) {
        return;
    }
    if (group_.has_lost(leader->driver().core().configuration())) {
        replace_lost(*leader);
    } else if (random_.below(4) == 0) {
        transfer(*leader);
    } else {
        // Sometimes without waiting for the change before.
        const uint64_t count = random_.below(3) == 0 ? 2 : 1;
        for (uint64_t at = 0; at < count; ++at) {
            change(*leader);
        }
    }
    leader->checked();
}

void RaftClients::new_leader(ProcessId process) {
    if (begun_ == 0 || options_.admin_gap.count() == 0 || random_.below(2) == 0) {
        return;
    }
    const Time soon(random_.below(static_cast<uint64_t>(kQuick.count())));
    world_.at(world_.now() + soon, process, [this, process, begun = begun_] {
        RaftMember* const member = group_.member(process);
        if (begun == begun_ && member != nullptr &&
            !group_.has_lost(member->driver().core().configuration())) {
            change(*member);
            member->checked();
        }
    });
}

void RaftClients::replace_lost(RaftMember& leader) {
    raft::Configuration to = leader.driver().core().configuration();
    std::erase_if(to.members,
                  [&](const raft::Member& each) { return group_.lost(process_of(each.id)); });
    const base::Status done = leader.driver().change(to);
    world_.trace(process_of(leader.driver().core().self()), "replace", done ? 1 : 0);
}

void RaftClients::transfer(RaftMember& leader) {
    const std::vector<raft::Member>& members = leader.driver().core().configuration().members;
    if (members.empty() || random_.below(8) == 0) {
        leader.driver().step_down();
        return;
    }
    const raft::MemberId to = members[random_.below(members.size())].id;
    const base::Status done = leader.driver().transfer(to);
    world_.trace(process_of(leader.driver().core().self()), "transfer", to, done ? 1 : 0);
}

bool RaftClients::add_learner(raft::Configuration& to) {
    if (to.members.size() >= options_.members_max || world_.processes() >= options_.processes_max) {
        return false;
    }
    to.members.push_back(group_.join(raft::Role::kLearner));
    return true;
}

bool RaftClients::turn(raft::Configuration& to, raft::Role from, raft::Role role) {
    for (raft::Member& each : to.members) {
        if (each.role == from && random_.below(2) == 0) {
            each.role = role;
            return true;
        }
    }
    return false;
}

bool RaftClients::drop(raft::Configuration& to) {
    const auto drop =
        to.members.begin() + static_cast<std::ptrdiff_t>(random_.below(to.members.size()));
    if (to.voters() <= 2 && drop->role == raft::Role::kVoter) {
        return false;
    }
    to.members.erase(drop);
    return true;
}

void RaftClients::change(RaftMember& leader) {
    raft::Configuration to = leader.driver().core().configuration();
    bool changed = false;
    switch (random_.below(8)) {
        case 0:
        case 1:
        case 2:
            changed = add_learner(to);
            break;
        case 3:
        case 4:
            changed = to.voters() < raft::kVotersMax &&
                      turn(to, raft::Role::kLearner, raft::Role::kVoter);
            break;
        case 5:
            changed = to.voters() > 2 && turn(to, raft::Role::kVoter, raft::Role::kLearner);
            break;
        case 6:
            changed = drop(to);
            break;
        default:
            to.members[random_.below(to.members.size())].address += "'";
            changed = true;
            break;
    }
    if (!changed) {
        return;
    }
    const base::Status done = leader.driver().change(to);
    world_.trace(process_of(leader.driver().core().self()),
                 "change",
                 to.members.size(),
                 to.voters(),
                 done ? 1 : 0);
    if (!done && done.error().code() != base::Code::kUnavailable &&
        done.error().code() != base::Code::kLimit) {
        world_.fail("answers", "a change of one member is refused: " + done.error().message());
    }
}

}  // namespace sim
