#include "base/http/stream.h"

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "base/http/tls_state.h"
#include "base/http/url.h"

namespace base::http {

namespace asio = boost::asio;

namespace {

using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;
using TlsLayer = asio::ssl::stream<Socket&>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

Address local_address(int socket) {
    Address address;
    address.length = sizeof(address.storage);
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address.storage), &address.length) !=
        0) {
        address.length = 0;
    }
    return address;
}

Error stream_error(Socket& socket,
                   const std::string& peer,
                   const char* what,
                   const error_code& error) {
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
        return Error(Code::kCanceled, "context canceled");
    }
    if (error == asio::ssl::error::stream_truncated) {
        return Error(Code::kIo, "unexpected EOF");
    }
    if (error.category() != boost::system::system_category()) {
        return Error(Code::kIo, "tls: " + error.message());
    }
    const std::string from = local_address(socket.native_handle()).to_string();
    return Error(Code::kIo,
                 std::string(what) + " tcp " + from + "->" + peer + ": " + what + ": " +
                     errno_text(error.value()));
}

}  // namespace

std::string errno_text(int error) {
    std::array<char, 128> buffer{};
    std::string text = ::strerror_r(error, buffer.data(), buffer.size());
    if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z') {
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    }
    return text;
}

std::string Address::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (storage.ss_family == AF_INET) {
        const auto& in = reinterpret_cast<const sockaddr_in&>(storage);
        inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
        return std::string(text.data()) + ":" + std::to_string(ntohs(in.sin_port));
    }
    if (storage.ss_family == AF_INET6) {
        const auto& in = reinterpret_cast<const sockaddr_in6&>(storage);
        inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
        return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(in.sin6_port));
    }
    if (storage.ss_family == AF_UNIX) {
        return reinterpret_cast<const sockaddr_un&>(storage).sun_path;
    }
    return "";
}

std::string_view Address::network() const {
    return storage.ss_family == AF_UNIX ? "unix" : "tcp";
}

Result<Address> ip_address(std::string_view host, uint16_t port) {
    const std::string text(host);
    Address address;
    auto& four = reinterpret_cast<sockaddr_in&>(address.storage);
    if (inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(port);
        address.length = sizeof(four);
        return address;
    }
    auto& six = reinterpret_cast<sockaddr_in6&>(address.storage);
    if (inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(port);
        address.length = sizeof(six);
        return address;
    }
    return fail(Code::kInvalid, "not an IP address:", text);
}

Result<Address> unix_address(std::string_view path) {
    Address address;
    auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
    if (path.empty() || path.size() >= sizeof(un.sun_path)) {
        return fail(Code::kInvalid, "unix socket path is longer than", sizeof(un.sun_path) - 1);
    }
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, path.data(), path.size());
    address.length = sizeof(un);
    return address;
}

Result<std::vector<Address>> resolve_blocking(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (failed != 0) {
        const bool unknown = failed == EAI_NONAME || failed == EAI_NODATA;
        return fail(Code::kUnavailable,
                    "lookup " + host + ":",
                    unknown ? "no such host" : ::gai_strerror(failed));
    }
    std::vector<Address> addresses;
    for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
        Address address;
        std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
        address.length = at->ai_addrlen;
        addresses.push_back(address);
    }
    ::freeaddrinfo(list);
    return addresses;
}

struct Stream::State {
    explicit State(Lane& lane) : socket(lane.context()) {}

    [[nodiscard]] Error error(const char* what, const error_code& error) {
        return stream_error(socket, peer, what, error);
    }

    void set_no_delay() {
        const int on = 1;
        (void)::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }

    Socket socket;
    std::unique_ptr<TlsLayer> tls;
    std::shared_ptr<TlsContext> context;  // tls refers to it
    std::string peer;
};

Stream::Stream(Lane& lane) : state_(std::make_unique<State>(lane)) {}

Stream::~Stream() {
    close();
}

