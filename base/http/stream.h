// A byte stream over TCP or a unix socket, with or without TLS. The only file of this folder that
// knows sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <sys/types.h>

#include "base/async/lane.h"
#include "base/http/tls.h"

namespace base::http {

// Where to connect to.
struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    // "127.0.0.1:80", "[::1]:80", "/run/x.sock"
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] std::string_view network() const;  // "tcp" or "unix"
};

// errors  kInvalid: not an IP literal
[[nodiscard]] Result<Address> ip_address(std::string_view host, uint16_t port);
// errors  kInvalid: longer than the kernel takes
[[nodiscard]] Result<Address> unix_address(std::string_view path);
// Blocks. errors  kUnavailable "lookup host: no such host"
[[nodiscard]] Result<std::vector<Address>> resolve_blocking(const std::string& host);

//   threads   the lane
//   errors    kCanceled: the task was cancelled or close() was called; kIo: the rest, in Go's words
//   lifetime  no operation may be pending at destruction
class Stream {
  public:
    explicit Stream(Lane& lane);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    [[nodiscard]] Task<void> connect(Address address);
    // errors  kPermission: the certificate was refused
    [[nodiscard]] Task<void> start_tls_client(std::shared_ptr<TlsContext> context,
                                              std::string server_name);
    [[nodiscard]] Task<void> start_tls_server(std::shared_ptr<TlsContext> context);

    // Bytes read, at least one; 0: the peer closed.
    [[nodiscard]] Task<size_t> read_some(char* to, size_t size);
    // Bytes written of first + second, at least one.
    [[nodiscard]] Task<size_t> write_some(std::string_view first, std::string_view second);

    // Returns once try_read() has something to say. Not for TLS.
    [[nodiscard]] Task<void> wait_readable();
    // Without suspending: like the above, -1 when it would block (always, with TLS).
    [[nodiscard]] Result<ssize_t> try_read(char* to, size_t size);
    [[nodiscard]] Result<ssize_t> try_write(std::string_view first, std::string_view second);

    // Ends every pending operation. May be called again.
    void close();
    // Tells the peer that nothing more comes. With TLS it waits for the peer's goodbye: bound it.
    [[nodiscard]] Task<void> shutdown();

    [[nodiscard]] bool is_open() const;
    [[nodiscard]] bool tls() const;
    [[nodiscard]] const std::string& peer() const;

  private:
    friend class Acceptor;
    struct State;
    std::unique_ptr<State> state_;
};

// A listening TCP socket.
class Acceptor {
  public:
    // errors  kInvalid: the address; kIo: it cannot be bound
    [[nodiscard]] static Result<std::unique_ptr<Acceptor>> bind(Lane& lane,
                                                                const std::string& address);
    ~Acceptor();

    // The next connection, for use on `lane`. errors  kCanceled; kLimit: out of file descriptors;
    // kIo: this connection failed, the next one may not
    [[nodiscard]] Task<std::unique_ptr<Stream>> accept(Lane& lane);
    // On the acceptor's lane.
    void close();

    [[nodiscard]] std::string address() const;
    [[nodiscard]] uint16_t port() const;

  private:
    struct State;
    explicit Acceptor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// "connection refused": what Go says for an errno.
[[nodiscard]] std::string errno_text(int error);

}  // namespace base::http
