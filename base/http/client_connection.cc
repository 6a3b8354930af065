// ClientConnection: dial, send, receive, follow redirects.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/async/deadline.h"
#include "base/check.h"
#include "base/http/base64.h"
#include "base/http/client_shared.h"
#include "base/http/proxy.h"
#include "base/http/request_text.h"
#include "base/http/wire.h"

namespace base::http {

namespace {

constexpr size_t kScratchSize = 256 * 1024;
constexpr size_t kTlsReadSize = 16 * 1024;
constexpr int kInterimMax = 16;  // 1xx answers before the real one

// One read buffer per thread: it is filled and emptied without a suspension in between, so ten
// thousand connections need no buffers of their own.
char* scratch() {
    thread_local const std::unique_ptr<char[]> buffer(new char[kScratchSize]);
    return buffer.get();
}

// "Get" for GET, as errors begin.
std::string verb(Method method) {
    std::string name(method_name(method));
    for (size_t i = 1; i < name.size(); ++i) {
        name[i] = static_cast<char>(name[i] - 'A' + 'a');
    }
    return name;
}

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_supported_scheme(const std::string& scheme) {
    return scheme == "http" || scheme == "https" || scheme == "http+unix";
}

}  // namespace

// Bytes of a body that are read before other work on the lane gets its turn.
constexpr size_t kBytesPerTurn = size_t{1} << 20;
// Room that is made for a body before anything of it has come, at most.
constexpr size_t kFirstRoom = size_t{256} << 10;

struct ClientConnection::State final : HeadSink {
    State(std::shared_ptr<ClientShared::State> with,
          Lane& on,
          Url to,
          const ClientOptions& chosen,
          Headers always,
          std::optional<Url> through,
          RequestText prepared)
        : shared(std::move(with)),
          lane(on),
          url(std::move(to)),
          options(chosen),
          headers(std::move(always)),
          proxy(std::move(through)),
          text(std::move(prepared)),
          stream(on),
          parser(MessageKind::kResponse, kResponseHeaderMax),
          timer(on, [this] { on_deadline(); }) {}

    // One request with its answer, redirects not followed.
    Task<void> exchange(Method method,
                        const std::string& request,
                        const std::string& request_body,
                        const SendOptions& send,
                        ResponseHead& to_head,
                        std::string& to_body);
    Task<void> follow(SendOptions send, Method method, ResponseHead& to_head, std::string& to_body);

    Task<void> attempt(const std::string& request,
                       const std::string& request_body,
                       bool no_body,
                       size_t body_limit,
                       std::string& to_body);
    Task<void> dial(Deadline deadline);
    Task<void> connect(Deadline deadline);
    Task<void> open_tunnel();
    Task<void> write(std::string_view first, std::string_view second);
    Task<void> read_head(bool no_body);
    Task<void> read_body(size_t limit, std::string& to_body);
    Status make_room(std::string& to_body, size_t size);
    Task<void> pause();
    Task<void> read_sized(size_t length, std::string& to_body);
    Task<void> read_framed(std::string& to_body);
    Task<std::string_view> read_view();

    // Saves what came behind the head from the next suspension.
    void keep_rest() {
        pending.assign(rest.data(), rest.size());
        rest = {};
    }

    void on_deadline() {
        timed_out = true;
        stream.close();
    }

    void drop() {
        connected = false;
        stream.close();
        pending.clear();
    }

    void on_status(int status, std::string_view reason) override {
        head->status = status;
        head->reason.assign(reason);
        head->content_type.clear();
        head->content_encoding.clear();
        head->headers.clear();
        location.clear();
    }

    void on_field(std::string_view name, std::string_view value) override {
        if (equals_ignoring_case(name, "Content-Type")) {
            head->content_type.assign(value);
        } else if (equals_ignoring_case(name, "Content-Encoding")) {
            head->content_encoding.assign(value);
        } else if (equals_ignoring_case(name, "Location")) {
            location.assign(value);
        }
        if (keep_headers) {
            head->headers.add(std::string(name), std::string(value));
        }
    }