Task<void> Stream::connect(Address address) {
    State& s = *state_;
    close();
    s.tls.reset();
    s.peer = address.to_string();
    error_code error;
    s.socket.open(Protocol(address.storage.ss_family, 0), error);
    if (!error) {
        const Protocol::endpoint endpoint(&address.storage, address.length);
        std::tie(error) = co_await s.socket.async_connect(endpoint, kAwait);
    }
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
        co_return fail(Code::kCanceled, "context canceled");
    }
    if (error) {
        co_return fail(Code::kIo,
                       "dial " + std::string(address.network()) + " " + s.peer +
                           ": connect: " + errno_text(error.value()));
    }
    if (address.storage.ss_family != AF_UNIX) {
        s.set_no_delay();
    }
    co_return success();
}

Task<void> Stream::start_tls_client(std::shared_ptr<TlsContext> context, std::string server_name) {
    State& s = *state_;
    s.context = std::move(context);
    s.tls = std::make_unique<TlsLayer>(s.socket, s.context->state().context);
    prepare_client_session(s.tls->native_handle(), *s.context, server_name);
    const auto [error] = co_await s.tls->async_handshake(asio::ssl::stream_base::client, kAwait);
    if (!error) {
        co_return success();
    }
    const std::string refused = verify_failure(s.tls->native_handle());
    if (!refused.empty()) {
        co_return fail(Code::kPermission, refused);
    }
    co_return fail(s.error("read", error));
}

Task<void> Stream::start_tls_server(std::shared_ptr<TlsContext> context) {
    State& s = *state_;
    s.context = std::move(context);
    s.tls = std::make_unique<TlsLayer>(s.socket, s.context->state().context);
    const auto [error] = co_await s.tls->async_handshake(asio::ssl::stream_base::server, kAwait);
    if (error) {
        co_return fail(s.error("read", error));
    }
    co_return check_client_names(s.tls->native_handle(), *s.context);
}

Task<size_t> Stream::read_some(char* to, size_t size) {
    State& s = *state_;
    error_code error;
    size_t n = 0;
    const asio::mutable_buffer buffer(to, size);
    if (s.tls) {
        std::tie(error, n) = co_await s.tls->async_read_some(buffer, kAwait);
    } else {
        std::tie(error, n) = co_await s.socket.async_read_some(buffer, kAwait);
    }
    if (error && n == 0 && error != asio::error::eof) {
        co_return fail(s.error("read", error));
    }
    co_return n;
}

Task<size_t> Stream::write_some(std::string_view first, std::string_view second) {
    State& s = *state_;
    error_code error;
    size_t n = 0;
    const std::array<asio::const_buffer, 2> buffers{
        asio::const_buffer(first.data(), first.size()),
        asio::const_buffer(second.data(), second.size())};
    if (s.tls) {
        std::tie(error, n) = co_await s.tls->async_write_some(buffers, kAwait);
    } else {
        std::tie(error, n) = co_await s.socket.async_write_some(buffers, kAwait);
    }
    if (error) {
        co_return fail(s.error("write", error));
    }
    co_return n;
}

Task<void> Stream::wait_readable() {
    State& s = *state_;
    const auto [error] = co_await s.socket.async_wait(Socket::wait_read, kAwait);
    if (error) {
        co_return fail(s.error("read", error));
    }
    co_return success();
}

Result<ssize_t> Stream::try_read(char* to, size_t size) {
    State& s = *state_;
    if (s.tls) {
        return -1;
    }
    if (!s.socket.is_open()) {
        return fail(Code::kCanceled, "context canceled");
    }
    const ssize_t n = ::recv(s.socket.native_handle(), to, size, MSG_DONTWAIT);
    if (n >= 0 || errno == EAGAIN || errno == EINTR) {
        return n;
    }
    return fail(s.error("read", error_code(errno, boost::system::system_category())));
}

