// TLS contexts from options: certificates, keys, versions, and the checks behind them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/http/options.h"
#include "base/result.h"
#include "base/sync.h"

struct ssl_st;

namespace base::http {

struct TlsServerOptions;

// An SSL_CTX; opaque.
class TlsContext {
  public:
    struct State;
    explicit TlsContext(std::unique_ptr<State> state);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    [[nodiscard]] State& state() { return *state_; }

  private:
    std::unique_ptr<State> state_;
};

// Contexts by options; one is built anew when a file it was read from has changed.
//   threads   any
//   cost      one stat() per file and call; building reads the files, on the calling thread
class TlsContexts {
  public:
    static constexpr size_t kEntriesMax = 1024;

    // errors  kInvalid: a certificate, key or version; kIo: a file
    [[nodiscard]] Result<std::shared_ptr<TlsContext>> client(const TlsClientOptions& options)
        EXCLUDES_LOCK(mutex_);
    [[nodiscard]] Result<std::shared_ptr<TlsContext>> server(const TlsServerOptions& options)
        EXCLUDES_LOCK(mutex_);

  private:
    struct Entry {
        std::string stamp;  // of the files, as they were
        std::shared_ptr<TlsContext> context;
    };

    Mutex mutex_;
    std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
};

// Sets name checks and SNI on a client's session. server_name: a host name or an IP address.
void prepare_client_session(ssl_st* session, TlsContext& context, const std::string& server_name);
// After a handshake. errors  kPermission: the client's names are not among those allowed
[[nodiscard]] Status check_client_names(ssl_st* session, TlsContext& context);
// Why a handshake's certificate check failed, in Go's words; empty when it did not.
[[nodiscard]] std::string verify_failure(ssl_st* session);

}  // namespace base::http
