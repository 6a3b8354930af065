#include "engine/scrape_pools_api.h"

#include <algorithm>
#include <span>

#include "base/json.h"
#include "base/json_read.h"
#include "config/effective.h"
#include "model/api_answer.h"

namespace engine {
namespace {

using base::Code;
using base::JsonWriter;
using base::Result;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;

// errors  kInvalid: it is not there
Result<std::string> required(const Request& request, std::string_view name) {
    const std::string_view text = request.query.get(name);
    if (text.empty()) {
        return base::fail(
            base::Error(Code::kInvalid, "no " + std::string(name) + " parameter provided"));
    }
    return std::string(text);
}

base::Error unknown_pool(const std::string& name) {
    return base::Error(Code::kInvalid,
                       "error retrieving scrape config: scrape pool \"" + name + "\" not found");
}

// {"name": "value", …}
Result<model::Labels> read_labels(std::string_view text) {
    const auto parsed = base::parse_json(text);
    if (!parsed) {
        return base::fail(
            base::Error(Code::kInvalid, "error parsing labels: " + parsed.error().message()));
    }
    const base::JsonValue::Object* const object = parsed.value().object();
    if (object == nullptr) {
        return base::fail(
            base::Error(Code::kInvalid,
                        "error parsing labels: want an object of names and values, not " +
                            std::string(parsed.value().kind_name())));
    }
    model::LabelsBuilder labels;
    for (const auto& [name, value] : *object) {
        if (value.string() == nullptr) {
            return base::fail(base::Error(Code::kInvalid,
                                          "error parsing labels: the value of \"" + name +
                                              "\" must be a string, not " +
                                              std::string(value.kind_name())));
        }
        labels.set(name, *value.string());
    }
    return labels.labels();
}

void write_rule(JsonWriter& json, const model::RelabelRule& rule) {
    json.begin_object();
    if (!rule.source_labels.empty()) {
        json.key("source_labels");
        json.begin_array();
        for (const std::string& label : rule.source_labels) {
            json.string(label);
        }
        json.end_array();
    }
    json.member("separator", rule.separator);
    json.member("regex", config::pattern_of(rule));
    if (rule.modulus != 0) {
        json.key("modulus");
        json.natural(rule.modulus);
    }
    if (!rule.target_label.empty()) {
        json.member("target_label", rule.target_label);
    }
    json.member("replacement", rule.replacement);
    json.member("action", model::relabel_action_name(rule.action));
    json.end_object();
}

void write_steps(JsonWriter& json,
                 const std::vector<model::RelabelRule>& rules,
                 const model::Labels& labels) {
    model::LabelsBuilder builder(labels);
    bool keep = true;
    json.begin_array();
    for (const model::RelabelRule& rule : rules) {
        keep = keep && model::relabel(std::span(&rule, 1), builder);
        json.begin_object();
        json.key("rule");
        write_rule(json, rule);
        json.key("output");
        json.begin_object();
        if (keep) {
            for (const auto& [name, value] : builder.entries()) {
                json.member(name, value);
            }
        }
        json.end_object();
        json.key("keep");
        json.boolean(keep);
        json.end_object();
    }
    json.end_array();
}

// The labels after every rule; none, and none is tried any more, after the one that drops.
Result<std::string> relabel_steps(const config::Config& config, const Request& request) {
    TRY(const std::string name, required(request, "scrapePool"));
    TRY(const std::string text, required(request, "labels"));
    TRY(const model::Labels labels, read_labels(text));
    const auto job = std::ranges::find(config.scrape.jobs, name, &scrape::JobOptions::job_name);
    if (job == config.scrape.jobs.end()) {
        return base::fail(unknown_pool(name));
    }
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.key("steps");
    write_steps(json, job->relabel_rules, labels);
    json.end_object();
    return out;
}

Result<std::string> pool_config(const config::Config& config, const Request& request) {
    TRY(const std::string name, required(request, "scrapePool"));
    const auto job = config.job_yaml.find(name);
    if (job == config.job_yaml.end()) {
        return base::fail(unknown_pool(name));
    }
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.member("yaml", job->second);
    json.end_object();
    return out;
}

}  // namespace

void register_scrape_pool_routes(base::http::Router& router,
                                 std::function<std::shared_ptr<const config::Config>()> config,
                                 base::WorkerPool* pool) {
    base::http::RouteOptions options;
    options.cors = true;
    options.pool = pool;
    using Answer = Result<std::string> (*)(const config::Config&, const Request&);
    const auto add = [&](const char* path, Answer answer) {
        router.add(
            {base::http::Method::kGet},
            path,
            [config, answer](const Request& request, const RequestContext&) {
                const auto data = answer(*config(), request);
                return data ? model::api_success(data.value()) : model::api_error(data.error());
            },
            options);
    };
    add("/api/v1/scrape_pools/config", pool_config);
    add("/api/v1/targets/relabel_steps", relabel_steps);
}

}  // namespace engine
