#include <algorithm>

#include "config/blocks.h"

namespace config {
namespace {

using base::http::TlsVersion;

constexpr std::pair<std::string_view, TlsVersion> kTlsVersions[] = {{"TLS10", TlsVersion::kTls10},
                                                                    {"TLS11", TlsVersion::kTls11},
                                                                    {"TLS12", TlsVersion::kTls12},
                                                                    {"TLS13", TlsVersion::kTls13}};

void read_file_name(MapReader& map, std::string_view key, Scope& scope, std::string& out) {
    map.read_path(key, scope.folder, out);
    if (!out.empty() && scope.named_files != nullptr) {
        scope.named_files->push_back(out);
    }
}

void at_most_one(MapReader& map, std::initializer_list<std::string_view> keys) {
    std::string names;
    size_t given = 0;
    for (const std::string_view key : keys) {
        given += map.find(key) != nullptr ? 1 : 0;
        names.append(names.empty() ? "" : ", ").append(key);
    }
    if (given > 1) {
        map.problem("at most one of " + names + " must be configured");
    }
}

void read_basic_auth(const Node& node, Scope& scope, base::http::BasicAuthOptions& out) {
    MapReader map(node, "basic_auth", scope.problems);
    map.read("username", out.username);
    read_file_name(map, "username_file", scope, out.username_file);
    map.read("password", out.password);
    read_file_name(map, "password_file", scope, out.password_file);
    at_most_one(map, {"username", "username_file"});
    at_most_one(map, {"password", "password_file"});
}

void read_authorization(const Node& node, Scope& scope, base::http::AuthorizationOptions& out) {
    MapReader map(node, "authorization", scope.problems);
    map.read("type", out.type);
    map.read("credentials", out.credentials);
    read_file_name(map, "credentials_file", scope, out.credentials_file);
    at_most_one(map, {"credentials", "credentials_file"});
    std::string lower = out.type;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    if (lower == "basic") {
        map.problem(map.at("type"),
                    "authorization type cannot be set to \"basic\", use basic_auth instead");
    }
}

void read_proxy_headers(MapReader& map, std::map<std::string, std::vector<base::Secret>>& out) {
    const Node* headers = map.find("proxy_connect_header");
    if (headers == nullptr) {
        return;
    }
    for (const auto& [name, values] : headers->entries) {
        std::vector<base::Secret>& list = out[name->text];
        for (const NodePtr& value : values->items) {
            value->secret = true;
            list.emplace_back(value->text);
        }
    }
}

void read_oauth2(const Node& node, Scope& scope, base::http::OAuth2Options& out) {
    MapReader map(node, "oauth2", scope.problems);
    map.read("client_id", out.client_id);
    map.read("client_secret", out.client_secret);
    read_file_name(map, "client_secret_file", scope, out.client_secret_file);
    map.read("grant_type", out.grant_type);
    map.read("client_certificate_key", out.client_certificate_key);
    read_file_name(map, "client_certificate_key_file", scope, out.client_certificate_key_file);
    map.read("client_certificate_key_id", out.client_certificate_key_id);
    map.read("signature_algorithm", out.signature_algorithm);
    map.read("iss", out.issuer);
    map.read("audience", out.audience);
    map.read("claims", out.claims);
    map.read("scopes", out.scopes);
    map.read("token_url", out.token_url);
    map.read("endpoint_params", out.endpoint_params);
    map.read_url("proxy_url", out.proxy_url);
    std::string no_proxy;
    map.read("no_proxy", no_proxy);
    bool from_environment = false;
    map.read("proxy_from_environment", from_environment);
    std::map<std::string, std::vector<base::Secret>> proxy_headers;
    read_proxy_headers(map, proxy_headers);
    if (const Node* tls = map.find("tls_config")) {
        read_tls(*tls, scope, out.tls);
    }
    at_most_one(map, {"client_secret", "client_secret_file"});
    if (out.client_id.empty()) {
        map.problem("oauth2 client_id must be configured");
    }
    if (out.token_url.empty()) {
        map.problem("oauth2 token_url must be configured");
    }
    scope.unbuilt.push_back({"oauth2", "HTTP client", node.place()});
}

bool is_reserved_header(std::string_view name) {
    static constexpr std::string_view kReserved[] = {"authorization",
                                                     "host",
                                                     "content-encoding",
                                                     "content-length",
                                                     "content-type",
                                                     "user-agent",
                                                     "connection",
                                                     "keep-alive",
                                                     "proxy-authenticate",
                                                     "proxy-authorization",
                                                     "www-authenticate",
                                                     "accept-encoding",
                                                     "x-prometheus-remote-write-version",
                                                     "x-prometheus-remote-read-version",
                                                     "x-prometheus-scrape-timeout-seconds",
                                                     "x-amz-date",
                                                     "x-amz-security-token",
                                                     "x-amz-content-sha256"};
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return std::find(std::begin(kReserved), std::end(kReserved), lower) != std::end(kReserved);
}

void read_headers(const Node& node,
                  Scope& scope,
                  std::map<std::string, base::http::HeaderOptions>& out) {
    if (node.kind != Node::Kind::kMap) {
        scope.problems.add(node, "http_headers must be keys and values");
        return;
    }
    for (const auto& [name, value] : node.entries) {
        if (is_reserved_header(name->text)) {
            scope.problems.add(*name,
                               "header \"" + name->text + "\" is reserved and cannot be set");
        }
        MapReader map(*value, "http_headers", scope.problems);
        base::http::HeaderOptions& header = out[name->text];
        map.read("values", header.values);
        map.read("files", header.files);
        for (std::string& file : header.files) {
            file = absolute_path(file, scope.folder);
            if (scope.named_files != nullptr) {
                scope.named_files->push_back(file);
            }
        }
        if (const Node* secrets = map.find("secrets")) {
            for (const NodePtr& secret : secrets->items) {
                secret->secret = true;
                header.secrets.emplace_back(secret->text);
            }
        }
    }
}

// bearer_token and bearer_token_file are older spellings of authorization.
void read_bearer_token(MapReader& map, Scope& scope, base::http::ClientOptions& out) {
    const bool token = map.find("bearer_token") != nullptr;
    const bool file = map.find("bearer_token_file") != nullptr;
    if (!token && !file) {
        return;
    }
    base::http::AuthorizationOptions bearer;
    map.read("bearer_token", bearer.credentials);
    read_file_name(map, "bearer_token_file", scope, bearer.credentials_file);
    if (token && file) {
        map.problem("at most one of bearer_token & bearer_token_file must be configured");
    }
    if (out.authorization || out.basic_auth || out.oauth2) {
        map.problem(
            "at most one of basic_auth, oauth2, bearer_token & bearer_token_file, authorization "
            "must be configured");
    }
    out.authorization = std::move(bearer);
}

}  // namespace

void read_tls(const Node& node, Scope& scope, base::http::TlsClientOptions& out) {
    MapReader map(node, "tls_config", scope.problems);
    map.read("ca", out.ca);
    read_file_name(map, "ca_file", scope, out.ca_file);
    map.read("cert", out.cert);
    read_file_name(map, "cert_file", scope, out.cert_file);
    map.read("key", out.key);
    read_file_name(map, "key_file", scope, out.key_file);
    map.read("server_name", out.server_name);
    map.read("insecure_skip_verify", out.insecure_skip_verify);
    map.read_choice<TlsVersion>("min_version", out.min_version, kTlsVersions);
    map.read_choice<TlsVersion>("max_version", out.max_version, kTlsVersions);
    at_most_one(map, {"ca", "ca_file"});
    at_most_one(map, {"cert", "cert_file"});
    at_most_one(map, {"key", "key_file"});
    const bool cert = !out.cert.empty() || !out.cert_file.empty();
    const bool key = !out.key.empty() || !out.key_file.empty();
    if (cert != key) {
        map.problem(cert ? "exactly one of key or key_file must be configured when a client "
                           "certificate is configured"
                         : "exactly one of cert or cert_file must be configured when a client key "
                           "is configured");
    }
    if (out.max_version != TlsVersion::kDefault && out.min_version > out.max_version) {
        map.problem(
            "tls_config.max_version must be greater than or equal to tls_config.min_version if "
            "both are specified");
    }
}

void read_http_client(MapReader& map, Scope& scope, base::http::ClientOptions& out) {
    if (const Node* node = map.find("basic_auth")) {
        read_basic_auth(*node, scope, out.basic_auth.emplace());
    }
    if (const Node* node = map.find("authorization")) {
        read_authorization(*node, scope, out.authorization.emplace());
    }
    if (const Node* node = map.find("oauth2")) {
        read_oauth2(*node, scope, out.oauth2.emplace());
    }
    at_most_one(map, {"basic_auth", "authorization", "oauth2"});
    read_bearer_token(map, scope, out);
    if (const Node* node = map.find("tls_config")) {
        read_tls(*node, scope, out.tls);
    }
    if (const Node* node = map.find("http_headers")) {
        read_headers(*node, scope, out.headers);
    }
    map.read("follow_redirects", out.follow_redirects);
    map.read("enable_http2", out.enable_http2);
    map.read_url("proxy_url", out.proxy_url);
    map.read("no_proxy", out.no_proxy);
    map.read("proxy_from_environment", out.proxy_from_environment);
    read_proxy_headers(map, out.proxy_connect_headers);
    if (out.proxy_from_environment && (!out.proxy_url.empty() || !out.no_proxy.empty())) {
        map.problem(
            "if proxy_from_environment is configured, proxy_url and no_proxy must not be "
            "configured");
    }
    if (out.proxy_url.empty() && !out.no_proxy.empty()) {
        map.problem("if no_proxy is configured, proxy_url must also be configured");
    }
}

void check_headers(MapReader& map,
                   const std::map<std::string, std::string>& headers,
                   std::string_view key) {
    for (const auto& [name, value] : headers) {
        if (is_reserved_header(name)) {
            map.problem(map.at(key), name + " is a reserved header. It must not be changed");
        }
    }
}

}  // namespace config
