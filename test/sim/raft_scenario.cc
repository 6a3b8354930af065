#include "test/sim/raft_scenario.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "test/sim/raft_plan.h"

namespace sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Time kSlice = milliseconds(50);       // between two looks at the group
constexpr Time kProbeGap = milliseconds(200);   // between calls while a member is disturbed
constexpr Time kAfterDisturbance = seconds(8);  // in which the leader must stay, too
constexpr Time kInFlightMax = seconds(15);      // and with what a slow link adds
constexpr Time kForgotten = seconds(6);         // without a leader's word
constexpr NetworkProfile kCalm{};

// How one member is disturbed while the others are well.
enum class Disturbance : uint8_t {
    kDeafen,   // it hears nobody; then it does again
    kMute,     // nobody hears it
    kIsolate,  // both
    kDeafToLeader,
    kPause,
    kRestart,
    kStallDisk,
    kRemove,  // it is taken out while it cannot hear of it
};
constexpr size_t kDisturbances = 8;

class RaftLife {
  public:
    explicit RaftLife(const RaftRun& run);

    ~RaftLife() { group_.shut_down(); }

    RaftLife(const RaftLife&) = delete;
    RaftLife& operator=(const RaftLife&) = delete;

    RaftOutcome live();

  private:
    [[nodiscard]] bool alive() const { return !world_.failure(); }

    void wait(Time length) { world_.run_until(world_.now() + length); }

    void round(uint32_t number);
    // Everything is whole again, and the group at rest.
    void rest();
    // "": it is. Otherwise what is missing.
    [[nodiscard]] std::string unrest();
    void settle();
    void check_answers();
    void clean_up();
    void remove_lost();
    void disturb();
    void disturb_another();
    [[nodiscard]] ProcessId choose_victim(const raft::Configuration& configuration,
                                          raft::MemberId leader);
    void begin_disturbance(Disturbance what, ProcessId victim, ProcessId leader, Time length);
    void cut(ProcessId from, ProcessId to, Time length);
    void hold(raft::MemberId leader, raft::Term term, Time length);
    void check_forgotten(Disturbance what, ProcessId victim, Time length);
    void strand();
    void stall_leader();
    void hand_over();
    void await_other_leader(ProcessId old);

    World world_;
    Time healed_at_{};
    base::SeededRandom random_;
    RaftPlan plan_;
    std::vector<Fault> faults_;
    std::vector<Fault> kept_;
    RaftChecks checks_;
    Network network_;
    RaftGroup group_;
    RaftClients clients_;
    FaultInjector injector_;
};

RaftLife::RaftLife(const RaftRun& run)
    : world_({.seed = run.seed, .trace_kept = run.trace_kept, .trace_echo = run.trace_echo}),
      random_(world_.fork()),
      plan_(draw_raft_plan(random_)),
      faults_(make_faults(random_, plan_.faults)),
      checks_(world_),
      network_(world_),
      group_(world_, network_, checks_, plan_.group),
      clients_(world_, group_, checks_, plan_.clients),
      injector_(world_, network_, group_) {
    for (uint32_t number = 0; number < faults_.size(); ++number) {
        if (!run.keep || std::ranges::find(*run.keep, number) != run.keep->end()) {
            kept_.push_back(faults_[number]);
        }
    }
    checks_.on_leader = [this](ProcessId process, raft::Term) {
        injector_.new_leader(process);
        clients_.new_leader(process);
    };
}

RaftOutcome RaftLife::live() {
    network_.set_profile(kCalm);
    group_.found();
    rest();
    for (uint32_t number = 0; number < plan_.faults.rounds && alive(); ++number) {
        round(number);
        rest();
        disturb();
    }
    return {.failure = world_.failure(),
            .steps = world_.steps(),
            .hash = world_.events().hash(),
            .lived = world_.now(),
            .successes = clients_.successes(),
            .committed = checks_.committed(),
            .faults = faults_,
            .trace = world_.failure() ? world_.events().text() : ""};
}

