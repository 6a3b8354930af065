#include "engine/cluster/merged_targets.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/json_read.h"
#include "model/api_answer.h"

namespace engine {

using base::Code;
using base::fail;
using base::Result;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;
using shard::Answer;
using shard::Question;

namespace {

constexpr std::string_view kNothingDropped = R"({"droppedTargets":[],"droppedTargetCounts":{}})";

Question node_question(const char* what, const std::string& pool) {
    Question question{.what = std::string(kOfNode) + what};
    if (!pool.empty()) {
        question.parameters["pool"] = pool;
    }
    return question;
}

// One answer per node, in their order; asked side by side.
std::vector<Result<Answer>> ask_all(const MergedTargetsParts& parts,
                                    const std::vector<shard::KnownNode>& nodes,
                                    const Question& question,
                                    const std::stop_token& stop) {
    const auto deadline = base::Deadline::after(parts.clock, kTargetsMax);
    std::vector<std::optional<Result<Answer>>> answers(nodes.size());
    std::atomic<size_t> next = 0;
    const auto work = [&] {
        for (size_t i = next++; i < nodes.size(); i = next++) {
            answers[i] = parts.ask(nodes[i].address, question, deadline, stop);
        }
    };
    {
        std::vector<std::jthread> threads;
        for (size_t i = 1; i < std::min(nodes.size(), kAskedAtOnce); ++i) {
            threads.emplace_back(work);
        }
        work();
    }
    std::vector<Result<Answer>> told;
    for (std::optional<Result<Answer>>& answer : answers) {
        told.push_back(std::move(*answer));
    }
    return told;
}

// What stands between the brackets of a JSON array; nullopt: it is none.
std::optional<std::string_view> inside(std::string_view array) {
    if (array.size() < 2 || array.front() != '[' || array.back() != ']') {
        return std::nullopt;
    }
    return array.substr(1, array.size() - 2);
}

struct Others {
    std::vector<std::pair<shard::KnownNode, std::string>> arrays;
    std::vector<std::string> warnings;
};

Others ask_others(const MergedTargetsParts& parts,
                  const std::vector<shard::KnownNode>& nodes,
                  const Question& question,
                  const char* what,
                  const std::stop_token& stop) {
    Others others;
    const auto answers = ask_all(parts, nodes, question, stop);
    for (size_t i = 0; i < nodes.size(); ++i) {
        if (!answers[i]) {
            others.warnings.push_back(std::string(what) + " of node " + nodes[i].id +
                                      " are missing: " + answers[i].error().message());
        } else if (!inside(answers[i].value().json)) {
            others.warnings.push_back(std::string(what) + " of node " + nodes[i].id +
                                      " are missing: its answer is no list");
        } else {
            others.arrays.emplace_back(nodes[i], answers[i].value().json);
        }
    }
    return others;
}

bool is_local(const MergedTargetsParts& parts, const Request& request) {
    const std::string_view local = request.query.get("local");
    return parts.local || local == "1" || local == "true";
}

// Only a node that runs discovery knows what was dropped.
std::string dropped_json(const MergedTargetsParts& parts,
                         const ClusterWhere& where,
                         const std::string& pool,
                         const std::stop_token& stop,
                         std::vector<std::string>& warnings) {
    if (where.discovers) {
        return parts.dropped.json(pool);
    }
    const auto deadline = base::Deadline::after(parts.clock, kTargetsMax);
    auto answer =
        where.leader_address.empty()
            ? Result<Answer>(fail(Code::kUnavailable, "the cluster has no leader now"))
            : parts.ask(where.leader_address, node_question("dropped", pool), deadline, stop);
    if (answer && answer.value().json.starts_with(R"({"droppedTargets":)")) {
        return std::move(answer).value().json;
    }
    warnings.push_back(
        "dropped targets are missing: " +
        (answer ? std::string("the leader's answer is none") : answer.error().message()));
    return std::string(kNothingDropped);
}

Response merged_targets(const MergedTargetsParts& parts,
                        const Request& request,
                        const std::stop_token& stop) {
    const auto where = parts.where();
    if (!where) {
        return model::api_error(where.error());
    }
    const scrape::TargetsWanted wanted = scrape::targets_wanted(request);
    std::vector<std::string> warnings;
    std::string data = R"({"activeTargets":[)";
    if (wanted.active) {
        const std::string own = parts.own.active_targets(wanted.pool);
        data += inside(own).value_or("");
        Others others = ask_others(
            parts, where.value().others, node_question("targets", wanted.pool), "targets", stop);
        for (const auto& [node, array] : others.arrays) {
            const std::string_view more = inside(array).value_or("");
            data += more.empty() || data.ends_with('[') ? "" : ",";
            data += more;
        }
        warnings = std::move(others.warnings);
    }
    data += "],";
    if (wanted.dropped) {
        // Without its bracket: the members go on in the same object.
        data += dropped_json(parts, where.value(), wanted.pool, stop, warnings).substr(1);
    } else {
        data += R"("droppedTargets":[],"droppedTargetCounts":null})";
    }
    return model::api_success(data, {.warnings = std::move(warnings), .infos = {}});
}

Response merged_pools(const MergedTargetsParts& parts, const std::stop_token& stop) {
    const auto where = parts.where();
    if (!where) {
        return model::api_error(where.error());
    }
    Others others = ask_others(
        parts, where.value().others, node_question("scrape_pools", ""), "scrape pools", stop);
    std::set<std::string> names;
    const auto take = [&names](const std::string& array) {
        const auto list = base::parse_json(array);
        if (!list || list.value().array() == nullptr) {
            return;
        }
        for (const base::JsonValue& name : *list.value().array()) {
            if (name.string() != nullptr) {
                names.insert(*name.string());
            }
        }
    };
    take(parts.own.pools());
    for (const auto& [node, array] : others.arrays) {
        take(array);
    }
    std::string data;
    base::JsonWriter json(data);
    json.begin_object();
    json.key("scrapePools");
    json.begin_array();
    for (const std::string& name : names) {
        json.string(name);
    }
    json.end_array();
    json.end_object();
    return model::api_success(data, {.warnings = std::move(others.warnings), .infos = {}});
}

Response local_targets(const MergedTargetsParts& parts, const Request& request) {
    const scrape::TargetsWanted wanted = scrape::targets_wanted(request);
    std::string data = R"({"activeTargets":)";
    data += wanted.active ? parts.own.active_targets(wanted.pool) : "[]";
    data += ",";
    data += wanted.dropped ? parts.dropped.json(wanted.pool).substr(1)
                           : R"("droppedTargets":[],"droppedTargetCounts":null})";
    return model::api_success(data);
}

}  // namespace

void register_merged_targets(base::http::Router& router, const MergedTargetsParts& parts) {
    base::http::RouteOptions options;
    options.cors = true;
    options.pool = parts.pool;
    router.add(
        {base::http::Method::kGet},
        "/api/v1/targets",
        [parts](const Request& request, const RequestContext& context) {
            return is_local(parts, request) ? local_targets(parts, request)
                                            : merged_targets(parts, request, context.stop);
        },
        options);
    router.add(
        {base::http::Method::kGet},
        "/api/v1/scrape_pools",
        [parts](const Request& request, const RequestContext& context) {
            return is_local(parts, request) ? parts.own.scrape_pools(request)
                                            : merged_pools(parts, context.stop);
        },
        options);
}

Result<Answer> own_targets(const scrape::HttpApi& own,
                           const DroppedTargets& dropped,
                           const Question& question) {
    const auto found = question.parameters.find("pool");
    const std::string pool = found == question.parameters.end() ? "" : found->second;
    if (question.what == "targets") {
        return Answer{.json = own.active_targets(pool)};
    }
    if (question.what == "dropped") {
        return Answer{.json = dropped.json(pool)};
    }
    if (question.what == "scrape_pools") {
        return Answer{.json = own.pools()};
    }
    return fail(Code::kNotFound, "a node knows no question \"" + question.what + "\"");
}

}  // namespace engine
