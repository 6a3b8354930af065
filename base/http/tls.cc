#include "base/http/tls.h"

#include <algorithm>

#include <arpa/inet.h>
#include <boost/asio/ssl/context.hpp>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/http/server.h"
#include "base/http/small_file.h"
#include "base/http/tls_state.h"

namespace base::http {

namespace ssl = boost::asio::ssl;

namespace {

using boost::system::error_code;

boost::asio::const_buffer buffer(const std::string& text) {
    return boost::asio::buffer(text.data(), text.size());
}

Status library_error(std::string_view what, const error_code& error) {
    return fail(Code::kInvalid, "tls:", what, error.message());
}

// Inline text, or the file's.
Result<std::string> text_or_file(const std::string& text, const std::string& file) {
    if (!text.empty() || file.empty()) {
        return text;
    }
    return read_small_file(file);
}

int protocol(TlsVersion version, int otherwise) {
    switch (version) {
        case TlsVersion::kDefault:
            return otherwise;
        case TlsVersion::kTls10:
            return TLS1_VERSION;
        case TlsVersion::kTls11:
            return TLS1_1_VERSION;
        case TlsVersion::kTls12:
            return TLS1_2_VERSION;
        case TlsVersion::kTls13:
            return TLS1_3_VERSION;
    }
    return otherwise;
}

void set_versions(ssl::context& context, TlsVersion least, TlsVersion most) {
    SSL_CTX* const native = context.native_handle();
    const int lowest = protocol(least, TLS1_2_VERSION);
    SSL_CTX_set_min_proto_version(native, lowest);
    SSL_CTX_set_max_proto_version(native, protocol(most, 0));
    if (lowest < TLS1_2_VERSION) {
        // OpenSSL 3 allows the old versions only at its lowest level.
        SSL_CTX_set_cipher_list(native, "DEFAULT:@SECLEVEL=0");
    }
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
}

Status use_certificate(ssl::context& context, const std::string& cert, const std::string& key) {
    error_code error;
    context.use_certificate_chain(buffer(cert), error);
    if (error) {
        return library_error("certificate:", error);
    }
    context.use_private_key(buffer(key), ssl::context::pem, error);
    if (error) {
        return library_error("private key:", error);
    }
    if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
        return fail(Code::kInvalid, "tls: private key does not match the certificate");
    }
    return success();
}

Status use_authorities(ssl::context& context, const std::string& ca) {
    error_code error;
    context.add_certificate_authority(buffer(ca), error);
    if (error) {
        return library_error("unable to use the CA certificates:", error);
    }
    return success();
}

Result<std::shared_ptr<TlsContext>> build_client(const TlsClientOptions& options) {
    auto state = std::make_unique<TlsContext::State>();
    set_versions(state->context, options.min_version, options.max_version);
    state->verify = !options.insecure_skip_verify;
    TRY(const std::string ca, context(text_or_file(options.ca, options.ca_file), "ca_file"));
    TRY(const std::string cert,
        context(text_or_file(options.cert, options.cert_file), "cert_file"));
    TRY(const std::string key,
        context(text_or_file(options.key.reveal(), options.key_file), "key_file"));
    if (cert.empty() != key.empty()) {
        return fail(Code::kInvalid, "tls: a client certificate needs both cert and key");
    }
    if (!cert.empty()) {
        TRY(use_certificate(state->context, cert, key));
    }
    error_code error;
    if (!ca.empty()) {
        TRY(use_authorities(state->context, ca));
    } else if (state->verify) {
        state->context.set_default_verify_paths(error);
    }
    state->context.set_verify_mode(state->verify ? ssl::verify_peer : ssl::verify_none, error);
    return std::make_shared<TlsContext>(std::move(state));
}

int accept_any(int, X509_STORE_CTX*) {
    return 1;
}

Status set_client_auth(TlsContext::State& state, const TlsServerOptions& options) {
    TRY(const std::string ca,
        context(text_or_file(options.client_ca, options.client_ca_file), "client_ca_file"));
    if (!ca.empty()) {
        TRY(use_authorities(state.context, ca));
    }
    SSL_CTX* const native = state.context.native_handle();
    constexpr int kMust = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    switch (options.client_auth) {
        case ClientAuth::kNone:
            SSL_CTX_set_verify(native, SSL_VERIFY_NONE, nullptr);
            break;
        case ClientAuth::kRequest:
            SSL_CTX_set_verify(native, SSL_VERIFY_PEER, accept_any);
            break;
        case ClientAuth::kRequireAny:
            SSL_CTX_set_verify(native, kMust, accept_any);
            break;
        case ClientAuth::kVerifyIfGiven:
            SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
            break;
        case ClientAuth::kRequireAndVerify:
            SSL_CTX_set_verify(native, kMust, nullptr);
            break;
    }
    // A session may be resumed only in the same context.
    constexpr unsigned char kId[] = "skein";
    SSL_CTX_set_session_id_context(native, kId, sizeof(kId) - 1);
    state.allowed_names = options.client_allowed_sans;
    return success();
}

Status set_ciphers(ssl::context& context, const TlsServerOptions& options) {
    std::string ciphers;
    for (const std::string& name : options.cipher_suites) {
        const char* const own = OPENSSL_cipher_name(name.c_str());
        if (std::string_view(own) == "(NONE)") {
            return fail(Code::kInvalid, "unknown cipher:", name);
        }
        if (!std::string_view(own).starts_with("TLS_")) {  // those of TLS 1.3 are not chosen
            ciphers += (ciphers.empty() ? "" : ":") + std::string(own);
        }
    }
    SSL_CTX* const native = context.native_handle();
    if (!ciphers.empty() && SSL_CTX_set_cipher_list(native, ciphers.c_str()) != 1) {
        return fail(Code::kInvalid, "no usable cipher in cipher_suites");
    }
    std::string curves;
    for (const std::string& name : options.curve_preferences) {
        const std::string own = name.starts_with("CurveP") ? "P-" + name.substr(6) : name;
        curves += (curves.empty() ? "" : ":") + own;
    }
    if (!curves.empty() && SSL_CTX_set1_groups_list(native, curves.c_str()) != 1) {
        return fail(Code::kInvalid, "unknown curve in curve_preferences");
    }
    return success();
}

Result<std::shared_ptr<TlsContext>> build_server(const TlsServerOptions& options) {
    auto state = std::make_unique<TlsContext::State>();
    set_versions(state->context, options.min_version, options.max_version);
    TRY(const std::string cert,
        context(text_or_file(options.cert, options.cert_file), "cert_file"));
    TRY(const std::string key,
        context(text_or_file(options.key.reveal(), options.key_file), "key_file"));
    if (cert.empty() || key.empty()) {
        return fail(Code::kInvalid, "tls_server_config needs a certificate and a key");
    }
    TRY(use_certificate(state->context, cert, key));
    TRY(set_client_auth(*state, options));
    TRY(set_ciphers(state->context, options));
    return std::make_shared<TlsContext>(std::move(state));
}

// A key that no two different options share.
class KeyWriter {
  public:
    void add(std::string_view part) {
        key_ += std::to_string(part.size()) + ":";
        key_ += part;
    }

