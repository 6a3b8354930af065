#include "test/sim/cluster_scenario.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "test/sim/cluster_host.h"
#include "test/sim/cluster_operator.h"
#include "test/sim/cluster_owners.h"
#include "test/sim/cluster_plans.h"
#include "test/sim/cluster_rest.h"

namespace sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Time kSlice = milliseconds(250);   // between two looks at the cluster
constexpr Time kPlanLook = seconds(5);       // … at what its leader would do, while things break
constexpr Time kRestoreEvery = seconds(1);   // while an operator asks again
constexpr Time kOrdinary = seconds(20);      // that a healthy cluster is watched for
constexpr Time kDrainTime = seconds(40);     // a node stays drained
constexpr Time kCrashMin = seconds(8);       // that a node is down
constexpr Time kCrashWatched = seconds(45);  // before it is dead, and what it had is placed anew
constexpr Time kJoined = seconds(60);        // in which a node that joins gets its first targets
constexpr Time kStill = seconds(65);  // all loads are told of, and a new leader is calm no more
constexpr Time kSettleMax = seconds(140);  // that it may take to be so
constexpr Time kLoadsSink = seconds(240);  // until a load that sank counts no more
constexpr size_t kDecisionsShown = 30;
constexpr uint64_t kDiskOneIn = 6;        // kills that take the disk along
constexpr Time kLastRound = seconds(25);  // an election, a reign and what comes after
constexpr uint64_t kOldLeaderOneIn = 2;   // rounds in which a leader of old wakes up
constexpr NetworkProfile kCalm{};

// What happens to a healthy cluster.
enum class Trial : uint8_t {
    kNothing,
    kHandOver,  // P8: another leader moves nothing
    kReload,    // P9: a reload moves nothing
    kCrash,     // P10, M3: of one node
    kJoin,      // P11: only to the node that joins
    kDrain,     // M1
    kStop,      // M1: a node restarts on purpose
    kGrow,      // M1: moves for balance
};
constexpr size_t kTrials = 8;

// Who has which slot.
using Owners = std::map<model::TargetId, std::vector<shard::NodeNumber>>;

Owners owners_of(const shard::Table& table) {
    Owners owners;
    table.for_each_target([&](const shard::TargetView& target) {
        for (const shard::Owner& owner : target.owners) {
            owners[target.id].push_back(owner.node);
        }
    });
    return owners;
}

ClusterPlan draw_plan(base::Random& random, uint32_t nodes) {
    ClusterPlan plan = draw_cluster_plan(random);
    if (nodes != 0) {
        plan.nodes = nodes;
    }
    return plan;
}

Fault old_leader(base::Random& random, uint32_t round, Time within, FaultKind kind) {
    return {.round = round,
            .offset = Time(random.below(static_cast<uint64_t>(within.count()))),
            .length = seconds(2 + random.below(20)),
            .kind = kind,
            .aim = Aim::kLeader,
            .pick = random.u64(),
            .other = random.u64()};
}

// What needs several things at once to go wrong: a leader that others have replaced wakes up and
// leads on. In one round of two besides all else; and in a round of its own, the last one, where
// some do not vote and may be deceived.
void add_old_leaders(base::Random& random, const ClusterPlan& plan, std::vector<Fault>& faults) {
    for (uint32_t round = 0; round < plan.faults.rounds; ++round) {
        const auto kind = random.below(2) == 0 ? FaultKind::kRevive : FaultKind::kFreeze;
        const Fault fault = old_leader(random, round, plan.faults.round_length / 2, kind);
        if (random.below(kOldLeaderOneIn) == 0) {
            faults.push_back(fault);
        }
    }
    if (plan.voters > 1 && plan.nodes > plan.voters) {
        faults.push_back(old_leader(random, plan.faults.rounds, seconds(1), FaultKind::kRevive));
    }
}

// Disks are lost more often than in a group of members alone: here somebody replaces them.
std::vector<Fault> draw_faults(base::Random& random, const ClusterPlan& plan, uint64_t seed) {
    std::vector<Fault> faults = make_faults(random, plan.faults);
    base::SeededRandom apart(mix(seed));  // takes nothing from what else is drawn
    add_old_leaders(apart, plan, faults);
    for (Fault& fault : faults) {
        if (fault.kind == FaultKind::kKill && random.below(kDiskOneIn) == 0) {
            fault.kind = FaultKind::kLoseDisk;
        }
    }
    return faults;
}

class ClusterLife {
  public:
    explicit ClusterLife(const ClusterRun& run);

    ~ClusterLife() { host_.shut_down(); }

    ClusterLife(const ClusterLife&) = delete;
    ClusterLife& operator=(const ClusterLife&) = delete;

    ClusterOutcome live();

  private:
    [[nodiscard]] bool alive() const { return !world_.failure(); }

