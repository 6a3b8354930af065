#include "shard/answers/nodes.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "base/json.h"

namespace shard {

namespace {

void write_names(base::JsonWriter& json,
                 std::string_view key,
                 const std::vector<std::string>& names) {
    json.key(key);
    json.begin_array();
    for (const std::string& name : names) {
        json.string(name);
    }
    json.end_array();
}

void write_or_null(base::JsonWriter& json, std::string_view key, std::optional<uint64_t> number) {
    json.key(key);
    number ? json.natural(*number) : json.null();
}

std::string_view role_of(const ClusterView& view, uint64_t member, std::string_view id) {
    if (!view.leader_id.empty() && id == view.leader_id) {
        return "leader";
    }
    if (std::ranges::find(view.voters, member) != view.voters.end()) {
        return "voter";
    }
    return std::ranges::find(view.learners, member) != view.learners.end() ? "learner" : "worker";
}

// What is the matter with a node, in words; empty: nothing.
std::string problem_of(const NodeRecord& record, const NodeStatus* status, bool over_budget) {
    std::vector<std::string> problems;
    if (status == nullptr) {
        return {};
    }
    if ((status->totals.flags & kNodeReadOnly) != 0) {
        problems.emplace_back("its disk is full or broken: it takes no targets");
    }
    if ((status->totals.flags & kNodeMemoryHigh) != 0) {
        problems.emplace_back("its memory is short: it takes no targets");
    }
    if (status->clock_off) {
        problems.push_back("its clock is " + std::to_string(status->clock_behind_ms) +
                           " ms behind the leader's: it takes no targets until that is corrected");
    }
    if (!status->foreign_jobs.empty()) {
        std::string jobs;
        for (const std::string& job : status->foreign_jobs) {
            jobs += (jobs.empty() ? "" : ", ") + job;
        }
        problems.push_back("it is configured otherwise than the leader and gets no targets of: " +
                           jobs);
    }
    if (over_budget) {
        problems.emplace_back("it holds more than its budget of " +
                              std::to_string(record.series_budget) +
                              " series, and no other node has room");
    }
    std::string text;
    for (const std::string& problem : problems) {
        text += (text.empty() ? "" : "; ") + problem;
    }
    return text;
}

void write_load(base::JsonWriter& json, const NodeRecord& record, const NodeStatus* status) {
    const bool told = status != nullptr && status->session;
    const auto figure = [&](uint64_t value) { return told ? std::optional(value) : std::nullopt; };
    const Totals totals = told ? status->totals : Totals{};
    json.key("targets");
    status != nullptr ? json.natural(status->targets) : json.null();
    write_or_null(json, "active_series", figure(totals.active_series));
    write_or_null(json, "other_series", figure(totals.other_series));
    json.key("series_budget");
    json.natural(record.series_budget);
    json.key("share");
    if (told && record.series_budget != 0) {
        json.number(static_cast<double>(totals.active_series) /
                    static_cast<double>(record.series_budget));
    } else {
        json.null();
    }
    write_or_null(json, "memory_bytes", figure(totals.memory_bytes));
    write_or_null(json, "memory_limit_bytes", figure(totals.memory_limit_bytes));
    write_or_null(json, "late_ms", figure(totals.late_ms));
}

void write_node(base::JsonWriter& json,
                const ClusterView& view,
                const NodeRecord& record,
                const NodeStatus* status,
                bool over_budget) {
    json.begin_object();
    json.member("id", record.id);
    json.key("number");
    json.natural(record.number);
    json.member("address", record.address);
    json.member("zone", record.zone);
    json.member("state", node_state(record, status));
    json.member("life", status == nullptr ? "unknown" : name(status->life));
    json.member("admin", name(record.admin));
    json.key("maintenance_until_ms");
    record.admin == Admin::kMaintenance ? json.integer(record.maintenance_until_ms) : json.null();
    json.member("role", role_of(view, record.member, record.id));
    write_load(json, record, status);
    json.key("feature_level");
    json.natural(record.feature_level);
    json.key("session");
    json.boolean(status != nullptr && status->session);
    json.key("clock_off");
    json.boolean(status != nullptr && status->clock_off);
    json.key("clock_behind_ms");
    status != nullptr && status->session ? json.integer(status->clock_behind_ms) : json.null();
    write_names(json,
                "foreign_jobs",
                status == nullptr ? std::vector<std::string>() : status->foreign_jobs);
    json.member("problem", problem_of(record, status, over_budget));
    json.end_object();
}

// One that only the last leader's list names.
void write_known(base::JsonWriter& json, const ClusterView& view, const KnownNode& node) {
    json.begin_object();
    json.member("id", node.id);
    json.key("number");
    json.natural(node.number);
    json.member("address", node.address);
    json.member("zone", node.zone);
    json.member("state", "unknown");
    json.member("role", node.id == view.leader_id ? "leader" : node.voter ? "voter" : "worker");
    json.end_object();
}

// By id, as people look for them.
template <class Node>
std::vector<const Node*> by_id(std::span<const Node> nodes) {
    std::vector<const Node*> sorted;
    for (const Node& node : nodes) {
        sorted.push_back(&node);
    }
    std::ranges::sort(sorted, {}, [](const Node* node) { return std::string_view(node->id); });
    return sorted;
}

void write_nodes(base::JsonWriter& json, const ClusterView& view, const LeaderStatus& status) {
    json.begin_array();
    if (view.table == nullptr || view.table->nodes().empty()) {
        for (const KnownNode* const node : by_id(view.known)) {
            write_known(json, view, *node);
        }
    } else {
        for (const NodeRecord* const record : by_id(view.table->nodes())) {
            const auto known = std::ranges::find(status.nodes, record->number, &NodeStatus::number);
            const bool over =
                std::ranges::find(status.over_budget, record->number) != status.over_budget.end();
            write_node(json, view, *record, known == status.nodes.end() ? nullptr : &*known, over);
        }
    }
    json.end_array();
}

// Without a leader these are as old as the last one's word.
void warn_without_leader(const ClusterView& view, Reply& reply) {
    if (view.leader == nullptr) {
        reply.warnings.push_back("no leader answers: this is what node " + view.self_id +
                                 " last knew");
    }
    if (!view.problem.empty()) {
        reply.warnings.push_back("node " + view.self_id + ": " + view.problem);
    }
}

void write_plan_figures(base::JsonWriter& json,
                        const ClusterView& view,
                        const LeaderStatus& status) {
    const bool planned = view.leader != nullptr && status.planned;
    write_or_null(json,
                  "needed_nodes",
                  planned ? std::optional<uint64_t>(status.needed_nodes) : std::nullopt);
    json.key("imbalance");
    planned ? json.number(status.ratio) : json.null();
    write_or_null(json, "unplaced", planned ? std::optional(status.unplaced) : std::nullopt);
    std::vector<std::string> over;
    for (const NodeNumber number : status.over_budget) {
        if (const NodeRecord* const record = view.table->node(number)) {
            over.push_back(record->id);
        }
    }
    write_names(json, "over_budget", over);
}

}  // namespace

std::string_view name(Admin admin) {
    switch (admin) {
        case Admin::kActive:
            return "active";
        case Admin::kMaintenance:
            return "maintenance";
        case Admin::kDraining:
            return "draining";
        case Admin::kDrained:
            return "drained";
    }
    return "unknown";
}

std::string node_state(const NodeRecord& record, const NodeStatus* status) {
    if (status == nullptr) {
        return record.admin == Admin::kActive ? "unknown" : std::string(name(record.admin));
    }
    const bool there = status->life == NodeLife::kLive;
    const bool wanted = record.admin != Admin::kActive;
    return std::string(wanted && (there || record.admin == Admin::kMaintenance)
                           ? name(record.admin)
                           : name(status->life));
}

Reply status_reply(const ClusterView& view) {
    const LeaderStatus status = view.leader == nullptr ? LeaderStatus{} : view.leader->status();
    Reply reply;
    warn_without_leader(view, reply);
    base::JsonWriter json(reply.json);
    json.begin_object();
    json.member("cluster_id", view.cluster_id);
    json.member("leader", view.leader_id);
    json.member("answered_by", view.self_id);
    json.key("term");
    json.natural(view.term);
    json.key("epoch");
    json.natural(view.epoch);
    json.key("paused");
    view.table == nullptr ? json.null() : json.boolean(view.table->paused());
    write_plan_figures(json, view, status);
    write_or_null(json,
                  "moves_in_flight",
                  view.table == nullptr ? std::nullopt : std::optional(view.table->moves()));
    write_or_null(json,
                  "targets",
                  view.table == nullptr ? std::nullopt : std::optional(view.table->targets()));
    json.key("nodes");
    write_nodes(json, view, status);
    json.end_object();
    return reply;
}

Reply nodes_reply(const ClusterView& view) {
    Reply reply;
    warn_without_leader(view, reply);
    base::JsonWriter json(reply.json);
    write_nodes(json, view, view.leader == nullptr ? LeaderStatus{} : view.leader->status());
    return reply;
}

}  // namespace shard