    template <class Number>
    void number(Number number) {
        add(std::to_string(static_cast<int>(number)));
    }

    void list(const std::vector<std::string>& parts) {
        number(parts.size());
        for (const std::string& part : parts) {
            add(part);
        }
    }

    [[nodiscard]] std::string take() { return std::move(key_); }

  private:
    std::string key_;
};

bool is_ip(const std::string& host) {
    in6_addr address{};
    return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
           inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::string name_text(const GENERAL_NAME& name) {
    const ASN1_STRING* text = nullptr;
    if (name.type == GEN_DNS) {
        text = name.d.dNSName;
    } else if (name.type == GEN_URI) {
        text = name.d.uniformResourceIdentifier;
    } else if (name.type == GEN_EMAIL) {
        text = name.d.rfc822Name;
    } else if (name.type == GEN_IPADD) {
        char shown[INET6_ADDRSTRLEN] = "";
        const bool four = ASN1_STRING_length(name.d.iPAddress) == 4;
        inet_ntop(four ? AF_INET : AF_INET6,
                  ASN1_STRING_get0_data(name.d.iPAddress),
                  shown,
                  sizeof(shown));
        return shown;
    }
    if (text == nullptr) {
        return "";
    }
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                       static_cast<size_t>(ASN1_STRING_length(text)));
}

}  // namespace

