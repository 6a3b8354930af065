#include "config/blocks.h"
#include "model/matcher.h"

namespace config {
namespace {

// SigV4, Azure AD and Google IAM: read strictly, kept by nobody yet.
void read_cloud_auth(MapReader& map, Scope& scope) {
    size_t given = 0;
    if (const Node* node = map.find("sigv4")) {
        MapReader sigv4(*node, "sigv4", scope.problems);
        std::string text;
        base::Secret secret;
        bool flag = false;
        for (const std::string_view key :
             {"region", "access_key", "profile", "role_arn", "external_id"}) {
            sigv4.read(key, text);
        }
        sigv4.read("secret_key", secret);
        sigv4.read("use_fips_sts_endpoint", flag);
        ++given;
    }
    if (const Node* node = map.find("azuread")) {
        MapReader azure(*node, "azuread", scope.problems);
        std::string text;
        azure.read("cloud", text);
        azure.read("scope", text);
        for (const std::string_view key :
             {"managed_identity", "oauth", "sdk", "workload_identity"}) {
            if (const Node* inner = azure.find(key)) {
                MapReader fields(*inner, "azuread." + std::string(key), scope.problems);
                base::Secret secret;
                for (const std::string_view field : {"client_id", "tenant_id", "token_file_path"}) {
                    fields.read(field, text);
                }
                fields.read("client_secret", secret);
            }
        }
        ++given;
    }
    if (const Node* node = map.find("google_iam")) {
        MapReader google(*node, "google_iam", scope.problems);
        std::string text;
        google.read("credentials_file", text);
        ++given;
    }
    for (const std::string_view key : {"basic_auth", "authorization", "oauth2"}) {
        given += map.find(key) != nullptr ? 1 : 0;
    }
    if (given > 1) {
        map.problem(
            "at most one of basic_auth, authorization, oauth2, sigv4, azuread, google_iam must be "
            "configured");
    }
}

void read_queue(const Node& node, Scope& scope, RemoteWriteOptions& out) {
    MapReader map(node, "queue_config", scope.problems);
    map.read("capacity", out.capacity);
    map.read("max_shards", out.max_shards);
    map.read("min_shards", out.min_shards);
    map.read("max_samples_per_send", out.max_samples_per_send);
    map.read("batch_send_deadline", out.batch_send_deadline);
    map.read("min_backoff", out.min_backoff);
    map.read("max_backoff", out.max_backoff);
    map.read("retry_on_http_429", out.retry_on_rate_limit);
    map.read("sample_age_limit", out.sample_age_limit);
    const auto positive = [&](std::string_view key, uint64_t value) {
        if (value == 0) {
            map.problem(map.at(key), std::string(key) + " must be greater than 0");
        }
    };
    positive("capacity", out.capacity);
    positive("min_shards", out.min_shards);
    positive("max_shards", out.max_shards);
    positive("max_samples_per_send", out.max_samples_per_send);
    if (out.min_shards > out.max_shards) {
        map.problem("min_shards must not be greater than max_shards");
    }
    if (out.min_backoff > out.max_backoff) {
        map.problem("min_backoff must not be greater than max_backoff");
    }
}

void read_metadata(const Node& node, Scope& scope, RemoteWriteOptions& out) {
    MapReader map(node, "metadata_config", scope.problems);
    map.read("send", out.send_metadata);
    map.read("send_interval", out.metadata_interval);
    map.read("max_samples_per_send", out.metadata_max_samples_per_send);
}

}  // namespace

RemoteWriteOptions read_remote_write(const Node& node, Scope& scope) {
    MapReader map(node, "remote_write", scope.problems);
    RemoteWriteOptions out;
    map.read_url("url", out.url);
    if (out.url.empty()) {
        map.problem("url for remote_write is empty");
    }
    map.read("name", out.name);
    map.read("remote_timeout", out.timeout);
    map.read("headers", out.headers);
    check_headers(map, out.headers, "headers");
    read_relabel_rules(map, "write_relabel_configs", scope, out.relabel_rules);
    map.read("send_exemplars", out.send_exemplars);
    map.read("send_native_histograms", out.send_native_histograms);
    map.read("round_robin_dns", out.round_robin_dns);
    bool failed_logging = false;
    map.read("failed_request_logging", failed_logging);
    constexpr std::pair<std::string_view, bool> kMessages[] = {
        {"prometheus.WriteRequest", false}, {"io.prometheus.write.v2.Request", true}};
    map.read_choice<bool>("protobuf_message", out.version_2, kMessages);
    if (const Node* queue = map.find("queue_config")) {
        read_queue(*queue, scope, out);
    }
    if (const Node* metadata = map.find("metadata_config")) {
        read_metadata(*metadata, scope, out);
    }
    read_http_client(map, scope, out.client);
    read_cloud_auth(map, scope);
    scope.unbuilt.push_back(
        {"remote_write", out.name.empty() ? "(unnamed)" : out.name, node.place()});
    return out;
}

RemoteReadOptions read_remote_read(const Node& node, Scope& scope) {
    MapReader map(node, "remote_read", scope.problems);
    RemoteReadOptions out;
    map.read_url("url", out.url);
    if (out.url.empty()) {
        map.problem("url for remote_read is empty");
    }
    map.read("name", out.name);
    map.read("remote_timeout", out.timeout);
    map.read("headers", out.headers);
    check_headers(map, out.headers, "headers");
    map.read("required_matchers", out.required_matchers);
    map.read("read_recent", out.read_recent);
    map.read("filter_external_labels", out.filter_external_labels);
    map.read("chunked_read_limit", out.chunked_read_limit);
    read_http_client(map, scope, out.client);
    scope.unbuilt.push_back(
        {"remote_read", out.name.empty() ? "(unnamed)" : out.name, node.place()});
    return out;
}

}  // namespace config