void RaftLife::round(uint32_t number) {
    world_.trace(kNoProcess, "round", number);
    network_.set_profile(plan_.network);
    clients_.begin();
    injector_.begin(kept_, number);
    wait(plan_.faults.round_length);
    clients_.stop();
    injector_.heal();
    healed_at_ = world_.now();
    network_.set_profile(kCalm);
}

// --- liveness ------------------------------------------------------------------------------------

void RaftLife::rest() {
    settle();
    check_answers();
    remove_lost();
    clean_up();
}

std::string RaftLife::unrest() {
    RaftMember* const leader = group_.leader();
    if (leader == nullptr) {
        return "nobody leads";
    }
    const raft::Core& core = leader->driver().core();
    if (!core.leads() || core.transferring()) {
        return "the leader has committed nothing in its term, or transfers";
    }
    if (core.applied_index() != core.last_index() || core.commit_index() != core.last_index()) {
        return "the leader has not applied its log";
    }
    for (const raft::Member& each : core.configuration().members) {
        const ProcessId process = process_of(each.id);
        if (group_.lost(process)) {
            continue;
        }
        RaftMember* const member = group_.member(process);
        if (member == nullptr) {
            return "process " + std::to_string(process) + " is down";
        }
        const raft::Core& other = member->driver().core();
        if (other.applied_index() != core.applied_index() || other.leader() != core.self() ||
            other.configuration() != core.configuration()) {
            return "process " + std::to_string(process) + " is not where the leader is";
        }
    }
    return clients_.pending() > 0 ? std::to_string(clients_.pending()) + " calls wait" : "";
}

void RaftLife::settle() {
    const Time until = world_.now() + kLivenessBound;
    while (alive()) {
        wait(kSlice);
        const std::string missing = unrest();
        if (missing.empty()) {
            world_.trace(kNoProcess, "at rest");
            return;
        }
        if (world_.now() > until) {
            world_.fail("liveness", "30 s after everything is whole: " + missing);
        }
    }
}

void RaftLife::check_answers() {
    if (!alive()) {
        return;
    }
    RaftMember* const leader = group_.leader();
    const uint64_t command = clients_.propose(*leader, 20);
    const uint64_t read = clients_.read(*leader);
    wait(kAnswerBound);
    if (alive() && !(clients_.succeeded(command) && clients_.succeeded(read))) {
        world_.fail("liveness", "a command or a read has no success after 3 s without faults");
    }
}

// As an operator would: who lost his disk goes.
void RaftLife::remove_lost() {
    if (!alive() || !group_.has_lost(group_.leader()->driver().core().configuration())) {
        return;
    }
    RaftMember* const leader = group_.leader();
    raft::Configuration to = leader->driver().core().configuration();
    std::erase_if(to.members,
                  [&](const raft::Member& each) { return group_.lost(process_of(each.id)); });
    if (const base::Status done = leader->driver().change(to); !done) {
        world_.fail("liveness", "a lost member cannot be removed: " + done.error().message());
        return;
    }
    leader->checked();
    settle();
}

// Who is no member any more does not come back.
void RaftLife::clean_up() {
    if (!alive()) {
        return;
    }
    const raft::Configuration now = group_.leader()->driver().core().configuration();
    for (const ProcessId process : group_.targets()) {
        if (now.find(member_of(process)) == nullptr) {
            group_.retire(process);
        }
    }
}

// --- stability -----------------------------------------------------------------------------------

ProcessId RaftLife::choose_victim(const raft::Configuration& configuration, raft::MemberId leader) {
    std::vector<raft::Member> others = configuration.members;
    std::erase_if(others, [&](const raft::Member& each) {
        return each.id == leader || (each.role == raft::Role::kVoter && configuration.voters() < 3);
    });
    return others.empty() ? kNoProcess : process_of(others[random_.below(others.size())].id);
}

void RaftLife::cut(ProcessId from, ProcessId to, Time length) {
    network_.cut(from, to);
    world_.at(world_.now() + length, [this, from, to] { network_.mend(from, to); });
}