TlsContext::State::State()
    : owned(std::make_unique<ssl::context>(ssl::context::tls)), context(*owned) {}

TlsContext::State::~State() = default;

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContexts::client(const TlsClientOptions& options) {
    KeyWriter key;
    for (const std::string* const part : {&options.ca,
                                          &options.ca_file,
                                          &options.cert,
                                          &options.cert_file,
                                          &options.key.reveal(),
                                          &options.key_file}) {
        key.add(*part);
    }
    key.number(options.insecure_skip_verify);
    key.number(options.min_version);
    key.number(options.max_version);
    const std::string name = key.take();
    const std::string stamp = file_stamp(options.ca_file) + " " + file_stamp(options.cert_file) +
                              " " + file_stamp(options.key_file);
    const MutexLock lock(mutex_);
    const auto found = entries_.find(name);
    if (found != entries_.end() && found->second.stamp == stamp) {
        return found->second.context;
    }
    TRY(auto context, build_client(options));
    if (entries_.size() >= kEntriesMax) {
        entries_.clear();
    }
    entries_[name] = {stamp, context};
    return context;
}

Result<std::shared_ptr<TlsContext>> TlsContexts::server(const TlsServerOptions& options) {
    KeyWriter key;
    for (const std::string* const part : {&options.cert,
                                          &options.cert_file,
                                          &options.key.reveal(),
                                          &options.key_file,
                                          &options.client_ca,
                                          &options.client_ca_file}) {
        key.add(*part);
    }
    key.number(options.client_auth);
    key.number(options.min_version);
    key.number(options.max_version);
    key.list(options.client_allowed_sans);
    key.list(options.cipher_suites);
    key.list(options.curve_preferences);
    const std::string name = key.take();
    const std::string stamp = file_stamp(options.cert_file) + " " + file_stamp(options.key_file) +
                              " " + file_stamp(options.client_ca_file);
    const MutexLock lock(mutex_);
    const auto found = entries_.find(name);
    if (found != entries_.end() && found->second.stamp == stamp) {
        return found->second.context;
    }
    TRY(auto context, build_server(options));
    if (entries_.size() >= kEntriesMax) {
        entries_.clear();
    }
    entries_[name] = {stamp, context};
    return context;
}

void prepare_client_session(SSL* session, TlsContext& context, const std::string& server_name) {
    const bool ip = is_ip(server_name);
    if (!ip) {
        SSL_set_tlsext_host_name(session, server_name.c_str());
    }
    if (!context.state().verify) {
        return;
    }
    X509_VERIFY_PARAM* const check = SSL_get0_param(session);
    if (ip) {
        X509_VERIFY_PARAM_set1_ip_asc(check, server_name.c_str());
    } else {
        X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        X509_VERIFY_PARAM_set1_host(check, server_name.data(), server_name.size());
    }
}

Status check_client_names(SSL* session, TlsContext& context) {
    const std::vector<std::string>& allowed = context.state().allowed_names;
    if (allowed.empty()) {
        return success();
    }
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        SSL_get1_peer_certificate(session), &X509_free);
    if (!certificate) {
        return fail(Code::kPermission, "client sent no certificate, names are demanded");
    }
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
        static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)),
        &GENERAL_NAMES_free);
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    for (int i = 0; i < count; ++i) {
        const std::string name = name_text(*sk_GENERAL_NAME_value(names.get(), i));
        if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) {
            return success();
        }
    }
    return fail(Code::kPermission, "could not find allowed SANs in client cert");
}

std::string verify_failure(SSL* session) {
    const long result = SSL_get_verify_result(session);
    if (result == X509_V_OK) {
        return "";
    }
    std::string text = "tls: failed to verify certificate: x509: ";
    switch (result) {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return text + "certificate signed by unknown authority";
        default:
            return text + X509_verify_cert_error_string(result);
    }
}

}  // namespace base::http