    const std::shared_ptr<ClientShared::State> shared;
    Lane& lane;
    const Url url;
    const ClientOptions options;
    const Headers headers;
    const std::optional<Url> proxy;
    RequestText text;
    Stream stream;
    MessageParser parser;
    ResponseHead* head = nullptr;
    std::string location;
    std::string pending;    // received, not yet parsed
    std::string_view rest;  // received behind the head: in the scratch or in `pending`, good until
                            // the next suspension
    std::string tls_data;   // read buffer of a TLS connection
    std::unique_ptr<ClientConnection> elsewhere;  // where a redirect led
    bool keep_headers = false;
    Reservation* memory = nullptr;  // of the request that runs
    size_t turn_bytes = 0;          // of body since others had their turn
    bool connected = false;
    bool busy = false;
    bool timed_out = false;
    bool has_head = false;  // of the answer being read
    uint64_t dials = 0;
    Timer timer;  // last: its callback uses the stream
};

Task<void> ClientConnection::State::connect(Deadline deadline) {
    const Url& to = proxy ? *proxy : url;
    std::vector<Address> addresses;
    if (to.scheme == "http+unix") {
        CO_TRY(const Address address, unix_address(to.host));
        addresses.push_back(address);
    } else if (auto literal = ip_address(to.host, to.effective_port()); literal.has_value()) {
        addresses.push_back(literal.value());
    } else {
        auto found = co_await shared->resolver.resolve(lane, to.host, deadline);
        CO_TRY(addresses, context(std::move(found), "dial tcp"));
        for (Address& address : addresses) {
            auto& in =
                reinterpret_cast<sockaddr_in&>(address.storage);  // the port lies alike in v6
            in.sin_port = __builtin_bswap16(to.effective_port());
        }
    }
    Status status = fail(Code::kIo, "dial tcp: no address for", to.host);
    for (const Address& address : addresses) {
        status = co_await stream.connect(address);
        if (status || timed_out || status.error().code() == Code::kCanceled) {
            break;
        }
    }
    co_return status;
}

// CONNECT through a proxy (RFC 9110 §9.3.6).
Task<void> ClientConnection::State::open_tunnel() {
    std::string request =
        "CONNECT " + url.address() + " HTTP/1.1\r\nHost: " + url.address() + "\r\n";
    if (proxy->has_userinfo) {
        const std::string pair = proxy->user + ":" + proxy->password.reveal();
        request += "Proxy-Authorization: Basic " + base64_encode(pair) + "\r\n";
    }
    for (const auto& [name, values] : options.proxy_connect_headers) {
        for (const Secret& value : values) {
            request += name + ": " + value.reveal() + "\r\n";
        }
    }
    request += "\r\n";
    CO_TRY(co_await write(request, ""));
    ResponseHead* const before = head;
    ResponseHead answer;
    head = &answer;
    Status read = co_await read_head(true);
    head = before;
    CO_TRY(std::move(read));
    if (answer.status != 200) {
        co_return fail(Code::kIo,
                       "proxy refused CONNECT:",
                       std::to_string(answer.status) + " " + answer.reason);
    }
    rest = {};
    pending.clear();
    co_return success();
}

Task<void> ClientConnection::State::dial(Deadline deadline) {
    ++dials;
    pending.clear();
    Status status = co_await connect(deadline);
    if (!status) {
        co_return proxy ? context(std::move(status), "proxyconnect tcp") : std::move(status);
    }
    if (url.tls()) {
        if (proxy) {
            CO_TRY(co_await open_tunnel());
        }
        CO_TRY(auto tls, shared->tls.client(options.tls));
        std::string name = options.tls.server_name.empty() ? url.host : options.tls.server_name;
        CO_TRY(co_await stream.start_tls_client(std::move(tls), std::move(name)));
    }
    connected = true;
    co_return success();
}

Task<void> ClientConnection::State::write(std::string_view first, std::string_view second) {
    CO_TRY(const ssize_t at_once, stream.try_write(first, second));
    size_t sent = at_once < 0 ? 0 : static_cast<size_t>(at_once);
    const size_t total = first.size() + second.size();
    while (sent < total) {
        const std::string_view head_rest = first.substr(std::min(sent, first.size()));
        const std::string_view body_rest =
            second.substr(sent > first.size() ? sent - first.size() : 0);
        CO_TRY(const size_t n, co_await stream.write_some(head_rest, body_rest));
        sent += n;
    }
    co_return success();
}

// What has arrived, in a buffer that is good until the next suspension. Empty: the peer closed.
Task<std::string_view> ClientConnection::State::read_view() {
    if (stream.tls()) {
        tls_data.resize(kTlsReadSize);
        CO_TRY(const size_t n, co_await stream.read_some(tls_data.data(), tls_data.size()));
        co_return std::string_view(tls_data.data(), n);
    }
    while (true) {
        CO_TRY(const ssize_t n, stream.try_read(scratch(), kScratchSize));
        if (n >= 0) {
            co_return std::string_view(scratch(), static_cast<size_t>(n));
        }
        CO_TRY(co_await stream.wait_readable());
    }
}

// Reads until the head is complete; what came behind it is in `rest`.
Task<void> ClientConnection::State::read_head(bool no_body) {
    parser.begin(*this, no_body);
    int interim = 0;
    while (true) {
        CO_TRY(const std::string_view arrived, co_await read_view());
        if (arrived.empty()) {
            co_return fail(Code::kIo,
                           parser.started() || !pending.empty() ? "unexpected EOF" : "EOF");
        }
        std::string_view bytes = arrived;
        if (!pending.empty()) {
            pending.append(arrived);
            bytes = pending;
        }
        while (!bytes.empty()) {
            CO_TRY(const size_t used, parser.feed(bytes));
            bytes.remove_prefix(used);
            if (!parser.head_done()) {
                break;
            }
            if (head->status / 100 != 1 || head->status == 101) {
                rest = bytes;
                co_return success();
            }
            if (++interim > kInterimMax) {
                co_return fail(Code::kIo, "too many 1xx responses");
            }
            parser.begin(*this, no_body);
        }
        pending.assign(bytes.data(), bytes.size());
    }
}

// Room for `size` bytes of body, accounted before it is taken.
Status ClientConnection::State::make_room(std::string& to_body, size_t size) {
    const size_t before = to_body.capacity();
    if (size <= before) {
        return success();
    }
    const size_t wanted = std::max(size, before + before / 2);
    if (memory != nullptr) {
        TRY(memory->grow(static_cast<int64_t>(wanted - before)));
    }
    to_body.reserve(wanted);
    return success();
}

// A body that comes as fast as it is read must not keep the lane for itself.
Task<void> ClientConnection::State::pause() {
    turn_bytes = 0;
    if (lane.ticked()) {
        co_return co_await lane.next_tick();
    }
    co_return co_await yield();
}

// A body of known length goes straight to where it is wanted. The length is the peer's word: memory
// is taken as bytes arrive.
Task<void> ClientConnection::State::read_sized(size_t length, std::string& to_body) {
    // What an earlier body left in the buffer is written over: only what it grows by is filled
    // first.
    size_t room = std::min(length, std::max({rest.size(), to_body.size(), kFirstRoom}));
    CO_TRY(make_room(to_body, room));
    to_body.resize(room);
    size_t got = std::min(rest.size(), length);
    std::memcpy(to_body.data(), rest.data(), got);
    rest.remove_prefix(got);
    keep_rest();
    while (got < length) {
        if (got == to_body.size()) {
            room = std::min(length, 2 * got);
            CO_TRY(make_room(to_body, room));
            to_body.resize(room);
        }
        CO_TRY(const ssize_t at_once, stream.try_read(to_body.data() + got, to_body.size() - got));
        size_t n = static_cast<size_t>(at_once);
        if (at_once < 0 && !stream.tls()) {
            CO_TRY(co_await stream.wait_readable());
            continue;
        }
        if (at_once < 0) {
            CO_TRY(n, co_await stream.read_some(to_body.data() + got, to_body.size() - got));
        }
        if (n == 0) {
            to_body.resize(got);
            co_return fail(Code::kIo, "unexpected EOF");
        }
        got += n;
        turn_bytes += n;
        if (turn_bytes >= kBytesPerTurn) {
            CO_TRY(co_await pause());
        }
    }
    co_return success();
}

// A chunked body, or one that ends with the connection.
Task<void> ClientConnection::State::read_framed(std::string& to_body) {
    std::string_view arrived;
    while (true) {
        std::string_view bytes = arrived;
        if (!pending.empty()) {
            pending.append(arrived);
            bytes = pending;
        }
        if (!bytes.empty()) {
            CO_TRY(make_room(to_body, to_body.size() + bytes.size()));
            CO_TRY(const size_t used, parser.feed(bytes));
            bytes.remove_prefix(used);
            if (bytes.size() > kResponseHeaderMax && !parser.done()) {
                co_return fail(Code::kIo, "malformed chunk: its header is too long");
            }
            pending.assign(bytes.data(), bytes.size());
        }
        if (parser.done()) {
            co_return success();
        }
        turn_bytes += arrived.size();
        if (turn_bytes >= kBytesPerTurn) {
            CO_TRY(co_await pause());
        }
        CO_TRY(arrived, co_await read_view());
        if (arrived.empty()) {
            CO_TRY(parser.finish());
            co_return success();
        }
    }
}

Task<void> ClientConnection::State::read_body(size_t limit, std::string& to_body) {
    if (parser.done()) {
        keep_rest();
        to_body.clear();
        co_return success();
    }
    const std::optional<uint64_t> length = parser.content_length();
    if (!length) {
        keep_rest();
        to_body.clear();
        parser.read_body_into(to_body, limit);
        Status read = co_await read_framed(to_body);
        pending = std::string(pending);  // a connection at rest keeps no buffer
        co_return read;
    }
    if (*length >= limit) {
        keep_rest();
        to_body.clear();
        co_return fail(Code::kLimit, "body is too long, limit", limit, "bytes");
    }
    co_return co_await read_sized(*length, to_body);
}

Task<void> ClientConnection::State::attempt(const std::string& request,
                                            const std::string& request_body,
                                            bool no_body,
                                            size_t body_limit,
                                            std::string& to_body) {
    CO_TRY(co_await write(request, request_body));
    if (lane.ticked()) {
        CO_TRY(co_await lane.next_tick());
    }
    CO_TRY(co_await read_head(no_body));
    has_head = true;
    const bool keep_alive = parser.keep_alive();
    Status body = co_await read_body(body_limit, to_body);
    if (!keep_alive || !pending.empty() || !body) {
        drop();
    }
    co_return body;
}

Task<void> ClientConnection::State::exchange(Method method,
                                             const std::string& request,
                                             const std::string& request_body,
                                             const SendOptions& send,
                                             ResponseHead& to_head,
                                             std::string& to_body) {
    head = &to_head;
    memory = send.memory;
    turn_bytes = 0;
    keep_headers = send.keep_headers;
    timed_out = send.deadline.passed(lane.clock().steady());
    to_head.status = 0;
    has_head = false;
    timer.arm(send.deadline);
    Status status = success();
    // A kept connection that the peer has closed meanwhile is seen only when it is used. What is
    // not safe to send twice goes out after a look whether the peer has closed.
    if (connected && method != Method::kGet && method != Method::kHead) {
        const Result<ssize_t> seen = stream.try_read(scratch(), kScratchSize);
        if (!seen || seen.value() >= 0) {
            drop();
        }
    }
    const bool repeatable = method != Method::kPost && method != Method::kPatch;
    while (!timed_out) {
        const bool reused = connected;
        status = connected ? success() : co_await dial(send.deadline);
        parser.begin(*this);
        if (status) {
            status = co_await attempt(
                request, request_body, method == Method::kHead, send.body_limit, to_body);
        }
        if (status || !reused || !repeatable || timed_out || has_head ||
            status.error().code() != Code::kIo || parser.started()) {
            break;
        }
        drop();
    }
    timer.disarm();
    if (status && !timed_out) {
        co_return success();
    }
    drop();
    Error error =
        timed_out ? Error(Code::kTimeout, "context deadline exceeded") : std::move(status).error();
    if (!has_head) {
        error.add_context(verb(method) + " \"" + url.to_string() + "\"");
    }
    co_return fail(std::move(error));
}

// Goes where the answer points, up to kRedirectsMax times.
Task<void> ClientConnection::State::follow(SendOptions send,
                                           Method method,
                                           ResponseHead& to_head,
                                           std::string& to_body) {
    Url at = url;
    std::string next = location;
    for (int hop = 0; is_redirect(to_head.status) && !next.empty(); ++hop) {
        if (hop == kRedirectsMax) {
            co_return fail(
                Code::kIo,
                verb(method) + " \"" + at.to_string() + "\": stopped after 10 redirects");
        }
        CO_TRY(Url target, context(at.resolve(next), "redirect"));
        at = target;
        if (at.same_origin(url)) {
            const Headers none;
            const std::string no_body;
            CO_TRY(const std::string request,
                   text.make(method_name(method), at.target(), none, std::nullopt));
            CO_TRY(co_await exchange(method, request, no_body, send, to_head, to_body));
            next = location;
            continue;
        }
        // Another host sees neither credentials nor custom headers.
        if (!elsewhere || !elsewhere->state_->url.same_origin(at)) {
            ClientOptions stripped = options;
            stripped.basic_auth.reset();
            stripped.authorization.reset();
            stripped.oauth2.reset();
            stripped.headers.clear();
            stripped.follow_redirects = false;
            stripped.tls.server_name.clear();
            CO_TRY(elsewhere, ClientConnection::create_on(shared, lane, at, stripped, headers));
        }
        const Headers none;
        CO_TRY(co_await elsewhere->send(method, at.target(), none, "", send, to_head, to_body));
        next = elsewhere->state_->location;
    }
    co_return success();
}

ClientConnection::ClientConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}

