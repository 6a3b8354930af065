#include "engine/cluster/alone.h"

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "shard/answers/parameters.h"
#include "shard/answers/targets.h"
#include "shard/target_text.h"

namespace engine {

using base::Code;
using base::fail;
using base::JsonWriter;
using base::Result;
using shard::Answer;

namespace {

void write_node(JsonWriter& json, const AloneFigures& figures, size_t targets) {
    json.begin_object();
    json.member("id", figures.node_id);
    json.key("number");
    json.natural(1);
    json.member("address", figures.address);
    json.member("zone", "");
    json.member("state", "live");
    json.member("life", "live");
    json.member("admin", "active");
    json.key("maintenance_until_ms");
    json.null();
    json.member("role", "leader");
    json.key("targets");
    json.natural(targets);
    json.key("active_series");
    json.natural(figures.active_series);
    json.key("other_series");
    json.null();
    json.key("series_budget");
    json.natural(figures.series_budget);
    json.key("share");
    if (figures.series_budget == 0) {
        json.null();
    } else {
        json.number(static_cast<double>(figures.active_series) /
                    static_cast<double>(figures.series_budget));
    }
    json.key("memory_bytes");
    json.natural(figures.memory_bytes);
    json.key("memory_limit_bytes");
    json.natural(figures.memory_limit_bytes);
    json.member("problem", "");
    json.end_object();
}

std::string status_json(const AloneFigures& figures, size_t targets) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.member("cluster_id", "");
    json.member("leader", figures.node_id);
    json.member("answered_by", figures.node_id);
    for (const char* const name : {"term", "epoch", "moves_in_flight", "unplaced"}) {
        json.key(name);
        json.natural(0);
    }
    json.key("paused");
    json.boolean(false);
    json.key("needed_nodes");
    json.natural(1);
    json.key("imbalance");
    json.number(1);
    json.key("over_budget");
    json.begin_array();
    if (figures.series_budget != 0 && figures.active_series > figures.series_budget) {
        json.string(figures.node_id);
    }
    json.end_array();
    json.key("targets");
    json.natural(targets);
    json.key("nodes");
    json.begin_array();
    write_node(json, figures, targets);
    json.end_array();
    json.end_object();
    return out;
}

void write_target(JsonWriter& json, const AloneFigures& figures, const scrape::TargetView& view) {
    const bool known = view.status.health != scrape::Health::kUnknown;
    json.begin_object();
    json.member("id", shard::target_text(view.target->id));
    json.member("job", view.job);
    json.member("instance", view.target->labels.get("instance"));
    json.key("labels");
    json.begin_object();
    for (const model::LabelView label : view.target->labels) {
        json.member(label.name, label.value);
    }
    json.end_object();
    json.member("url", view.target->url);
    json.key("owners");
    json.begin_array();
    json.string(figures.node_id);
    json.end_array();
    json.key("standing_in");
    json.begin_array();
    json.end_array();
    json.key("series");
    json.natural(view.series);
    json.key("measured");
    json.boolean(known);
    json.member("health",
                !known                                      ? "unknown"
                : view.status.health == scrape::Health::kUp ? "up"
                                                            : "down");
    json.key("moving_to");
    json.null();
    json.end_object();
}

Result<Answer> targets_answer(const AloneFigures& figures,
                              const scrape::Manager& manager,
                              const shard::Question& question) {
    const shard::Parameters parameters(question.parameters.begin(), question.parameters.end());
    TRY(shard::check_names(parameters, {"job", "limit", "node", "search"}));
    TRY(const uint64_t limit, shard::number_of(parameters, "limit", shard::kTargetsLimit));
    const std::string_view job = shard::text_of(parameters, "job");
    const std::string_view node = shard::text_of(parameters, "node");
    const std::string_view search = shard::text_of(parameters, "search");
    if (!node.empty() && node != figures.node_id) {
        return fail(Code::kNotFound,
                    "there is no node \"" + std::string(node) + "\"; there is: " + figures.node_id);
    }
    Answer answer;
    JsonWriter json(answer.json);
    json.begin_array();
    uint64_t written = 0;
    for (const scrape::TargetView& view : manager.targets()) {
        const bool found = (job.empty() || job == view.job) &&
                           (view.job.find(search) != std::string::npos ||
                            view.target->url.find(search) != std::string::npos);
        if (!found) {
            continue;
        }
        if (written == limit) {
            answer.warnings.push_back("there are more than " + std::to_string(limit) +
                                      " such targets; narrow it down by job or search, or raise "
                                      "limit");
            break;
        }
        write_target(json, figures, view);
        ++written;
    }
    json.end_array();
    return answer;
}

}  // namespace

Result<Answer> answer_alone(const AloneFigures& figures,
                            const scrape::Manager& manager,
                            const shard::Question& question) {
    const std::string& what = question.what;
    if (question.change) {
        return fail(Code::kUnsupported,
                    "this node is in no cluster, so there is nothing to " + what +
                        "; start it with --cluster.join to make it part of one");
    }
    if (what == "targets") {
        return targets_answer(figures, manager, question);
    }
    if (what == "status" || what == "nodes") {
        std::string status = status_json(figures, manager.targets().size());
        if (what == "status") {
            return Answer{.json = std::move(status)};
        }
        std::string nodes;
        JsonWriter json(nodes);
        json.begin_array();
        write_node(json, figures, manager.targets().size());
        json.end_array();
        return Answer{.json = std::move(nodes)};
    }
    if (what == "plan") {
        return Answer{.json = R"({"epoch":0,"full":false,"edits":0,"imbalance_before":1,)"
                              R"("imbalance_after":1,"unplaced":0,"held_back":0,"needed_nodes":1,)"
                              R"("over_budget":[],"moves_total":0,"moves":[]})"};
    }
    if (what == "history") {
        return Answer{.json = "[]"};
    }
    return fail(Code::kUnsupported,
                "this node is in no cluster; start it with --cluster.join to " + what);
}

}  // namespace engine