    void wait(Time length) { world_.run_until(world_.now() + length); }

    void round(uint32_t number);
    [[nodiscard]] bool has_last_round() const;
    void last_round();
    // Everything is whole again, and the cluster at rest.
    void rest();
    // At rest, nothing moves and nothing is to be moved: within a while, or it is passed over.
    [[nodiscard]] bool settled();
    void check_plan(bool at_rest);

    void try_something();
    void hand_over();
    void reload();
    void crash();
    void join();
    void drain();
    void stop();
    void grow();
    [[nodiscard]] ProcessId any_node();
    void must_have_moved_nothing(const char* invariant, const Owners& before);
    [[nodiscard]] const shard::Table* table();
    // What the leader did last, in its words.
    [[nodiscard]] std::string decisions();

    World world_;
    base::SeededRandom random_;
    ClusterPlan plan_;
    std::vector<Fault> faults_;
    std::vector<ClusterEvent> events_;
    std::vector<Fault> kept_faults_;
    std::vector<ClusterEvent> kept_events_;
    ClusterTargets targets_;
    RaftChecks raft_checks_;
    ClusterChecks checks_;
    ClusterPlans plans_;
    Network network_;
    ClusterHost host_;
    ClusterOperator operator_;
    ClusterRest rest_;
    ClusterOwners owners_;
    FaultInjector injector_;
};

ClusterLife::ClusterLife(const ClusterRun& run)
    : world_({.seed = run.seed, .trace_kept = run.trace_kept, .trace_echo = run.trace_echo}),
      random_(world_.fork()),
      plan_(draw_plan(random_, run.nodes)),
      faults_(draw_faults(random_, plan_, run.seed)),
      events_(make_cluster_events(random_, plan_)),
      targets_(world_, plan_.jobs, random_),
      raft_checks_(world_),
      checks_(world_, targets_),
      plans_(world_, mix(run.seed + 1)),
      network_(world_),
      host_(plan_,
            {.world = world_,
             .network = network_,
             .targets = targets_,
             .raft_checks = raft_checks_,
             .checks = checks_}),
      operator_(world_, host_, targets_, checks_, plan_.budget),
      rest_(world_, host_, targets_, plan_),
      owners_(world_, host_, targets_),
      injector_(world_, network_, host_) {
    const auto kept = [&](size_t number) {
        return !run.keep || std::ranges::find(*run.keep, number) != run.keep->end();
    };
    for (size_t number = 0; number < faults_.size(); ++number) {
        if (kept(number)) {
            kept_faults_.push_back(faults_[number]);
        }
    }
    for (size_t number = 0; number < events_.size(); ++number) {
        if (kept(faults_.size() + number)) {
            kept_events_.push_back(events_[number]);
        }
    }
    raft_checks_.on_leader = [this](ProcessId slot, raft::Term) {
        injector_.new_leader(host_.by_member(member_of(slot)));
    };
}

ClusterOutcome ClusterLife::live() {
    network_.set_profile(kCalm);
    host_.start();
    rest();
    try_something();
    for (uint32_t number = 0; number < plan_.faults.rounds && alive(); ++number) {
        round(number);
        rest();
        try_something();
    }
    if (alive() && has_last_round()) {
        last_round();
    }
    if (alive()) {
        checks_.check_queries();
    }
    ClusterOutcome outcome{.failure = world_.failure(),
                           .steps = world_.steps(),
                           .hash = world_.events().hash(),
                           .lived = world_.now(),
                           .samples = checks_.samples(),
                           .happenings = {},
                           .trace = world_.failure() ? world_.events().text() + decisions() : ""};
    for (const Fault& fault : faults_) {
        outcome.happenings.push_back(fault.text());
    }
    for (const ClusterEvent& event : events_) {
        outcome.happenings.push_back(event.text());
    }
    return outcome;
}

bool ClusterLife::has_last_round() const {
    return std::ranges::find(kept_faults_, plan_.faults.rounds, &Fault::round) !=
           kept_faults_.end();
}

// Nothing but the faults that are made for it.
void ClusterLife::last_round() {
    world_.trace(kNoProcess, "last round");
    checks_.storm(true);
    injector_.begin(kept_faults_, plan_.faults.rounds);
    wait(kLastRound);
    injector_.heal();
    world_.trace(kNoProcess, "healed");
    rest();
}

void ClusterLife::round(uint32_t number) {
    world_.trace(kNoProcess, "round", number);
    checks_.storm(true);
    network_.set_profile(plan_.network);
    injector_.begin(kept_faults_, number);
    operator_.begin(kept_events_, number);
    const Time over = world_.now() + plan_.faults.round_length;
    while (alive() && world_.now() < over) {
        wait(std::min(kPlanLook, over - world_.now()));
        check_plan(false);
    }
    injector_.heal();
    operator_.heal();
    network_.set_profile(kCalm);
    world_.trace(kNoProcess, "healed");
}

