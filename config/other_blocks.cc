// alerting, storage, otlp, tracing, runtime.
#include <algorithm>
#include <set>

#include "config/blocks.h"

namespace config {
namespace {

void read_sigv4(const Node& node, Scope& scope) {
    MapReader map(node, "sigv4", scope.problems);
    std::string text;
    base::Secret secret;
    bool flag = false;
    for (const std::string_view key :
         {"region", "access_key", "profile", "role_arn", "external_id"}) {
        map.read(key, text);
    }
    map.read("secret_key", secret);
    map.read("use_fips_sts_endpoint", flag);
}

void read_retention(const Node& node, Scope& scope, StorageOptions& out) {
    MapReader map(node, "storage.tsdb.retention", scope.problems);
    if (map.find("time") != nullptr) {
        map.read("time", out.retention_time.emplace());
    }
    if (map.find("size") != nullptr) {
        map.read_size("size", out.retention_size.emplace());
    }
    if (map.find("percentage") != nullptr) {
        double& percentage = out.retention_percentage.emplace();
        map.read("percentage", percentage);
        if (percentage < 0 || percentage > 100) {
            map.problem(map.at("percentage"),
                        "storage.tsdb.retention.percentage must be in the range [0, 100]");
        }
    }
}

void read_tsdb(const Node& node, Scope& scope, StorageOptions& out) {
    MapReader map(node, "storage.tsdb", scope.problems);
    map.read("out_of_order_time_window", out.out_of_order_time_window);
    map.read("stale_series_compaction_threshold", out.stale_series_compaction_threshold);
    if (const Node* retention = map.find("retention")) {
        read_retention(*retention, scope, out);
    }
    if (const Node* encoding = map.find("chunk_encoding")) {
        MapReader chunks(*encoding, "storage.tsdb.chunk_encoding", scope.problems);
        const std::pair<std::string_view, std::string> words[] = {{"xor", "xor"}, {"xor2", "xor2"}};
        chunks.read_choice<std::string>("floats", out.float_encoding, words);
        if (out.float_encoding == "xor2") {
            scope.unbuilt.push_back(
                {"chunk_encoding floats: xor2", "storage.tsdb", encoding->place()});
        }
    }
}

}  // namespace

AlertmanagerOptions read_alertmanager(const Node& node, Scope& scope) {
    MapReader map(node, "alertmanagers", scope.problems);
    AlertmanagerOptions out;
    map.read("scheme", out.scheme);
    map.read("path_prefix", out.path_prefix);
    map.read("timeout", out.timeout);
    std::string version = "v2";
    map.read("api_version", version);
    if (version != "v2") {
        map.problem(map.at("api_version"),
                    "expected Alertmanager api version to be one of [v2] but got " + version);
    }
    read_http_client(map, scope, out.client);
    if (const Node* sigv4 = map.find("sigv4")) {
        read_sigv4(*sigv4, scope);
    }
    read_relabel_rules(map, "relabel_configs", scope, out.relabel_rules);
    read_relabel_rules(map, "alert_relabel_configs", scope, out.alert_relabel_rules);
    read_discovery(map, scope, "alertmanagers", !out.relabel_rules.empty(), out.discovery);
    return out;
}

void read_alerting(const Node& node, Scope& scope, Config& out) {
    MapReader map(node, "alerting", scope.problems);
    read_relabel_rules(map, "alert_relabel_configs", scope, out.alert_relabel_rules);
    map.each("alertmanagers", [&](const Node& item) {
        out.alertmanagers.push_back(read_alertmanager(item, scope));
    });
    if (!out.alertmanagers.empty()) {
        scope.unbuilt.push_back({"alertmanagers", "alerting", node.place()});
    }
}

void read_storage(const Node& node, Scope& scope, StorageOptions& out) {
    MapReader map(node, "storage", scope.problems);
    if (const Node* tsdb = map.find("tsdb")) {
        read_tsdb(*tsdb, scope, out);
    }
    if (const Node* exemplars = map.find("exemplars")) {
        MapReader inner(*exemplars, "storage.exemplars", scope.problems);
        inner.read("max_exemplars", out.max_exemplars);
    }
}

void read_otlp(const Node& node, Scope& scope) {
    MapReader map(node, "otlp", scope.problems);
    std::vector<std::string> promote;
    std::vector<std::string> ignore;
    bool promote_all = false;
    bool flag = false;
    map.read("promote_resource_attributes", promote);
    map.read("promote_all_resource_attributes", promote_all);
    map.read("ignore_resource_attributes", ignore);
    for (const std::string_view key : {"keep_identifying_resource_attributes",
                                       "convert_histograms_to_nhcb",
                                       "promote_scope_metadata",
                                       "label_name_underscore_sanitization",
                                       "label_name_preserve_multiple_underscores"}) {
        map.read(key, flag);
    }
    enum class Strategy : uint8_t { kEscapeSuffixes, kEscape, kUtf8Suffixes, kNone };
    constexpr std::pair<std::string_view, Strategy> kStrategies[] = {
        {"UnderscoreEscapingWithSuffixes", Strategy::kEscapeSuffixes},
        {"UnderscoreEscapingWithoutSuffixes", Strategy::kEscape},
        {"NoUTF8EscapingWithSuffixes", Strategy::kUtf8Suffixes},
        {"NoTranslation", Strategy::kNone}};
    Strategy strategy = Strategy::kEscapeSuffixes;
    map.read_choice<Strategy>("translation_strategy", strategy, kStrategies);
    if (scope.name_scheme == model::NameScheme::kLegacy &&
        (strategy == Strategy::kUtf8Suffixes || strategy == Strategy::kNone)) {
        map.problem(map.at("translation_strategy"),
                    "this OTLP translation strategy is not allowed when "
                    "metric_name_validation_scheme is legacy");
    }
    if (promote_all && !promote.empty()) {
        map.problem(
            "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be "
            "configured simultaneously");
    }
    if (!promote_all && !ignore.empty()) {
        map.problem(
            "'ignore_resource_attributes' cannot be configured unless "
            "'promote_all_resource_attributes' is true");
    }
    const auto check_names = [&](std::string_view key, const std::vector<std::string>& names) {
        std::set<std::string> seen;
        for (std::string name : names) {
            name.erase(0, name.find_first_not_of(' '));
            name.erase(name.find_last_not_of(' ') + 1);
            if (name.empty()) {
                map.problem(map.at(key), "empty resource attribute in " + std::string(key));
            } else if (!seen.insert(name).second) {
                map.problem(
                    map.at(key),
                    "duplicated resource attribute \"" + name + "\" in " + std::string(key));
            }
        }
    };
    check_names("promote_resource_attributes", promote);
    check_names("ignore_resource_attributes", ignore);
    scope.unbuilt.push_back({"otlp", "global", node.place()});
}

void read_tracing(const Node& node, Scope& scope) {
    MapReader map(node, "tracing", scope.problems);
    constexpr std::pair<std::string_view, bool> kClients[] = {{"grpc", true}, {"http", false}};
    bool grpc = true;
    map.read_choice<bool>("client_type", grpc, kClients);
    std::string endpoint;
    map.read("endpoint", endpoint);
    if (endpoint.empty()) {
        map.problem("tracing endpoint must be set");
    }
    double fraction = 0;
    map.read("sampling_fraction", fraction);
    bool insecure = false;
    map.read("insecure", insecure);
    if (const Node* tls = map.find("tls_config")) {
        base::http::TlsClientOptions options;
        read_tls(*tls, scope, options);
    }
    std::map<std::string, std::string> headers;
    map.read("headers", headers);
    check_headers(map, headers, "headers");
    constexpr std::pair<std::string_view, bool> kCompressions[] = {{"gzip", true}, {"", false}};
    bool gzip = true;
    map.read_choice<bool>("compression", gzip, kCompressions);
    Milliseconds timeout{10'000};
    map.read("timeout", timeout);
    scope.unbuilt.push_back({"tracing", "global", node.place()});
}

void read_runtime(const Node& node, Scope& scope) {
    MapReader map(node, "runtime", scope.problems);
    int64_t gogc = 0;
    map.read_int("gogc", gogc);
}

}  // namespace config
