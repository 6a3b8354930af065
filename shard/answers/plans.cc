#include "shard/answers/plans.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/json.h"
#include "shard/answers/parameters.h"
#include "shard/answers/targets.h"

namespace shard {

namespace {

using Names = std::map<NodeNumber, std::string>;
using Describe = std::function<std::shared_ptr<const TargetDescriptor>(model::TargetId)>;

base::Error no_leader(const char* what) {
    return base::Error(
        base::Code::kUnavailable,
        std::string(what) + " is the leader's, and no leader answers; ask again in a few seconds");
}

Names names_of(const Table& table) {
    Names names;
    for (const NodeRecord& record : table.nodes()) {
        names[record.number] = record.id;
    }
    return names;
}

void write_node(base::JsonWriter& json, std::string_view key, const Names& names, NodeNumber node) {
    json.key(key);
    const auto found = names.find(node);
    found == names.end() ? json.null() : json.string(found->second);
}

void write_share(base::JsonWriter& json, std::string_view key, float share) {
    json.key(key);
    json.number(static_cast<double>(share));
}

void write_move(base::JsonWriter& json,
                const ExplainedMove& move,
                const Names& names,
                const Describe& describe) {
    json.begin_object();
    json.key("target");
    std::string target;
    write_target_name(target, move.target, describe ? describe(move.target) : nullptr);
    json.raw(target);
    json.key("slot");
    json.natural(move.slot);
    write_node(json, "from", names, move.from);
    write_node(json, "to", names, move.to);
    json.member("reason", name(move.reason));
    json.member("why", explain(move.reason));
    json.key("series");
    json.natural(move.series);
    write_share(json, "from_before", move.from_before);
    write_share(json, "from_after", move.from_after);
    write_share(json, "to_before", move.to_before);
    write_share(json, "to_after", move.to_after);
    json.end_object();
}

void write_moves(base::JsonWriter& json,
                 const std::vector<ExplainedMove>& moves,
                 uint64_t limit,
                 const Names& names,
                 const Describe& describe,
                 Reply& reply) {
    json.key("moves_total");
    json.natural(moves.size());
    json.key("moves");
    json.begin_array();
    for (size_t i = 0; i < moves.size() && i < limit; ++i) {
        write_move(json, moves[i], names, describe);
    }
    json.end_array();
    if (moves.size() > limit) {
        reply.warnings.push_back(
            "the first " + std::to_string(limit) + " of " + std::to_string(moves.size()) +
            " moves are listed; raise limit (at most " + std::to_string(kMovesLimitMax) + ")");
    }
}

void write_over_budget(base::JsonWriter& json,
                       const std::vector<NodeNumber>& nodes,
                       const Names& names) {
    json.key("over_budget");
    json.begin_array();
    for (const NodeNumber node : nodes) {
        const auto found = names.find(node);
        json.string(found == names.end() ? std::to_string(node) : found->second);
    }
    json.end_array();
}

Reply plan_json(const Placing& placing,
                bool full,
                uint64_t limit,
                const Names& names,
                const Describe& describe) {
    Reply reply;
    base::JsonWriter json(reply.json);
    json.begin_object();
    json.key("epoch");
    json.natural(placing.edits.expected);
    json.key("full");
    json.boolean(full);
    json.key("edits");
    json.natural(placing.edits.edits.size());
    json.key("imbalance_before");
    json.number(placing.ratio_before);
    json.key("imbalance_after");
    json.number(placing.ratio_after);
    json.key("unplaced");
    json.natural(placing.unplaced);
    json.key("held_back");
    json.natural(placing.held_back);
    json.key("needed_nodes");
    json.natural(placing.needed_nodes);
    write_over_budget(json, placing.over_budget, names);
    write_moves(json, placing.moves, limit, names, describe, reply);
    json.end_object();
    return reply;
}

void write_trial_node(base::JsonWriter& json, const TrialNode& node) {
    const auto share = [&](uint64_t series) {
        return node.series_budget == 0
                   ? 0
                   : static_cast<double>(series) / static_cast<double>(node.series_budget);
    };
    json.begin_object();
    json.member("id", node.id);
    json.key("gone");
    json.boolean(node.gone);
    json.key("series_budget");
    json.natural(node.series_budget);
    json.key("targets_before");
    json.natural(node.targets_before);
    json.key("targets_after");
    json.natural(node.targets_after);
    json.key("series_before");
    json.natural(node.series_before);
    json.key("series_after");
    json.natural(node.series_after);
    json.key("share_before");
    json.number(share(node.series_before));
    json.key("share_after");
    json.number(share(node.series_after));
    json.end_object();
}

Reply trial_json(const Trial& trial, uint64_t limit, const Describe& describe) {
    Names names;
    for (const TrialNode& node : trial.nodes) {
        names[node.number] = node.id;
    }
    Reply reply;
    if (!trial.complete) {
        reply.warnings.push_back("after " + std::to_string(trial.plans) +
                                 " plans there is still something to do: what follows is how far "
                                 "they came");
    }
    base::JsonWriter json(reply.json);
    json.begin_object();
    json.key("complete");
    json.boolean(trial.complete);
    json.key("plans");
    json.natural(trial.plans);
    json.key("imbalance_before");
    json.number(trial.ratio_before);
    json.key("imbalance_after");
    json.number(trial.ratio_after);
    json.key("unplaced");
    json.natural(trial.unplaced);
    json.key("needed_nodes");
    json.natural(trial.needed_nodes);
    write_over_budget(json, trial.over_budget, names);
    json.key("nodes");
    json.begin_array();
    for (const TrialNode& node : trial.nodes) {
        write_trial_node(json, node);
    }
    json.end_array();
    write_moves(json, trial.moves, limit, names, describe, reply);
    json.end_object();
    return reply;
}

base::Result<Scenario> read_scenario(const Parameters& parameters) {
    TRY(check_names(parameters,
                    {"add",
                     "budget",
                     "zone",
                     "drain",
                     "lose",
                     "lose_zone",
                     "grow",
                     "factor",
                     "full",
                     "limit"}));
    Scenario scenario{.zone = std::string(text_of(parameters, "zone")),
                      .drain = list_of(parameters, "drain"),
                      .lose = list_of(parameters, "lose"),
                      .lose_zones = list_of(parameters, "lose_zone")};
    TRY(const uint64_t add, number_of(parameters, "add", 0));
    scenario.add_nodes = static_cast<uint32_t>(std::min<uint64_t>(add, UINT32_MAX));
    TRY(scenario.budget, number_of(parameters, "budget", 0));
    TRY(scenario.full, flag_of(parameters, "full"));
    const std::string_view job = text_of(parameters, "grow");
    const bool has_factor = !text_of(parameters, "factor").empty();
    if (job.empty() == has_factor) {
        return base::fail(base::Code::kInvalid,
                          "grow (a job) and factor go together, as in grow=node&factor=2");
    }
    if (has_factor) {
        TRY(const double factor, factor_of(parameters, "factor", 1));
        scenario.grow.emplace(job, factor);
    }
    const bool nothing = scenario.add_nodes == 0 && scenario.drain.empty() &&
                         scenario.lose.empty() && scenario.lose_zones.empty() &&
                         scenario.grow.empty();
    if (nothing && !scenario.full) {
        return base::fail(
            base::Code::kInvalid,
            "say what to try: add, drain, lose, lose_zone, grow with factor, or full");
    }
    return scenario;
}

}  // namespace

base::Result<Finish> plan_reply(const ClusterView& view, const Parameters& parameters) {
    TRY(check_names(parameters, {"full", "limit"}));
    TRY(const bool full, flag_of(parameters, "full"));
    TRY(uint64_t limit, number_of(parameters, "limit", kMovesLimit));
    limit = std::min(limit, kMovesLimitMax);
    if (view.leader == nullptr) {
        return base::fail(no_leader("the plan"));
    }
    return Finish([placing = view.leader->plan(full),
                   full,
                   limit,
                   names = names_of(*view.table),
                   describe = view.descriptor]() -> base::Result<Reply> {
        return plan_json(placing, full, limit, names, describe);
    });
}

base::Result<Finish> simulate_reply(const ClusterView& view, const Parameters& parameters) {
    TRY(Scenario scenario, read_scenario(parameters));
    TRY(uint64_t limit, number_of(parameters, "limit", kMovesLimit));
    limit = std::min(limit, kMovesLimitMax);
    if (view.leader == nullptr) {
        return base::fail(no_leader("trying things out"));
    }
    // A function that can be copied needs parts that can.
    auto what_if = std::make_shared<WhatIf>(view.leader->what_if());
    return Finish([what_if, scenario = std::move(scenario), limit, describe = view.descriptor]()
                      -> base::Result<Reply> {
        TRY(const Trial trial, what_if->run(scenario));
        return trial_json(trial, limit, describe);
    });
}

}  // namespace shard
