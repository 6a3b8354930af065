#include "test/sim/cluster_checks.h"

#include <algorithm>
#include <utility>

#include "shard/assignment/edits.h"
#include "test/sim/raft_checks.h"

namespace sim {

using std::chrono::seconds;

namespace {

// How long after discovery told a node that a target is gone another one may hear of it: a leader
// that comes later, a node that was cut off or down.
constexpr Time kNewsMax = seconds(700);
// That a process which was stopped goes on with what it was at.
constexpr uint32_t kOverlapMax = 3;       // samples
constexpr int kShown = 6;                 // intervals in which a new owner scrapes, to be one
constexpr int kGoodScrapes = 2;           // HandoffOptions::good_scrapes
constexpr uint64_t kLookOneIn = 16;       // tables are looked at closely
constexpr raft::Index kEntriesMax = 300;  // of a second
constexpr uint32_t kMovesIn = 4;          // PlannerOptions::moves_per_node
constexpr Time kMoveMax = std::chrono::minutes(2);

bool is_new(ProcessId process, std::vector<raft::Index>& seen, raft::Index index) {
    if (seen.size() <= process) {
        seen.resize(process + 1);
    }
    return std::exchange(seen[process], index) != index;
}

}  // namespace

ClusterChecks::ClusterChecks(World& world, ClusterTargets& targets)
    : world_(world), targets_(targets), random_(world.fork()) {}

void ClusterChecks::fail(std::string invariant, ProcessId process, const std::string& text) {
    world_.fail(std::move(invariant), words("process", process, text));
}

// --- fencing -------------------------------------------------------------------------------------

void ClusterChecks::obeys(ProcessId process, const shard::Order& before, const shard::Order& now) {
    if (now < before) {
        fail(
            "X1", process, words("obeys", now.term, now.epoch, "after", before.term, before.epoch));
    }
}

void ClusterChecks::holds(ProcessId process,
                          const shard::AssignedTarget& target,
                          bool starting,
                          bool in_session) {
    const uint32_t number = targets_.number(target.id);
    if (!starting && !in_session) {
        fail("X2", process, words("gets target", number, "without a session"));
    }
    // Who stores already, as a stand-in, goes on when he is to become the owner.
    const auto before = trials_.find({process, number});
    const bool stores =
        before != trials_.end() && (before->second.good || !before->second.incoming);
    trials_[{process, number}] = {.incoming = target.holding == shard::Holding::kIncoming,
                                  .owner = target.holding == shard::Holding::kOwner,
                                  .good = stores};
}

void ClusterChecks::releases(ProcessId process, model::TargetId id, shard::ReleaseReason reason) {
    const uint32_t number = targets_.number(id);
    if (reason == shard::ReleaseReason::kMoved && trials_[{process, number}].owner) {
        check_replaced(process, number);
    }
    trials_.erase({process, number});
    if (reason == shard::ReleaseReason::kGone) {
        check_gone(process, number, "is told that it is gone:");
    }
}

// An owner lets go when the next one has shown that it can.
void ClusterChecks::check_replaced(ProcessId process, uint32_t number) {
    const SimTarget& truth = targets_.at(number);
    const Time since = world_.now() - kShown * Time(truth.target->interval);
    if (!calm_ || crash_seen_ || calm_since_ > since || !truth.there || !truth.answers() ||
        targets_.jobs()[truth.job].exclusive ||
        std::max({truth.there_since, truth.up_since, truth.absent_told}) > since) {
        return;
    }
    for (const auto& [other, samples] : records_.stored(number)) {
        const auto shown = std::ranges::count_if(samples, [&](const SimSample& sample) {
            return sample.at > since && sample.kind == SampleKind::kGood;
        });
        if (other != process && shown >= kGoodScrapes) {
            return;
        }
    }
    fail("M1", process, words("lets go of target", number, "which nobody else has scraped"));
}

void ClusterChecks::check_gone(ProcessId process, uint32_t number, const char* what) {
    const SimTarget& truth = targets_.at(number);
    if (truth.absent_told == Time::min() || truth.absent_told + kNewsMax < world_.now()) {
        fail("M4", process, words(what, "target", number, "which discovery never lost"));
    }
}

void ClusterChecks::scraping(ProcessId process,
                             uint32_t number,
                             const model::Target& target,
                             bool begins) {
    records_.scraping(process, number, begins);
    if (!begins) {
        ends_.erase({process, number});
    } else if (targets_.job_of(target.job).exclusive) {
        ends_[{process, number}] = target.end;
        check_alone(process, number, target);
    }
}

void ClusterChecks::scrapes(ProcessId process, uint32_t number, const model::Target& target) {
    if (targets_.job_of(target.job).exclusive) {
        check_alone(process, number, target);
    }
}

void ClusterChecks::check_alone(ProcessId process, uint32_t number, const model::Target& target) {
    const auto lets = [&](ProcessId one, const model::ScrapeEnd* end) {
        return end == nullptr ||
               world_.clock(one).steady().time_since_epoch().count() < end->load();
    };
    if (!lets(process, target.end.get())) {
        return;
    }
    for (const ProcessId other : records_.scrapers(number)) {
        if (other != process && lets(other, ends_[{other, number}].get())) {
            fail("X4",
                 process,
                 words("scrapes the exclusive target", number, "and process", other, "may"));
        }
    }
}

// --- samples -------------------------------------------------------------------------------------

void ClusterChecks::stored(ProcessId process,
                           uint32_t number,
                           const model::Target& target,
                           const SimSample& sample) {
    ++samples_;
    world_.trace(process, "stores", number, static_cast<uint64_t>(sample.kind), sample.slot);
    Trial& trial = trials_[{process, number}];
    if (sample.kind == SampleKind::kGone) {
        check_gone(process, number, "writes stale markers:");
    } else if (trial.incoming && !trial.good && sample.kind != SampleKind::kGood) {
        fail("trial", process, words("stores a failed scrape of target", number, "on trial"));
    }
    records_.store(process, number, sample);
    const int64_t skew =
        sample.wall_ms -
        std::chrono::duration_cast<std::chrono::milliseconds>(world_.now()).count();
    const auto [at, added] = skews_.try_emplace(number, skew, skew);
    at->second = {std::min(at->second.first, skew), std::max(at->second.second, skew)};
    if (sample.kind != SampleKind::kGood) {
        return;
    }
    trial.good = true;
    if (slots_.size() <= number) {
        slots_.resize(number + 1);
    }
    check_gap(number, target.slot, sample.at);
    check_overlap(process, number, slots_[number][target.slot], sample.at);
    slots_[number][target.slot].last_good = sample.at;
    slots_[number][target.slot].last_by = process;
}

// An exclusive target waits for the lease of a node that goes: a gap rather than two.
void ClusterChecks::check_gap(uint32_t number, size_t slot, Time now) {
    const SimTarget& truth = targets_.at(number);
    const Slot& seen = slots_[number][slot];
    if (!calm_ || seen.last_good < calm_since_ || !truth.there || !truth.answers() ||
        targets_.jobs()[truth.job].replicas > nodes_ || targets_.jobs()[truth.job].exclusive ||
        std::max({truth.there_since, truth.up_since, truth.absent_told}) > seen.last_good) {
        return;
    }
    const Time interval = truth.target->interval;
    Time most = interval * 3 / 2;
    const char* invariant = "M1";
    if (crash_seen_ && now > crashed_at_) {
        most = interval + kCrashGap + (leader_crashed_ ? kLeaderCrashGap : Time(0));
        invariant = "M3";
    }
    if (now - seen.last_good > most + kGapGrace) {
        world_.fail(invariant,
                    words("target",
                          number,
                          "slot",
                          slot,
                          "has a gap of",
                          (now - seen.last_good) / std::chrono::milliseconds(1),
                          "ms, its interval is",
                          truth.target->interval.count()));
    }
}

void ClusterChecks::check_overlap(ProcessId process, uint32_t number, Slot& slot, Time now) {
    const Time interval = targets_.at(number).target->interval;
    if (slot.last_good == Time::min()) {
        slot.overlaps = 0;  // the first good one of all
        return;
    }
    // Whoever stands in goes on until the silent one has been back for a while.
    const bool doubled = !standing_in_ && slot.last_by != kNoProcess && slot.last_by != process &&
                         now - slot.last_good < interval / 4;
    if (doubled) {
        ++slot.overlaps;
    } else if (slot.last_by == process || now - slot.last_good > interval * 3 / 2) {
        slot.overlaps = 0;
    }
    if (doubled && calm_ && !crash_seen_ && slot.overlaps > kOverlapMax) {
        fail("M2", process, words("still scrapes target", number, "as does another one"));
    }
}

void ClusterChecks::calm(size_t nodes) {
    calm_ = true;
    nodes_ = nodes;
    crash_seen_ = false;
    calm_since_ = world_.now();
    for (std::array<Slot, shard::kReplicasMax>& target : slots_) {
        std::ranges::for_each(target, [](Slot& slot) { slot.overlaps = 0; });
    }
}

void ClusterChecks::crashed(bool leader) {
    crash_seen_ = true;
    leader_crashed_ = leader;
    crashed_at_ = world_.now();
}

void ClusterChecks::storm(bool judge) {
    for (uint32_t number = 0; judge && calm_ && number < slots_.size(); ++number) {
        const size_t slots = targets_.jobs()[targets_.at(number).job].replicas;
        for (size_t slot = 0; slot < slots; ++slot) {
            check_gap(number, slot, world_.now());
        }
    }
    calm_ = false;
}

// --- tables --------------------------------------------------------------------------------------

void ClusterChecks::after(ProcessId process, const shard::Member& member) {
    const raft::Core* const core = member.core();
    if (core == nullptr || !is_new(process, applied_, core->applied_index())) {
        return;
    }
    check_table(process, member.table(), core->applied_index());
    if (world_.now() > second_began_ + seconds(1)) {
        second_began_ = world_.now();
        second_index_ = std::max(second_index_, core->applied_index());
    }
    if (core->applied_index() > second_index_ + kEntriesMax) {
        fail("P7", process, "decides something new again and again");
    }
}

void ClusterChecks::stopped(ProcessId process) {
    if (process < std::min(applied_.size(), epochs_.size())) {
        applied_[process] = 0;
        epochs_[process] = 0;
    }
    std::erase_if(trials_, [process](const auto& one) { return one.first.first == process; });
}

void ClusterChecks::check_table(ProcessId process, const shard::Table& table, raft::Index index) {
    if (epochs_.size() < applied_.size()) {
        epochs_.resize(applied_.size());
    }
    const shard::Epoch epoch = table.epoch();
    if (epoch < epochs_[process]) {
        fail("F3", process, words("epoch", epoch, "after", epochs_[process]));
    }
    epochs_[process] = epoch;
    if (index % 4 == 0) {
        const auto [at, first] = fingerprints_.try_emplace(index, table.fingerprint());
        if (!first && at->second != table.fingerprint()) {
            fail("F1", process, words("has another table after entry", index));
        }
    }
    if (epoch > newest_) {
        newest_ = epoch;
        standing_in_ = !table.takeovers().empty();
        check_placement(process, table);
        check_join(table);
    }
    if (random_.below(kLookOneIn) == 0) {
        shard::Table again;
        const std::string bytes = table.snapshot();
        if (!again.restore(bytes) || again.snapshot() != bytes ||
            again.fingerprint() != table.fingerprint()) {
            fail("F2", process, words("restores another table than it has, at", index));
        }
        check_stale_plan(process, table);
    }
}

void ClusterChecks::check_placement(ProcessId process, const shard::Table& table) {
    std::map<shard::NodeNumber, uint32_t> in;
    std::map<model::TargetId, uint32_t> moving;
    table.for_each_target([&](const shard::TargetView& target) {
        for (size_t one = 0; one < target.owners.size(); ++one) {
            for (size_t other = 0; other < one; ++other) {
                if (target.owners[one].node != shard::kNoNode &&
                    target.owners[one].node == target.owners[other].node) {
                    fail("P2", process, words("two slots on node", target.owners[one].node));
                }
            }
            if (target.owners[one].node != shard::kNoNode &&
                table.node(target.owners[one].node) == nullptr) {
                fail("P1", process, words("an owner that is no node", target.owners[one].node));
            }
        }
    });
    table.for_each_move([&](const shard::TargetView& target) {
        count_overlaps_anew(target);
        if (++moving[target.id] > 1) {
            fail("M6", process, words("two moves of target", targets_.number(target.id)));
        }
        const shard::NodeRecord* const from = table.node(target.move->from);
        // Draining nodes give as fast as others take.
        if (from != nullptr && from->admin == shard::Admin::kActive) {
            ++in[target.move->to];
        }
        for (const shard::Owner& owner : target.owners) {
            if (owner.node == target.move->to) {
                fail("P2", process, words("moves to node", owner.node, "which has a slot"));
            }
        }
    });
    const auto asked =
        std::ranges::count_if(asked_, [&](Time at) { return at + kMoveMax > world_.now(); });
    for (const auto& [node, moves] : in) {
        if (moves > kMovesIn + static_cast<uint32_t>(asked)) {
            fail("P5", process, words(moves, "moves to node", node, "at a time"));
        }
    }
}

// M2 is of one move: the next one may begin when the last one ends.
void ClusterChecks::count_overlaps_anew(const shard::TargetView& target) {
    const uint32_t number = targets_.number(target.id);
    if (std::exchange(last_moves_[number], target.move->epoch) != target.move->epoch &&
        number < slots_.size()) {
        slots_[number][target.move->slot].overlaps = 0;
    }
}

void ClusterChecks::joins(const std::string& node) {
    joining_ = node;
    joins_since_ = newest_;
    joined_moves_.clear();
}

void ClusterChecks::check_join(const shard::Table& table) {
    const shard::NodeRecord* const joined =
        joining_.empty() ? nullptr : table.node(std::string_view(joining_));
    if (joined == nullptr) {
        return;
    }
    table.for_each_move([&](const shard::TargetView& target) {
        if (target.move->epoch <= joins_since_) {
            return;
        }
        const auto [at, first] = joined_moves_.try_emplace(target.id, target.move->epoch);
        const bool back = target.move->from == joined->number;
        if (back || (!first && at->second != target.move->epoch)) {
            world_.fail("P11",
                        words("target",
                              targets_.number(target.id),
                              "moves",
                              back ? "away from" : "twice while",
                              "node",
                              joined->number,
                              back ? "that joins" : "joins"));
        }
    });
}

void ClusterChecks::check_stale_plan(ProcessId process, const shard::Table& table) {
    shard::Table copy;
    if (!copy.restore(table.snapshot()) || table.epoch() == 0 || table.nodes().empty()) {
        return;
    }
    const uint64_t before = copy.fingerprint();
    shard::EditPlan plan{.expected = table.epoch() - 1, .now_s = 1, .jobs = {"another"}};
    plan.edits.push_back(shard::Assign{.target = 42, .owners = {table.nodes().front().number}});
    const shard::EditAnswer answer = copy.apply(shard::encode(shard::Edit(plan)));
    if (answer.applied || copy.fingerprint() != before) {
        fail("F4", process, "a plan for an older epoch changes the table");
    }
}

}  // namespace sim
