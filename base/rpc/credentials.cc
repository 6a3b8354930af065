#include "base/rpc/credentials.h"

#include <fstream>
#include <sstream>

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace base::rpc {
namespace {

namespace experimental = grpc::experimental;

constexpr unsigned kFilesLookedAtSeconds = 1;

using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

std::string ssl_reason() {
    char text[256] = "";
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    ERR_clear_error();
    return text;
}

// gRPC would say nothing and refuse every handshake.
Status check_files(const ServerTls& tls) {
    if (tls.cert_file.empty() || tls.key_file.empty()) {
        return fail(Code::kInvalid,
                    "TLS for gRPC needs a certificate and its key: give "
                    "--grpc-server-tls-cert and --grpc-server-tls-key");
    }
    const SslContext context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    if (SSL_CTX_use_certificate_chain_file(context.get(), tls.cert_file.c_str()) != 1) {
        return fail(Code::kInvalid, "no certificate in PEM in", tls.cert_file + ":", ssl_reason());
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context.get()) != 1) {
        return fail(Code::kInvalid,
                    "no private key in PEM for",
                    tls.cert_file,
                    "in",
                    tls.key_file + ":",
                    ssl_reason());
    }
    if (!tls.client_ca_file.empty() &&
        SSL_CTX_load_verify_locations(context.get(), tls.client_ca_file.c_str(), nullptr) != 1) {
        return fail(
            Code::kInvalid, "no certificate in PEM in", tls.client_ca_file + ":", ssl_reason());
    }
    return success();
}

Result<std::string> read_file(const std::string& path) {
    if (path.empty()) {
        return std::string();
    }
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file || text.str().empty()) {
        return fail(Code::kInvalid, "cannot read", path);
    }
    return std::move(text).str();
}

}  // namespace

Result<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const ServerTls& tls) {
    if (!tls.enabled()) {
        return grpc::InsecureServerCredentials();
    }
    TRY(check_files(tls));
    const auto files = std::make_shared<experimental::FileWatcherCertificateProvider>(
        tls.key_file, tls.cert_file, tls.client_ca_file, kFilesLookedAtSeconds);
    experimental::TlsServerCredentialsOptions options(files);
    options.watch_identity_key_cert_pairs();
    if (tls.client_ca_file.empty()) {
        options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    } else {
        options.watch_root_certs();
        options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    }
    return experimental::TlsServerCredentials(options);
}

Result<std::shared_ptr<grpc::ChannelCredentials>> channel_credentials(const ClientTls& tls) {
    if (!tls.enabled) {
        return grpc::InsecureChannelCredentials();
    }
    grpc::SslCredentialsOptions options;
    TRY(options.pem_root_certs, read_file(tls.ca_file));
    TRY(options.pem_cert_chain, read_file(tls.cert_file));
    TRY(options.pem_private_key, read_file(tls.key_file));
    return grpc::SslCredentials(options);
}

}  // namespace base::rpc