Result<ssize_t> Stream::try_write(std::string_view first, std::string_view second) {
    State& s = *state_;
    if (s.tls) {
        return -1;
    }
    if (!s.socket.is_open()) {
        return fail(Code::kCanceled, "context canceled");
    }
    std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                               iovec{const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = second.empty() ? 1 : 2;
    const ssize_t n = ::sendmsg(s.socket.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0 || errno == EAGAIN || errno == EINTR) {
        return n;
    }
    return fail(s.error("write", error_code(errno, boost::system::system_category())));
}

void Stream::close() {
    error_code ignored;
    state_->socket.close(ignored);
}

Task<void> Stream::shutdown() {
    State& s = *state_;
    if (s.tls) {
        (void)co_await s.tls->async_shutdown(kAwait);
    }
    error_code ignored;
    s.socket.shutdown(Socket::shutdown_send, ignored);
    co_return success();
}

bool Stream::is_open() const {
    return state_->socket.is_open();
}

bool Stream::tls() const {
    return state_->tls != nullptr;
}

const std::string& Stream::peer() const {
    return state_->peer;
}

struct Acceptor::State {
    explicit State(Lane& lane) : acceptor(lane.context()) {}

    asio::ip::tcp::acceptor acceptor;
    asio::ip::tcp::endpoint local;
};

Acceptor::Acceptor(std::unique_ptr<State> state) : state_(std::move(state)) {}

Acceptor::~Acceptor() = default;

Result<std::unique_ptr<Acceptor>> Acceptor::bind(Lane& lane, const std::string& address) {
    TRY(HostPort where, parse_host_port(address));
    if (where.host.empty()) {
        where.host = "0.0.0.0";
    }
    std::vector<Address> candidates;
    if (auto literal = ip_address(where.host, where.port)) {
        candidates.push_back(literal.value());
    } else {
        TRY(candidates, resolve_blocking(where.host));
    }
    auto state = std::make_unique<State>(lane);
    asio::ip::tcp::endpoint endpoint;
    endpoint.resize(candidates.front().length);
    std::memcpy(endpoint.data(), &candidates.front().storage, candidates.front().length);
    endpoint.port(where.port);
    error_code error;
    auto& acceptor = state->acceptor;
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
        acceptor.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
        acceptor.bind(endpoint, error);
    }
    if (!error) {
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error) {
        return fail(Code::kIo, "listen tcp " + address + ": bind:", errno_text(error.value()));
    }
    state->local = acceptor.local_endpoint(error);
    return std::unique_ptr<Acceptor>(new Acceptor(std::move(state)));
}

Task<std::unique_ptr<Stream>> Acceptor::accept(Lane& lane) {
    auto stream = std::make_unique<Stream>(lane);
    Stream::State& s = *stream->state_;
    const auto [error] = co_await state_->acceptor.async_accept(s.socket, kAwait);
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
        co_return fail(Code::kCanceled, "context canceled");
    }
    if (error) {
        const bool full = error.value() == EMFILE || error.value() == ENFILE ||
                          error.value() == ENOBUFS || error.value() == ENOMEM;
        co_return fail(full ? Code::kLimit : Code::kIo, "accept:", errno_text(error.value()));
    }
    s.set_no_delay();
    Address peer;
    peer.length = sizeof(peer.storage);
    if (::getpeername(s.socket.native_handle(),
                      reinterpret_cast<sockaddr*>(&peer.storage),
                      &peer.length) == 0) {
        s.peer = peer.to_string();
    }
    co_return stream;
}

void Acceptor::close() {
    error_code ignored;
    state_->acceptor.close(ignored);
}

std::string Acceptor::address() const {
    Address address;
    std::memcpy(&address.storage, state_->local.data(), state_->local.size());
    address.length = static_cast<socklen_t>(state_->local.size());
    return address.to_string();
}

uint16_t Acceptor::port() const {
    return state_->local.port();
}

}  // namespace base::http
