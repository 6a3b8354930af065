#include "shard/leader/what_if.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <utility>

namespace shard {

namespace {

constexpr uint32_t kBetweenPlans_s = 3600;  // so that what moved may move again
constexpr uint32_t kNoBound = 1'000'000'000;

// Without what only spreads moves over time.
PlacingOptions unbounded(PlacingOptions options, bool full) {
    PlannerOptions& planner = options.planner;
    planner.moves_per_plan_min = kNoBound;
    planner.targets_per_plan = planner.targets_per_minute = planner.series_per_minute = 1;
    planner.moves_per_node = kNoBound;
    planner.orphan_budget_part = 1;
    planner.full = full;
    return options;
}

std::string listed(const std::set<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text.empty() ? "none" : text;
}

}  // namespace

struct WhatIf::Body {
    explicit Body(Parts with) : parts(std::move(with)) {
        fresh.reserve(parts.fresh.size());
        for (WantedTarget target : parts.fresh) {
            target.job = *jobs.emplace(target.job).first;
            fresh.push_back(target);
        }
        parts.fresh = {};
    }

    base::Status change(const Scenario& scenario);
    base::Status add_nodes(const Scenario& scenario);
    base::Result<NodeNumber> node(const std::string& id) const;
    base::Status lose_zone(const std::string& zone);
    base::Status grow(const std::string& job, double factor);
    base::Status carry_out(Placing& placing);
    base::Status apply(const Edit& edit);
    void count(bool after, Trial& trial);
    void report(const Placing& placing, Trial& trial) const;
    [[nodiscard]] Placing plan(const PlacingOptions& options);

