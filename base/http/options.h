// What a user may say about outgoing HTTP: TLS, credentials, proxies, headers. Plain structs;
// config/ fills them. source: the HTTP client part of the Prometheus configuration
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"

namespace base::http {

enum class TlsVersion : uint8_t { kDefault, kTls10, kTls11, kTls12, kTls13 };

// Inline text and file exclude each other. Files are read again when their content changes (per new
// connection).
struct TlsClientOptions {
    std::string ca, ca_file;
    std::string cert, cert_file;
    Secret key;
    std::string key_file;
    std::string server_name;  // empty: the host of the URL
    bool insecure_skip_verify = false;
    TlsVersion min_version = TlsVersion::kDefault;
    TlsVersion max_version = TlsVersion::kDefault;

    bool operator==(const TlsClientOptions&) const = default;
};

struct BasicAuthOptions {
    std::string username, username_file;
    Secret password;
    std::string password_file;

    bool operator==(const BasicAuthOptions&) const = default;
};

// Authorization: TYPE CREDENTIALS
struct AuthorizationOptions {
    std::string type = "Bearer";
    Secret credentials;
    std::string credentials_file;

    bool operator==(const AuthorizationOptions&) const = default;
};

struct OAuth2Options {
    std::string client_id;
    Secret client_secret;
    std::string client_secret_file;
    std::string grant_type;
    Secret client_certificate_key;
    std::string client_certificate_key_file, client_certificate_key_id;
    std::string signature_algorithm, issuer, audience;
    std::map<std::string, std::string> claims;
    std::vector<std::string> scopes;
    std::string token_url;
    std::map<std::string, std::string> endpoint_params;
    TlsClientOptions tls;
    std::string proxy_url;

    bool operator==(const OAuth2Options&) const = default;
};

// One custom header; every value is sent as a header line of its own.
struct HeaderOptions {
    std::vector<std::string> values;
    std::vector<Secret> secrets;
    std::vector<std::string> files;

    bool operator==(const HeaderOptions&) const = default;
};

struct ClientOptions {
    std::optional<BasicAuthOptions> basic_auth;
    std::optional<AuthorizationOptions> authorization;
    std::optional<OAuth2Options> oauth2;
    TlsClientOptions tls;
    bool follow_redirects = true;
    bool enable_http2 = true;  // accepted; connections are HTTP/1.1
    std::string proxy_url, no_proxy;
    bool proxy_from_environment = false;
    std::map<std::string, std::vector<Secret>> proxy_connect_headers;
    std::map<std::string, HeaderOptions> headers;

    bool operator==(const ClientOptions&) const = default;
};

}  // namespace base::http