// --- at rest -------------------------------------------------------------------------------------

const shard::Table* ClusterLife::table() {
    ClusterNode* const leader = host_.leader();
    return leader == nullptr ? nullptr : &leader->member().table();
}

std::string ClusterLife::decisions() {
    ClusterNode* const leader = host_.leader();
    if (leader == nullptr) {
        return "nobody leads\n";
    }
    std::string text = "the leader, " + leader->machine().id + ":\n";
    const auto& events = leader->member().leading()->events();
    const size_t shown = std::min(events.size(), kDecisionsShown);
    for (auto at = events.end() - static_cast<ptrdiff_t>(shown); at != events.end(); ++at) {
        text += "  " + at->text + "\n";
    }
    return text;
}

void ClusterLife::rest() {
    rest_.begin();
    owners_.begin();
    const Time until = world_.now() + kClusterLivenessBound;
    Time ask{};
    while (alive()) {
        wait(kSlice);
        check_plan(false);
        owners_.look();
        const std::string missing = rest_.missing();
        if (missing.empty()) {
            world_.trace(kNoProcess, "at rest");
            check_plan(true);
            return;
        }
        if (world_.now() >= ask) {
            ask = world_.now() + kRestoreEvery;
            operator_.restore();
        }
        if (world_.now() > until) {
            world_.fail("liveness", words("2 minutes after everything is whole:", missing));
        }
    }
}

void ClusterLife::check_plan(bool at_rest) {
    ClusterNode* const leader = host_.leader();
    if (alive() && leader != nullptr && leader->member().leading() != nullptr) {
        plans_.look(*leader->member().leading(), leader->member().table(), at_rest);
    }
}

bool ClusterLife::settled() {
    if (world_.now() < operator_.loads_changed() + kLoadsSink) {
        return false;
    }
    const Time until = world_.now() + kSettleMax;
    Time since = world_.now();
    while (alive() && world_.now() < until) {
        ClusterNode* const leader = host_.leader();
        bool still =
            leader != nullptr && leader->member().table().moves() == 0 && rest_.missing().empty();
        if (still) {
            // What bounds hold back comes later, whatever happens meanwhile.
            const shard::Placing next = leader->member().leading()->plan();
            still = next.edits.edits.empty() && next.held_back == 0;
        }
        if (!still) {
            since = world_.now();
        } else if (world_.now() >= since + kStill) {
            return true;
        }
        wait(seconds(1));
    }
    return false;
}

// --- what happens to a healthy cluster -----------------------------------------------------------

void ClusterLife::try_something() {
    if (!alive()) {
        return;
    }
    const auto trial = static_cast<Trial>(random_.below(kTrials));
    const bool one_less = trial == Trial::kCrash || trial == Trial::kDrain || trial == Trial::kStop;
    checks_.calm(host_.targets().size() - (one_less ? 1 : 0));
    world_.trace(kNoProcess, "trial", static_cast<uint64_t>(trial));
    switch (trial) {
        case Trial::kNothing:
            wait(kOrdinary);
            break;
        case Trial::kHandOver:
            hand_over();
            break;
        case Trial::kReload:
            reload();
            break;
        case Trial::kCrash:
            crash();
            break;
        case Trial::kJoin:
            join();
            break;
        case Trial::kDrain:
            drain();
            break;
        case Trial::kStop:
            stop();
            break;
        case Trial::kGrow:
            grow();
            break;
    }
    checks_.storm(true);
    if (alive()) {
        rest();
    }
}

ProcessId ClusterLife::any_node() {
    const std::vector<ProcessId> all = host_.targets();
    return all[random_.below(all.size())];
}

void ClusterLife::must_have_moved_nothing(const char* invariant, const Owners& before) {
    const shard::Table* const now = table();
    if (!alive() || now == nullptr) {
        return;
    }
    if (now->moves() != 0 || owners_of(*now) != before) {
        world_.fail(invariant, "owners change, and nothing else did");
    }
}

void ClusterLife::hand_over() {
    if (!settled()) {
        return;
    }
    ClusterNode* const leader = host_.leader();
    const bool others = leader->member().core()->configuration().voters() > 1;
    const Owners before = owners_of(*table());
    base::Status asked = base::success();
    leader->with([&](shard::Member& member) { asked = member.transfer(shard::kNoNode); });
    wait(kOrdinary);
    if (alive() && others && (!asked || host_.leader() == nullptr || host_.leader() == leader)) {
        world_.fail("stability", "leadership does not go to another voter");
    }
    must_have_moved_nothing("P8", before);
}