void RaftLife::begin_disturbance(Disturbance what,
                                 ProcessId victim,
                                 ProcessId leader,
                                 Time length) {
    world_.trace(victim, "disturbed", static_cast<uint64_t>(what));
    const bool deaf = what == Disturbance::kDeafen || what == Disturbance::kIsolate ||
                      what == Disturbance::kRemove;
    const bool mute = what == Disturbance::kMute || what == Disturbance::kIsolate;
    for (const ProcessId each : group_.targets()) {
        if (each != victim && deaf) {
            cut(each, victim, length);
        }
        if (each != victim && mute) {
            cut(victim, each, length);
        }
    }
    const Time end = world_.now() + length;
    switch (what) {
        case Disturbance::kDeafToLeader:
            cut(leader, victim, length);
            break;
        case Disturbance::kPause:
            world_.pause(victim);
            world_.at(end, [this, victim] { world_.resume(victim); });
            break;
        case Disturbance::kRestart:
            group_.crash(victim);
            world_.at(end, [this, victim] { group_.restart(victim); });
            break;
        case Disturbance::kStallDisk:
            group_.disk(victim).stall(end);
            break;
        default:
            break;
    }
}

void RaftLife::disturb() {
    if (!alive()) {
        return;
    }
    const bool spare = group_.leader()->driver().core().configuration().voters() >= 3;
    switch (random_.below(spare ? 8 : 1)) {
        case 1:
        case 2:
            strand();
            break;
        case 3:
            stall_leader();
            break;
        case 4:
            hand_over();
            break;
        default:
            disturb_another();
            break;
    }
}

void RaftLife::disturb_another() {
    RaftMember* const leader = group_.leader();
    const raft::Core& core = leader->driver().core();
    const raft::MemberId id = core.self();
    const raft::Term term = core.term();
    const ProcessId victim = choose_victim(core.configuration(), id);
    if (victim == kNoProcess) {
        return;
    }
    const auto what = static_cast<Disturbance>(random_.below(kDisturbances));
    const Time length = seconds(3 + random_.below(15));
    begin_disturbance(what, victim, process_of(id), length);
    if (what == Disturbance::kRemove) {
        raft::Configuration to = core.configuration();
        std::erase_if(to.members,
                      [&](const raft::Member& each) { return each.id == member_of(victim); });
        if (const base::Status done = leader->driver().change(to); !done) {
            world_.fail("stability", "a member cannot be removed: " + done.error().message());
        }
        leader->checked();
    }
    hold(id, term, length - kSlice);
    check_forgotten(what, victim, length);
    hold(id, term, kAfterDisturbance);
    settle();
    clean_up();
}

// Who has not heard of a leader for longer than any election takes knows of none.
void RaftLife::check_forgotten(Disturbance what, ProcessId victim, Time length) {
    const bool deaf = what == Disturbance::kDeafen || what == Disturbance::kIsolate ||
                      what == Disturbance::kRemove;
    RaftMember* const member = group_.member(victim);
    // What was sent before may be in the air for long.
    const Time silent = std::min(length, world_.now() - healed_at_ - kInFlightMax);
    if (!alive() || !deaf || silent < kForgotten || member == nullptr) {
        return;
    }
    if (member->driver().core().leader() != raft::kNobody) {
        world_.fail("stability",
                    "process " + std::to_string(victim) +
                        " still believes in a leader of whom it has heard nothing for " +
                        std::to_string(silent.count() / 1'000'000) + " ms");
    }
}

// A leader whose disk does not answer lets others lead, and nothing is lost.
void RaftLife::stall_leader() {
    RaftMember* const leader = group_.leader();
    const ProcessId old = process_of(leader->driver().core().self());
    group_.disk(old).stall(world_.now() + 2 * kLivenessBound);
    static_cast<void>(clients_.propose(*leader, 20));
    await_other_leader(old);
    if (alive()) {
        const uint64_t call = clients_.propose(*group_.leader(), 20);
        wait(kAnswerBound);
        if (alive() && !clients_.succeeded(call)) {
            world_.fail("stability", "a command has no success because of a former leader's disk");
        }
    }
    group_.disk(old).heal();
    settle();
}