    Parts parts;
    Table table;
    std::set<std::string, std::less<>> jobs;  // what the targets' views point into
    std::vector<WantedTarget> fresh;
    NodeNumber first_added = kNoNode;
};

base::Status WhatIf::Body::apply(const Edit& edit) {
    const EditAnswer answer = table.apply(encode(edit));
    if (!answer.applied) {
        return base::fail(base::Code::kInvalid, "this cannot be tried:", answer.reason);
    }
    return base::success();
}

base::Result<NodeNumber> WhatIf::Body::node(const std::string& id) const {
    if (const NodeRecord* const record = table.node(id)) {
        return record->number;
    }
    std::set<std::string> known;
    for (const NodeRecord& record : table.nodes()) {
        known.insert(record.id);
    }
    return base::fail(base::Code::kNotFound,
                      "there is no node \"" + id + "\"; there are: " + listed(known));
}

base::Status WhatIf::Body::add_nodes(const Scenario& scenario) {
    if (scenario.add_nodes > kTrialNodesMax) {
        return base::fail(base::Code::kLimit,
                          "at most " + std::to_string(kTrialNodesMax) +
                              " nodes can be added, not " + std::to_string(scenario.add_nodes));
    }
    std::vector<uint64_t> budgets;
    std::set<uint64_t> members;
    for (const NodeRecord& record : table.nodes()) {
        budgets.push_back(record.series_budget);
        members.insert(record.member);
    }
    uint64_t budget = scenario.budget;
    if (budget == 0 && !budgets.empty()) {
        const auto middle = budgets.begin() + static_cast<ptrdiff_t>(budgets.size() / 2);
        std::ranges::nth_element(budgets, middle);
        budget = *middle;
    }
    for (uint32_t i = 0; i < scenario.add_nodes; ++i) {
        std::string id = "new-" + std::to_string(i + 1);
        while (table.node(id) != nullptr) {
            id += "x";
        }
        uint64_t member = 1;  // any that is no other's will do
        while (!members.insert(member).second) {
            ++member;
        }
        TRY(apply(PutNode{.id = id,
                          .member = member,
                          .address = id + ":1",
                          .zone = scenario.zone,
                          .series_budget = std::max<uint64_t>(budget, 1)}));
        parts.nodes[table.node(id)->number] = {};
        if (first_added == kNoNode) {
            first_added = table.node(id)->number;
        }
    }
    return base::success();
}

base::Status WhatIf::Body::lose_zone(const std::string& zone) {
    std::set<std::string> known;
    bool found = false;
    for (const NodeRecord& record : table.nodes()) {
        if (!record.zone.empty()) {
            known.insert(record.zone);
        }
        if (!zone.empty() && record.zone == zone) {
            parts.nodes[record.number].use = NodeUse::kGone;
            found = true;
        }
    }
    if (!found) {
        return base::fail(base::Code::kNotFound,
                          "no node is in zone \"" + zone + "\"; zones: " + listed(known));
    }
    return base::success();
}

base::Status WhatIf::Body::grow(const std::string& job, double factor) {
    if (!std::isfinite(factor) || factor < 0 || factor > kTrialGrowthMax) {
        return base::fail(base::Code::kInvalid,
                          "job \"" + job + "\" can grow by a factor of 0 to " +
                              std::to_string(static_cast<int>(kTrialGrowthMax)));
    }
    const auto names = table.jobs();
    const auto found = std::ranges::find(names, job);
    if (found == names.end()) {
        return base::fail(base::Code::kNotFound,
                          "there is no job \"" + job + "\" with targets; there are: " +
                              listed({names.begin(), names.end()}));
    }
    parts.loads->grow(static_cast<uint32_t>(found - names.begin()), factor);
    return base::success();
}

base::Status WhatIf::Body::change(const Scenario& scenario) {
    TRY(add_nodes(scenario));
    for (const std::string& id : scenario.drain) {
        TRY(const NodeNumber number, node(id));
        parts.nodes[number].use = NodeUse::kEmpties;
    }
    for (const std::string& id : scenario.lose) {
        TRY(const NodeNumber number, node(id));
        parts.nodes[number].use = NodeUse::kGone;
    }
    for (const std::string& zone : scenario.lose_zones) {
        TRY(lose_zone(zone));
    }
    for (const auto& [job, factor] : scenario.grow) {
        TRY(grow(job, factor));
    }
    return base::success();
}

Placing WhatIf::Body::plan(const PlacingOptions& options) {
    return place({.table = table,
                  .loads = *parts.loads,
                  .unable = parts.unable,
                  .fresh = fresh,
                  .gone = parts.gone,
                  .node = [this](const NodeRecord& record) { return parts.nodes[record.number]; },
                  .replicas = parts.replicas,
                  .now_s = parts.now_s,
                  .recent_moves = 0,
                  .recent_series = 0},
                 options);
}

// Every move begins and is done at once.
base::Status WhatIf::Body::carry_out(Placing& placing) {
    for (EditPlan& part : split(std::move(placing.edits))) {
        part.expected = table.epoch();
        TRY(apply(part));
    }
    EditPlan ends{.now_s = parts.now_s};
    table.for_each_move([&](const TargetView& target) {
        ends.edits.push_back(FinishMove{.target = target.id, .epoch = target.move->epoch});
    });
    for (EditPlan& part : split(std::move(ends))) {
        part.expected = table.epoch();
        TRY(apply(part));
    }
    return base::success();
}

void WhatIf::Body::count(bool after, Trial& trial) {
    std::unordered_map<NodeNumber, std::pair<uint64_t, uint64_t>> held;  // targets, series
    table.for_each_target([&](const TargetView& target) {
        const uint64_t series = parts.loads->series(target.id, target.job, target.weight);
        for (const Owner& owner : target.owners) {
            auto& [targets, sum] = held[owner.node];
            ++targets;
            sum += series;
        }
    });
    if (trial.nodes.empty()) {
        for (const NodeRecord& record : table.nodes()) {
            trial.nodes.push_back(
                {.number = record.number, .id = record.id, .series_budget = record.series_budget});
        }
    }
    for (TrialNode& one : trial.nodes) {
        const auto [targets, series] = held[one.number];
        const NodeView& view = parts.nodes[one.number];
        one.gone = view.use == NodeUse::kGone || view.use == NodeUse::kEmpties;
        (after ? one.targets_after : one.targets_before) = targets;
        (after ? one.series_after : one.series_before) = series + view.other_series;
    }
}

void WhatIf::Body::report(const Placing& placing, Trial& trial) const {
    trial.ratio_after = placing.ratio_after;
    trial.unplaced = placing.unplaced;
    trial.needed_nodes = placing.needed_nodes;
    trial.over_budget = placing.over_budget;
}

WhatIf::WhatIf(Parts parts) : body_(std::make_unique<Body>(std::move(parts))) {}

WhatIf::~WhatIf() = default;
WhatIf::WhatIf(WhatIf&&) noexcept = default;
WhatIf& WhatIf::operator=(WhatIf&&) noexcept = default;

base::Result<Trial> WhatIf::run(const Scenario& scenario) {
    Body& at = *body_;
    TRY(at.table.restore(at.parts.table));
    at.parts.table.clear();
    Trial trial;
    const PlacingOptions options = unbounded(at.parts.placing, scenario.full);
    trial.ratio_before = at.plan(options).ratio_before;
    // Loads as they are, before any job grows; nodes as they will be.
    TRY(at.add_nodes(scenario));
    at.count(false, trial);
    Scenario rest = scenario;
    rest.add_nodes = 0;
    TRY(at.change(rest));
    at.parts.now_s += kBetweenPlans_s;
    // The last plan held nothing back, found nothing on its way, and is of the same moment.
    bool whole = false;
    bool moved = false;  // since time has passed
    while (true) {
        Placing placing = at.plan(options);
        at.report(placing, trial);
        if (placing.edits.edits.empty()) {
            if (!std::exchange(moved, false)) {
                break;
            }
            at.parts.now_s += kBetweenPlans_s;
            whole = false;
            continue;
        }
        if (trial.plans == kTrialPlansMax) {
            trial.complete = false;
            break;
        }
        ++trial.plans;
        trial.restless += whole ? 1 : 0;
        whole = placing.held_back == 0 && at.table.moves() == 0;
        moved = true;
        trial.moves.insert(trial.moves.end(), placing.moves.begin(), placing.moves.end());
        TRY(at.carry_out(placing));
        at.fresh.clear();
        at.parts.gone.clear();
    }
    at.count(true, trial);
    return trial;
}

}  // namespace shard