ClientConnection::~ClientConnection() {
    SKEIN_CHECK(!state_->busy, "a connection is destroyed during a request");
}

Result<std::unique_ptr<ClientConnection>> ClientConnection::create_on(
    std::shared_ptr<ClientShared::State> shared,
    Lane& lane,
    Url url,
    const ClientOptions& options,
    Headers headers) {
    if (!is_supported_scheme(url.scheme)) {
        return fail(Code::kInvalid, "unsupported protocol scheme", "\"" + url.scheme + "\"");
    }
    if (options.oauth2) {
        return fail(Code::kUnsupported,
                    "oauth2 is not supported; use authorization with a credentials_file");
    }
    TRY(std::optional<Url> proxy, choose_proxy(options, url));
    const bool absolute = proxy && !url.tls();
    TRY(RequestText text,
        RequestText::create(
            url, options, headers, shared->options.user_agent, absolute ? &*proxy : nullptr));
    auto state = std::make_unique<State>(std::move(shared),
                                         lane,
                                         std::move(url),
                                         options,
                                         std::move(headers),
                                         std::move(proxy),
                                         std::move(text));
    return std::unique_ptr<ClientConnection>(new ClientConnection(std::move(state)));
}

Result<std::unique_ptr<ClientConnection>> ClientConnection::create(
    ClientShared& shared, Lane& lane, Url url, const ClientOptions& options, Headers headers) {
    return create_on(shared.state_, lane, std::move(url), options, std::move(headers));
}