// Leadership goes where it is asked to.
void RaftLife::hand_over() {
    RaftMember* const leader = group_.leader();
    const raft::Core& core = leader->driver().core();
    const ProcessId to = choose_victim(core.configuration(), core.self());
    if (to == kNoProcess || !core.configuration().is_voter(member_of(to))) {
        return;
    }
    const base::Status begun = leader->driver().transfer(member_of(to));
    leader->checked();
    wait(kAnswerBound);
    RaftMember* const now = group_.leader();
    if (alive() && (!begun || now == nullptr || now->driver().core().self() != member_of(to))) {
        world_.fail("stability", "leadership does not go to process " + std::to_string(to));
    }
    settle();
}

// A leader stops, alone, and wakes up after its time: what it then says must not be old.
void RaftLife::strand() {
    const ProcessId old = process_of(group_.leader()->driver().core().self());
    world_.trace(old, "stranded");
    for (const ProcessId each : group_.targets()) {
        if (each != old) {
            network_.cut(old, each);
            network_.cut(each, old);
        }
    }
    world_.pause(old);
    await_other_leader(old);
    if (alive()) {
        static_cast<void>(clients_.propose(*group_.leader(), 20));
        wait(kAnswerBound);
    }
    world_.resume(old);
    for (int count = 0; count < 20 && alive(); ++count) {
        wait(kSlice);
        static_cast<void>(clients_.read(*group_.member(old)));
    }
    network_.heal();
    settle();
}

void RaftLife::await_other_leader(ProcessId old) {
    const Time until = world_.now() + kLivenessBound;
    while (alive()) {
        wait(kSlice);
        RaftMember* const now = group_.leader();
        if (now != nullptr && process_of(now->driver().core().self()) != old &&
            now->driver().core().leads()) {
            return;
        }
        if (world_.now() > until) {
            world_.fail("liveness", "a majority is well, and nobody leads");
        }
    }
}

void RaftLife::hold(raft::MemberId leader, raft::Term term, Time length) {
    const Time until = world_.now() + length;
    std::vector<uint64_t> calls;
    while (alive() && world_.now() < until) {
        RaftMember* const now = group_.leader();
        if (now == nullptr || now->driver().core().self() != leader ||
            now->driver().core().term() != term) {
            world_.fail("stability",
                        "leader " + std::to_string(leader) + " of term " + std::to_string(term) +
                            " is deposed although a majority is well");
            return;
        }
        if (world_.now() + kAnswerBound < until) {
            for (uint64_t count = random_.below(4); count < 4; ++count) {
                calls.push_back(clients_.propose(*now, 30));
            }
        }
        wait(kProbeGap);
    }
    for (const uint64_t call : calls) {
        if (alive() && !clients_.succeeded(call)) {
            world_.fail(
                "stability",
                "command " + std::to_string(call) + " has no success although a majority is well");
        }
    }
}

}  // namespace

RaftOutcome run_raft(const RaftRun& run) {
    RaftLife life(run);
    return life.live();
}

std::string explain(const RaftRun& run, const RaftOutcome& outcome) {
    std::ostringstream out;
    out << outcome.trace;
    if (outcome.failure) {
        out << "FAILED " << outcome.failure->invariant << ": " << outcome.failure->text << "\n"
            << "  at step " << outcome.failure->step << ", "
            << outcome.failure->at.count() / 1'000'000 << " ms\n";
    }
    out << "  seed " << run.seed << ", with " << (run.keep ? "these" : "all") << " faults:\n";
    for (uint32_t number = 0; number < outcome.faults.size(); ++number) {
        if (!run.keep || std::ranges::find(*run.keep, number) != run.keep->end()) {
            out << "    " << number << ": " << outcome.faults[number].text() << "\n";
        }
    }
    out << "again:  skein-sim raft --seed " << run.seed;
    if (run.keep) {
        out << " --keep=";
        for (size_t at = 0; at < run.keep->size(); ++at) {
            out << (at == 0 ? "" : ",") << (*run.keep)[at];
        }
    }
    out << " --trace\n";
    return std::move(out).str();
}

}  // namespace sim
