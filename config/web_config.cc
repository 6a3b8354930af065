#include "config/web_config.h"

#include <algorithm>

#include "config/reader.h"

namespace config {
namespace {

using base::http::ClientAuth;
using base::http::TlsServerOptions;
using base::http::TlsVersion;
using base::http::WebOptions;

constexpr std::pair<std::string_view, ClientAuth> kClientAuth[] = {
    {"NoClientCert", ClientAuth::kNone},
    {"RequestClientCert", ClientAuth::kRequest},
    {"RequireAnyClientCert", ClientAuth::kRequireAny},
    {"VerifyClientCertIfGiven", ClientAuth::kVerifyIfGiven},
    {"RequireAndVerifyClientCert", ClientAuth::kRequireAndVerify}};
constexpr std::pair<std::string_view, TlsVersion> kVersions[] = {{"TLS10", TlsVersion::kTls10},
                                                                 {"TLS11", TlsVersion::kTls11},
                                                                 {"TLS12", TlsVersion::kTls12},
                                                                 {"TLS13", TlsVersion::kTls13}};

constexpr std::string_view kHeaders[] = {"Content-Security-Policy",
                                         "X-Frame-Options",
                                         "X-Content-Type-Options",
                                         "X-XSS-Protection",
                                         "Strict-Transport-Security"};

void read_server_tls(const Node& node,
                     Problems& problems,
                     const std::string& folder,
                     TlsServerOptions& out) {
    MapReader map(node, "tls_server_config", problems);
    map.read("cert", out.cert);
    map.read_path("cert_file", folder, out.cert_file);
    map.read("key", out.key);
    map.read_path("key_file", folder, out.key_file);
    map.read("client_ca", out.client_ca);
    map.read_path("client_ca_file", folder, out.client_ca_file);
    map.read_choice<ClientAuth>("client_auth_type", out.client_auth, kClientAuth);
    map.read("client_allowed_sans", out.client_allowed_sans);
    map.read_choice<TlsVersion>("min_version", out.min_version, kVersions);
    map.read_choice<TlsVersion>("max_version", out.max_version, kVersions);
    map.read("cipher_suites", out.cipher_suites);
    map.read("curve_preferences", out.curve_preferences);
    bool prefer_server_cipher_suites = true;
    map.read("prefer_server_cipher_suites", prefer_server_cipher_suites);
    const auto exactly_one = [&](bool text, bool file, const char* name) {
        if (text == file) {
            map.problem(std::string("exactly one of ") + name + " and " + name +
                        "_file must be given");
        }
    };
    exactly_one(!out.cert.empty(), !out.cert_file.empty(), "cert");
    exactly_one(!out.key.empty(), !out.key_file.empty(), "key");
    const bool has_ca = !out.client_ca.empty() || !out.client_ca_file.empty();
    const bool verifies = out.client_auth == ClientAuth::kVerifyIfGiven ||
                          out.client_auth == ClientAuth::kRequireAndVerify;
    if (verifies && !has_ca) {
        map.problem("client_ca_file must be given to verify client certificates");
    }
    if (has_ca && out.client_auth == ClientAuth::kNone) {
        map.problem("client CAs are given without a client_auth_type");
    }
}

void read_http_server(const Node& node, Problems& problems, WebOptions& out) {
    MapReader map(node, "http_server_config", problems);
    bool http2 = true;
    map.read("http2", http2);
    map.read("headers", out.headers);
    for (const auto& [name, value] : out.headers) {
        if (std::find(std::begin(kHeaders), std::end(kHeaders), name) == std::end(kHeaders)) {
            map.problem(map.at("headers"), "HTTP header \"" + name + "\" cannot be configured");
        }
    }
}

void read_users(const Node& node, Problems& problems, WebOptions& out) {
    for (const auto& [name, hash] : node.entries) {
        hash->secret = true;
        if (hash->kind != Node::Kind::kScalar || !hash->text.starts_with("$2")) {
            problems.add(*name,
                         "the password of user \"" + name->text + "\" must be a bcrypt hash");
        }
        out.basic_auth_users.emplace(name->text, base::Secret(hash->text));
    }
}

}  // namespace

base::Result<std::shared_ptr<const WebOptions>> load_web_config(base::Files& files,
                                                                const std::string& path) {
    TRY(auto text,
        base::context(base::read_file(files, path, kMaxYamlBytes), "load web configuration"));
    TRY(auto root, parse_yaml(text, path));
    auto out = std::make_shared<WebOptions>();
    Problems problems;
    {
        MapReader map(*root, "the web configuration", problems);
        if (const Node* tls = map.find("tls_server_config")) {
            read_server_tls(*tls, problems, base::parent_path(path), out->tls.emplace());
        }
        if (const Node* server = map.find("http_server_config")) {
            read_http_server(*server, problems, *out);
        }
        if (const Node* users = map.find("basic_auth_users")) {
            read_users(*users, problems, *out);
        }
    }
    if (!problems.empty()) {
        return base::fail(problems.error());
    }
    return std::shared_ptr<const WebOptions>(std::move(out));
}

}  // namespace config