namespace {

// One request at a time.
class Busy {
  public:
    explicit Busy(bool& busy) : busy_(busy) {
        SKEIN_CHECK(!busy, "two requests on one connection");
        busy_ = true;
    }

    ~Busy() { busy_ = false; }

    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

  private:
    bool& busy_;
};

}  // namespace

Task<void> ClientConnection::get(SendOptions options, ResponseHead& head, std::string& body) {
    State& s = *state_;
    const Busy busy(s.busy);
    CO_TRY(s.text.refresh());
    const std::string no_body;
    CO_TRY(co_await s.exchange(Method::kGet, s.text.get(), no_body, options, head, body));
    if (is_redirect(head.status) && s.options.follow_redirects) {
        CO_TRY(co_await s.follow(options, Method::kGet, head, body));
    }
    co_return success();
}

Task<void> ClientConnection::send(Method method,
                                  std::string target,
                                  Headers headers,
                                  std::string request_body,
                                  SendOptions options,
                                  ResponseHead& head,
                                  std::string& body) {
    State& s = *state_;
    const Busy busy(s.busy);
    CO_TRY(s.text.refresh());
    const bool has_body = method != Method::kGet && method != Method::kHead;
    const std::optional<size_t> size =
        has_body ? std::optional<size_t>(request_body.size()) : std::nullopt;
    CO_TRY(const std::string request, s.text.make(method_name(method), target, headers, size));
    CO_TRY(co_await s.exchange(method, request, request_body, options, head, body));
    // A body is not sent anywhere else than where it was meant to go; only questions are repeated.
    if (is_redirect(head.status) && s.options.follow_redirects && !has_body) {
        CO_TRY(co_await s.follow(options, method, head, body));
    }
    co_return success();
}

void ClientConnection::close() {
    if (!state_->busy) {
        state_->drop();
    }
}

bool ClientConnection::connected() const {
    return state_->connected;
}

const Url& ClientConnection::url() const {
    return state_->url;
}

uint64_t ClientConnection::dials() const {
    return state_->dials;
}

}  // namespace base::http
