#include "test/sim/cluster_plans.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "shard/assignment/edits.h"
#include "test/sim/raft_checks.h"

namespace sim {

namespace {

using shard::ExplainedMove;
using shard::MoveReason;
using shard::NodeNumber;

constexpr double kRounding = 1e-4;  // of shares, which moves tell in single precision

}  // namespace

void ClusterPlans::look(const shard::Leader& leader, const shard::Table& table, bool at_rest) {
    const shard::Placing once = leader.plan();
    if (!once.edits.edits.empty() || at_rest) {
        const shard::Placing again = leader.plan();
        if (shard::encode(shard::Edit(once.edits)) != shard::encode(shard::Edit(again.edits))) {
            world_.fail("P4", "the same is planned in two ways");
        }
    }
    check_evener(once, table);
    check_band(once);
    if (at_rest) {
        check_trials(leader);
    }
}

void ClusterPlans::check_evener(const shard::Placing& placing, const shard::Table& table) {
    for (const ExplainedMove& move : placing.moves) {
        const bool balance = move.reason == MoveReason::kBalance;
        const shard::NodeRecord* const from = table.node(move.from);
        const shard::NodeRecord* const to = table.node(move.to);
        if (!balance || from == nullptr || to == nullptr) {
            continue;
        }
        const auto cost = [&](float at_from, float at_to) {
            return static_cast<double>(from->series_budget) * at_from * at_from +
                   static_cast<double>(to->series_budget) * at_to * at_to;
        };
        if (cost(move.from_after, move.to_after) > cost(move.from_before, move.to_before)) {
            world_.fail("P7", words("a move for balance from", move.from, "to", move.to));
        }
    }
}

// Nothing is moved to even out nodes that are at 1.10 of the mean at most. What is moved although
// they are has another reason: a node is beyond its budget, or below 0.90 and is filled
// (docs/placement.md). The first one would be lost to growth otherwise; without the second a node
// that joins many would stay empty, for it hardly lowers their mean.
void ClusterPlans::check_band(const shard::Placing& placing) {
    const shard::PlannerOptions options;
    const double calm = (options.calm_ratio - kRounding) * placing.mean;
    const double high = options.budget_high - kRounding;
    std::set<NodeNumber> gave;
    std::set<NodeNumber> filled;
    const char* wrong = nullptr;
    for (size_t at = 0; at < placing.moves.size(); ++at) {
        const ExplainedMove& move = placing.moves[at];
        switch (move.reason) {
            case MoveReason::kSwap:  // and the next one, for which it makes room
                wrong = move.to_before > calm || move.to_before > high ? wrong : "is swapped";
                ++at;
                break;
            case MoveReason::kBalance:
                wrong = !gave.insert(move.from).second || move.from_before > calm ? wrong : "gives";
                break;
            case MoveReason::kOverBudget:
                wrong = !gave.insert(move.from).second || move.from_before > high
                            ? wrong
                            : "gives, below its budget";
                break;
            case MoveReason::kFill:
                wrong = !filled.insert(move.to).second ||
                                move.to_before < (options.low_ratio + kRounding) * placing.mean
                            ? wrong
                            : "is filled";
                break;
            default:
                break;
        }
        if (wrong != nullptr) {
            world_.fail("P6",
                        words("node",
                              move.from,
                              "to",
                              move.to,
                              wrong,
                              move.from_before / placing.mean,
                              move.to_before / placing.mean));
            return;
        }
    }
}

shard::Trial ClusterPlans::try_out(const shard::Leader& leader, const shard::Scenario& scenario) {
    auto tried = leader.what_if().run(scenario);
    SKEIN_CHECK(tried.has_value(), "cannot be tried out", tried.error().message());
    if (!tried.value().complete) {
        world_.fail("P3", words("plans do not come to an end, after", tried.value().plans));
    }
    if (tried.value().restless > 0) {
        world_.fail("P3",
                    words("a whole plan is followed by", tried.value().restless, "that are not"));
    }
    return std::move(tried).value();
}

void ClusterPlans::check_trials(const shard::Leader& leader) {
    const shard::Trial now = try_out(leader, {});
    if (now.plans > 0 || random_.below(4) == 0) {
        static_cast<void>(try_out(leader, {.full = true}));
        return;
    }
    const shard::Trial joined = try_out(leader, {.add_nodes = 1});
    if (joined.restless == 0) {
        check_join(joined);
    }
}

void ClusterPlans::check_join(const shard::Trial& joined) {
    const shard::TrialNode& added = joined.nodes.back();
    uint64_t series = 0;
    uint64_t budgets = 0;
    for (const shard::TrialNode& node : joined.nodes) {
        series += node.gone ? 0 : node.series_after;
        budgets += node.gone ? 0 : node.series_budget;
    }
    check_newcomer(joined.moves,
                   {.node = added.number,
                    .budget = static_cast<double>(added.series_budget),
                    .mean = static_cast<double>(series) / static_cast<double>(budgets)});
}

void ClusterPlans::look_at_join(const shard::Leader& leader,
                                const shard::Table& table,
                                const shard::NodeRecord& joined) {
    const shard::Placing placing = leader.plan();
    if (placing.held_back > 0) {
        return;  // what it is to get may be too large for now, and what others get small enough
    }
    Newcomer newcomer{.node = joined.number,
                      .budget = static_cast<double>(joined.series_budget),
                      .mean = placing.mean};
    table.for_each_target([&](const shard::TargetView& target) {
        if (target.owners.size() > 1 && !joined.zone.empty()) {
            newcomer.not_for_it.insert(target.id);  // its zone may have one
        }
        const bool has = (target.move != nullptr && target.move->to == joined.number) ||
                         std::ranges::find(target.owners, joined.number, &shard::Owner::node) !=
                             target.owners.end();
        if (has) {
            newcomer.not_for_it.insert(target.id);
            newcomer.series += static_cast<double>(leader.target(target.id).series);
        }
    });
    check_newcomer(placing.moves, std::move(newcomer));
}

// While a node that joins is below 0.90 of the mean, nothing that it could take goes round among
// the others. Beyond, targets of a size may leave those out of the band, which the lower mean makes
// narrower; then they even out as they would without it (docs/placement.md).
void ClusterPlans::check_newcomer(const std::vector<ExplainedMove>& moves, Newcomer newcomer) {
    const shard::PlannerOptions options;
    const double whole = newcomer.mean * newcomer.budget;
    for (const ExplainedMove& move : moves) {
        const auto series = static_cast<double>(move.series);
        if (move.to == newcomer.node) {
            newcomer.series += series;
            newcomer.not_for_it.insert(move.target);
            continue;
        }
        // Who is filled besides was low, too.
        const bool evens =
            move.reason == MoveReason::kBalance || move.reason == MoveReason::kOverBudget;
        const bool also_low = move.to_before < options.low_ratio * newcomer.mean;
        if (evens && !also_low && newcomer.series < (options.low_ratio - kRounding) * whole &&
            newcomer.series + series < whole && !newcomer.not_for_it.contains(move.target)) {
            world_.fail("P11",
                        words("a target of",
                              move.series,
                              "goes from node",
                              move.from,
                              "to",
                              move.to,
                              "while node",
                              newcomer.node,
                              "joins and has",
                              newcomer.series,
                              "of",
                              whole,
                              std::string(name(move.reason))));
            return;
        }
    }
}

}  // namespace sim
