#include "engine/features_api.h"

#include <map>

#include "base/json.h"
#include "engine/features.h"
#include "model/api_answer.h"
#include "query/functions.h"
#include "query/types.h"

namespace engine {
namespace {

using Category = std::map<std::string, bool, std::less<>>;

Category api(const FlagValues& flags) {
    const bool search = Features(flags).has("search-api");
    return {{"admin", flags.boolean("web.enable-admin-api")},
            {"exclude_alerts", false},
            {"explain", true},
            {"label_values_match", true},
            {"lifecycle", flags.boolean("web.enable-lifecycle")},
            {"openapi_3.1", true},
            {"openapi_3.2", false},
            {"otlp_write_receiver", false},
            {"query_cancel", true},
            {"query_stats", true},
            {"query_warnings", true},
            {"remote_read", true},
            {"remote_write_receiver", false},
            {"search", search},
            {"search_fuzz_alg_jarowinkler", search},
            {"search_fuzz_alg_subsequence", search},
            {"time_range_labels", true},
            {"time_range_series", true}};
}

Category promql(const Features& features) {
    const bool extended = features.has("promql-extended-range-selectors");
    const bool fill = features.has("promql-binop-fill-modifiers");
    return {{"anchored", extended},
            {"at_modifier", true},
            {"bool", true},
            {"by", true},
            {"delayed_name_removal", features.has("promql-delayed-name-removal")},
            {"duration_expr", true},
            {"fill", fill},
            {"fill_left", fill},
            {"fill_right", fill},
            {"group_left", true},
            {"group_right", true},
            {"ignoring", true},
            {"negative_offset", true},
            {"offset", true},
            {"on", true},
            {"per_query_lookback_delta", true},
            {"per_step_stats", features.has("promql-per-step-stats")},
            {"smoothed", extended},
            {"subqueries", true},
            {"type_and_unit_labels", false},
            {"without", true}};
}

Category functions(bool experimental) {
    Category out;
    for (const query::Function& function : query::all_functions()) {
        out.emplace(function.name, experimental || !function.experimental);
    }
    return out;
}

Category operators(bool experimental) {
    Category out{{"@", true}, {"=~", true}, {"!~", true}};
    for (int i = 0; i <= static_cast<int>(query::BinaryOp::kOr); ++i) {
        const auto op = static_cast<query::BinaryOp>(i);
        if (!query::is_trim(op)) {
            out.emplace(query::symbol(op), true);
        }
    }
    for (int i = 0; i <= static_cast<int>(query::AggregateOp::kLimitRatio); ++i) {
        const auto op = static_cast<query::AggregateOp>(i);
        out.emplace(query::name_of(op), experimental || !query::is_experimental(op));
    }
    return out;
}

Category discovery() {
    Category out;
    for (const char* name :
         {"aws",        "azure",   "consul",    "digitalocean", "docker",   "dockerswarm",
          "ec2",        "ecs",     "eureka",    "gce",          "hetzner",  "ionos",
          "kubernetes", "kuma",    "lightsail", "linode",       "marathon", "msk",
          "nerve",      "nomad",   "openstack", "ovhcloud",     "puppetdb", "scaleway",
          "serverset",  "stackit", "triton",    "uyuni",        "vultr"}) {
        out.emplace(name, false);
    }
    for (const char* name : {"dns", "file", "http", "static"}) {
        out.emplace(name, true);
    }
    return out;
}

std::map<std::string, Category> all_features(const FlagValues& flags) {
    const Features features(flags);
    const bool experimental = features.has("promql-experimental-functions");
    return {
        {"api", api(flags)},
        {"otlp_receiver", {{"delta_conversion", false}, {"native_delta_ingestion", false}}},
        {"prometheus",
         {{"agent_mode", false},
          {"auto_reload_config",
           flags.boolean("config.auto-reload") || features.has("auto-reload-config")},
          {"server_mode", true}}},
        {"promql", promql(features)},
        {"promql_functions", functions(experimental)},
        {"promql_operators", operators(experimental)},
        {"rules",
         {{"concurrent_rule_eval", false}, {"keep_firing_for", false}, {"query_offset", false}}},
        {"scrape",
         {{"extra_scrape_metrics", features.has("extra-scrape-metrics")},
          {"start_timestamp_zero_ingestion", false},
          {"type_and_unit_labels", false}}},
        {"service_discovery_providers", discovery()},
        {"templating_functions", {}},
        {"tsdb",
         {{"delayed_compaction", false},
          {"exemplar_storage", features.has("exemplar-storage")},
          {"isolation", false},
          {"native_histograms", true},
          {"use_uncached_io", false}}},
        {"ui", {{"ui_v2", false}, {"ui_v3", false}}}};
}

}  // namespace

std::string features_json(const FlagValues& flags) {
    std::string out;
    base::JsonWriter json(out, base::HtmlEscape::kNo);
    json.begin_object();
    for (const auto& [name, category] : all_features(flags)) {
        json.key(name);
        json.begin_object();
        for (const auto& [feature, on] : category) {
            json.key(feature);
            json.boolean(on);
        }
        json.end_object();
    }
    json.end_object();
    return out;
}

void register_features_route(base::http::Router& router, const FlagValues& flags) {
    base::http::RouteOptions options;
    options.cors = true;
    router.add(
        {base::http::Method::kGet},
        "/api/v1/features",
        [data = features_json(flags)](const base::http::Request&,
                                      const base::http::RequestContext&) {
            return model::api_success(data);
        },
        options);
}

}  // namespace engine