void ClusterLife::reload() {
    if (!settled()) {
        return;
    }
    const Owners before = owners_of(*table());
    host_.reload(seconds(random_.below(10)));
    wait(kOrdinary);
    must_have_moved_nothing("P9", before);
}

// A quorum must be left, and somebody to scrape.
void ClusterLife::crash() {
    const ProcessId victim = any_node();
    ClusterNode* const leader = host_.leader();
    const raft::Configuration& configuration = leader->member().core()->configuration();
    const bool votes = configuration.is_voter(host_.machine(victim).member_id());
    if ((votes && configuration.voters() < 3) || host_.targets().size() < 2 || !settled()) {
        return;
    }
    const Owners before = owners_of(*table());
    const shard::NodeNumber number = table()->node(host_.machine(victim).id)->number;
    checks_.crashed(host_.leading() == victim);
    const Time length =
        kCrashMin + Time(random_.below(static_cast<uint64_t>((kCrashWatched - kCrashMin).count())));
    if (random_.below(4) == 0) {
        world_.pause(victim);
        world_.at(world_.now() + length, [this, victim] { world_.resume(victim); });
    } else {
        host_.crash(victim);
        world_.at(world_.now() + length, [this, victim] { host_.restart(victim); });
    }
    wait(length);
    const shard::Table* const now = table();
    if (!alive() || now == nullptr) {
        return;
    }
    for (const auto& [id, owners] : owners_of(*now)) {
        const auto was = before.find(id);
        if (was != before.end() && was->second != owners) {
            world_.fail("P10",
                        words("target",
                              targets_.number(id),
                              "has other owners while node",
                              number,
                              "is down"));
        }
    }
}

void ClusterLife::join() {
    if (!settled()) {
        return;
    }
    const ProcessId joined = host_.join();
    if (joined == kNoProcess) {
        return;
    }
    checks_.joins(host_.machine(joined).id);
    for (Time over = world_.now() + kJoined; alive() && world_.now() < over; wait(seconds(1))) {
        ClusterNode* const leader = host_.leader();
        const shard::NodeRecord* const record =
            leader == nullptr ? nullptr : leader->member().table().node(host_.machine(joined).id);
        if (record != nullptr) {
            plans_.look_at_join(*leader->member().leading(), leader->member().table(), *record);
        }
    }
    checks_.joins("");
    const shard::Table* const now = table();
    if (alive() && now != nullptr && now->node(host_.machine(joined).id) == nullptr) {
        world_.fail("liveness", words("process", joined, "does not join"));
    }
}

void ClusterLife::drain() {
    if (host_.targets().size() < 2 || !settled()) {
        return;
    }
    const shard::NodeNumber node = table()->node(host_.machine(any_node()).id)->number;
    operator_.edit(shard::SetAdmin{.node = node, .admin = shard::Admin::kDraining});
    wait(kDrainTime);
    operator_.edit(shard::SetAdmin{.node = node, .admin = shard::Admin::kActive});
    wait(kOrdinary);
}

void ClusterLife::stop() {
    if (host_.targets().size() < 2 || !settled()) {
        return;
    }
    const ProcessId victim = any_node();
    const raft::Configuration& configuration = host_.leader()->member().core()->configuration();
    if (configuration.voters() < 3 && configuration.is_voter(host_.machine(victim).member_id())) {
        return;
    }
    host_.stop(victim, seconds(1 + random_.below(20)));
    wait(kOrdinary * 2);
}

void ClusterLife::grow() {
    operator_.load_changes();
    for (int count = 0; count < 3; ++count) {
        targets_.at(static_cast<uint32_t>(random_.below(targets_.size()))).series *= 4;
    }
    wait(kOrdinary * 2);
}

}  // namespace

ClusterOutcome run_cluster(const ClusterRun& run) {
    ClusterLife life(run);
    return life.live();
}

std::string explain(const ClusterRun& run, const ClusterOutcome& outcome) {
    std::ostringstream out;
    if (outcome.failure) {
        out << outcome.failure->invariant << ": " << outcome.failure->text << "\n  at step "
            << outcome.failure->step << ", " << outcome.failure->at.count() / 1'000'000
            << " ms of the world's time\n";
    }
    out << outcome.trace;
    out << "faults and events:\n";
    for (size_t number = 0; number < outcome.happenings.size(); ++number) {
        if (!run.keep || std::ranges::find(*run.keep, number) != run.keep->end()) {
            out << "  " << number << "  " << outcome.happenings[number] << '\n';
        }
    }
    out << "again: skein-sim cluster --seed " << run.seed;
    if (run.nodes != 0) {
        out << " --nodes " << run.nodes;
    }
    if (run.keep) {
        out << " --keep=";
        const char* separator = "";
        for (const uint32_t number : *run.keep) {
            out << std::exchange(separator, ",") << number;
        }
    }
    out << " --trace\n";
    return out.str();
}

}  // namespace sim
