// One connection of the server: read a request, let its handler answer, write, again.
#include <algorithm>
#include <charconv>
#include <optional>

#include "base/async/deadline.h"
#include "base/async/waiter.h"
#include "base/check.h"
#include "base/compress.h"
#include "base/http/response_text.h"
#include "base/http/server_core.h"
#include "base/http/url.h"
#include "base/http/wire.h"

namespace base::http {

namespace {

constexpr size_t kReadSize = 16 * 1024;
constexpr size_t kReadAheadMax = 64 * 1024;  // pipelined bytes taken in while a handler runs
constexpr size_t kLingerBytesMax = 256 * 1024;
constexpr Duration kLinger{500'000'000};
constexpr Duration kGoodbye{1'000'000'000};

}  // namespace

class ServerConnection final : HeadSink {
  public:
    ServerConnection(std::shared_ptr<ServerCore> core,
                     ServerLane& lane,
                     std::unique_ptr<Stream> stream)
        : core_(std::move(core)),
          lane_(lane),
          stream_(std::move(stream)),
          parser_(MessageKind::kRequest, core_->options.header_limit),
          reader_(lane.lane),
          timer_(lane.lane, [this] { stream_->close(); }),
          handler_timer_(lane.lane, [this] { stop_.request_stop(); }) {
        lane_.connections.insert(this);
    }

    ~ServerConnection() override {
        SKEIN_CHECK(!reading_, "a connection ends while it is being read");
        lane_.connections.erase(this);
    }

    ServerConnection(const ServerConnection&) = delete;
    ServerConnection& operator=(const ServerConnection&) = delete;

    [[nodiscard]] Task<void> run();

    void close_if_idle() {
        if (idle_) {
            stream_->close();
        }
    }

    void raise_stop() { stop_.request_stop(); }

  private:
    void on_request(std::string_view method, std::string_view target) override {
        request_.method_text = method;
        request_.method = method_of(method);
        request_.target = target;
    }

    void on_field(std::string_view name, std::string_view value) override {
        request_.headers.add(std::string(name), std::string(value));
    }

    [[nodiscard]] SteadyTime in(Duration duration) const {
        return lane_.lane.clock().steady() + duration;
    }

    Task<void> handshake();
    Task<bool> one_request();
    Task<bool> read_head();
    Status take_target();
    Task<void> read_body(size_t limit);
    Task<bool> read_more();

    // Says that the read of watch() is over when its task ends, or is dropped before it began.
    class ReadMark {
      public:
        explicit ReadMark(ServerConnection& connection) : connection_(connection) {
            connection_.reading_ = true;
        }

        ~ReadMark() {
            connection_.reading_ = false;
            connection_.reader_.wake();
        }

        ReadMark(const ReadMark&) = delete;
        ReadMark& operator=(const ReadMark&) = delete;

      private:
        ServerConnection& connection_;
    };

    Task<void> watch(std::unique_ptr<ReadMark> mark);
    Task<void> end_reading();

    Task<Response> answer();
    Task<std::optional<Response>> refuse();
    Task<Response> route();
    Task<Response> handle(const Route& route);
    Response unmatched(const Router::Match& match);

    Task<bool> send(Response response, bool keep_alive);
    Task<void> compress(Response& response);
    Task<void> write(std::string_view first, std::string_view second);
    Task<void> send_stream(Response& response, bool chunked);
    Task<bool> next_frame(const BodySource& source, GzipEncoder* encoder, std::string& frame);
    Task<void> send_failure(const Error& error);
    Task<void> finish();

    void report(int status);

    const std::shared_ptr<ServerCore> core_;
    ServerLane& lane_;
    const std::unique_ptr<Stream> stream_;
    MessageParser parser_;
    std::string input_;  // received, not yet parsed
    Request request_;
    std::shared_ptr<const WebOptions> web_;
    Headers extra_;  // of every response: web configuration, Server
    const Route* route_ = nullptr;
    std::stop_source stop_;
    SteadyTime began_{};
    uint64_t sent_ = 0;
    bool idle_ = false;
    bool body_unread_ = false;
    bool reading_ = false;  // watch() has a read under way
    bool peer_gone_ = false;
    Waiter reader_;  // who waits for watch()
    Timer timer_;
    Timer handler_timer_;
};

Task<void> ServerConnection::handshake() {
    if (!core_->web) {
        co_return success();
    }
    CO_TRY(web_, core_->web());
    if (!web_->tls) {
        co_return success();
    }
    CO_TRY(auto context, core_->tls.server(*web_->tls));
    timer_.arm(in(core_->options.header_timeout));
    co_return co_await stream_->start_tls_server(std::move(context));
}

Task<void> ServerConnection::run() {
    const Status shaken = co_await handshake();
    if (!shaken) {
        if (core_->observer != nullptr) {
            core_->observer->on_connection_error(stream_->peer(), shaken.error());
        }
        co_return success();
    }
    while (true) {
        const Result<bool> again = co_await one_request();
        if (!again || !again.value()) {
            break;
        }
    }
    timer_.arm(in(kGoodbye));
    ignore(co_await end_reading(), "cannot fail");
    co_return success();
}

// Ends the read that watch() has under way.
Task<void> ServerConnection::end_reading() {
    stream_->close();
    while (reading_) {
        (void)co_await reader_.wait(false);
    }
    co_return success();
}

// False: the peer closed.
Task<bool> ServerConnection::read_more() {
    if (reading_) {
        (void)co_await reader_.wait(false);
        co_return !peer_gone_;
    }
    if (peer_gone_) {
        co_return false;
    }
    const size_t had = input_.size();
    input_.resize(had + kReadSize);
    const Result<size_t> n = co_await stream_->read_some(input_.data() + had, kReadSize);
    input_.resize(had + (n ? n.value() : 0));
    co_return n&& n.value() > 0;
}

// Reads ahead while a handler runs, to see the client go away. Runs as a task of its own; its read
// is simply awaited by the next read_more().
Task<void> ServerConnection::watch(std::unique_ptr<ReadMark> /*mark*/) {
    std::string buffer(4096, '\0');
    while (input_.size() < kReadAheadMax) {
        const Result<size_t> n = co_await stream_->read_some(buffer.data(), buffer.size());
        if (!n || n.value() == 0) {
            peer_gone_ = true;
            stop_.request_stop();
            break;
        }
        input_.append(buffer, 0, n.value());
        if (reader_.waiting()) {
            break;
        }
    }
    co_return success();
}

// False: no further request comes.
Task<bool> ServerConnection::read_head() {
    request_ = Request();
    parser_.begin(*this);
    idle_ = input_.empty();
    timer_.arm(in(core_->options.idle_timeout));
    if (idle_ && core_->stopping) {
        co_return false;
    }
    while (!parser_.head_done()) {
        if (input_.empty()) {
            CO_TRY(const bool more, co_await read_more());
            if (!more) {
                co_return false;
            }
        }
        if (idle_ || began_ == SteadyTime{}) {
            idle_ = false;
            began_ = lane_.lane.clock().steady();
            timer_.arm(in(std::min(core_->options.header_timeout, core_->options.read_timeout)));
        }
        CO_TRY(const size_t used, parser_.feed(input_));
        input_.erase(0, used);
        if (!parser_.head_done() && !input_.empty()) {
            CO_TRY(const bool more, co_await read_more());
            if (!more) {
                co_return false;
            }
        }
    }
    co_return true;
}

// Splits and decodes the target.
Status ServerConnection::take_target() {
    request_.peer = stream_->peer();
    request_.tls = stream_->tls();
    request_.http_1_0 = parser_.http_1_0();
    request_.host = request_.headers.get("Host");
    if (!parser_.http_1_0() && request_.headers.get_all("Host").size() != 1) {
        return fail(Code::kInvalid, "missing required Host header");
    }
    std::string_view target = request_.target;
    if (target.find("://") < target.find('?') && target.front() != '/') {
        TRY(const Url url, Url::parse(target));
        request_.target = url.target();
        target = request_.target;
    }
    const size_t mark = std::min(target.find('?'), target.size());
    TRY(request_.path, percent_decode(target.substr(0, mark), false));
    if (mark < target.size()) {
        TRY(request_.query, Params::parse(target.substr(mark + 1)));
    }
    return success();
}

Task<void> ServerConnection::read_body(size_t limit) {
    const std::optional<uint64_t> length = parser_.content_length();
    if (length && *length > limit) {
        co_return fail(Code::kLimit, "http: request body too large");
    }
    if (equals_ignoring_case(request_.headers.get("Expect"), "100-continue") && input_.empty()) {
        CO_TRY(co_await write("HTTP/1.1 100 Continue\r\n\r\n", ""));
    }
    timer_.arm(began_ + core_->options.read_timeout);
    parser_.read_body_into(request_.body, limit + 1);
    while (!parser_.done()) {
        if (!input_.empty()) {
            CO_TRY(const size_t used, parser_.feed(input_));
            input_.erase(0, used);
            if (parser_.done()) {
                break;
            }
            if (input_.size() > kReadAheadMax) {
                co_return fail(Code::kInvalid, "malformed chunk: its header is too long");
            }
        }
        CO_TRY(const bool more, co_await read_more());
        if (!more) {
            co_return fail(Code::kIo, "unexpected EOF");
        }
    }
    body_unread_ = false;
    co_return success();
}

// What the web configuration says before any handler: a response when the request goes no further.
Task<std::optional<Response>> ServerConnection::refuse() {
    extra_.clear();
    if (!core_->options.server_name.empty()) {
        extra_.add("Server", core_->options.server_name);
    }
    if (!core_->web) {
        co_return std::optional<Response>();
    }
    auto web = core_->web();
    if (!web) {
        co_return std::optional<Response>(Response::text(500, "Internal Server Error\n"));
    }
    web_ = web.value();
    for (const auto& [name, value] : web_->headers) {
        extra_.add(name, value);
    }
    if (web_->basic_auth_users.empty()) {
        co_return std::optional<Response>();
    }
    std::string given(request_.headers.get("Authorization"));
    Result<std::string> user = co_await core_->authenticator.check(std::move(given), web_);
    if (!user) {
        co_return std::optional<Response>(Response::error(user.error()));
    }
    request_.user = std::move(user).value();
    if (!request_.user.empty()) {
        co_return std::optional<Response>();
    }
    Response unauthorized = Response::text(401, "Unauthorized\n");
    unauthorized.headers.add("WWW-Authenticate", "Basic");
    co_return std::optional<Response>(std::move(unauthorized));
}

Response ServerConnection::unmatched(const Router::Match& match) {
    if (match.allow.empty()) {
        Response response = Response::text(404, "404 page not found\n");
        response.headers.add("X-Content-Type-Options", "nosniff");
        return response;
    }
    Response response = Response::text(405, "Method Not Allowed\n");
    response.headers.add("Allow", match.allow);
    return response;
}

Task<Response> ServerConnection::route() {
    const std::string& prefix = core_->options.route_prefix;
    std::string_view path = request_.path;
    if (!prefix.empty()) {
        const bool below = path.starts_with(prefix) &&
                           (path.size() == prefix.size() || path[prefix.size()] == '/');
        if (!below && path != "/") {
            co_return unmatched(Router::Match());
        }
        if (!below || path.size() == prefix.size()) {
            co_return Response::redirect(302, prefix + "/");
        }
        path.remove_prefix(prefix.size());
    }
    Router::Match match = core_->router.match(request_.method, path);
    if (match.route == nullptr && request_.method == Method::kOptions && !match.allow.empty()) {
        const Router::Match get = core_->router.match(Method::kGet, path);
        const Router::Match other =
            get.route != nullptr ? Router::Match() : core_->router.match(Method::kPost, path);
        const Route* const found = get.route != nullptr ? get.route : other.route;
        if (found != nullptr && found->options.cors) {
            route_ = found;
            Response preflight;
            preflight.status = 204;
            core_->cors->apply(request_, preflight);
            co_return preflight;
        }
    }
    if (match.route == nullptr) {
        co_return unmatched(match);
    }
    route_ = match.route;
    request_.path_params = std::move(match.path_params);
    const Status body = co_await read_body(route_->options.body_limit);
    if (!body) {
        if (body.error().code() == Code::kLimit) {
            co_return Response::text(413, "http: request body too large\n");
        }
        if (body.error().code() == Code::kInvalid || body.error().code() == Code::kUnsupported) {
            co_return Response::text(400, "400 Bad Request: " + body.error().message() + "\n");
        }
        co_return fail(body.error());
    }
    timer_.disarm();
    CO_TRY(Response response, co_await handle(*route_));
    if (route_->options.cors) {
        core_->cors->apply(request_, response);
    }
    co_return response;
}

Task<Response> ServerConnection::handle(const Route& route) {
    RequestContext context;
    const bool on_lane =
        std::holds_alternative<Handler>(route.handler) && route.options.pool == nullptr;
    if (route.options.timeout > Duration::zero()) {
        context.deadline = Deadline::after(lane_.lane.clock(), route.options.timeout);
    }
    if (on_lane) {
        co_return std::get<Handler>(route.handler)(request_, context);
    }
    stop_ = std::stop_source();
    context.stop = stop_.get_token();
    handler_timer_.arm(context.deadline);
    if (!reading_ && !peer_gone_) {
        lane_.tasks.spawn("watch " + stream_->peer(), watch(std::make_unique<ReadMark>(*this)));
    }
    Result<Response> response = fail(Code::kInternal, "not answered");
    if (const auto* const async = std::get_if<AsyncHandler>(&route.handler)) {
        response = co_await (*async)(request_, context);
    } else {
        const Handler& handler = std::get<Handler>(route.handler);
        std::function<Result<Response>()> work = [this, &handler, &context]() -> Result<Response> {
            return handler(request_, context);
        };
        response = co_await run_on(*route.options.pool, std::move(work));
    }
    handler_timer_.disarm();
    if (!response) {
        const bool full = response.error().code() == Code::kLimit &&
                          std::holds_alternative<Handler>(route.handler);
        Response error = Response::error(response.error());
        if (full) {
            error.status = 503;  // the pool's queue: may be retried
        }
        co_return error;
    }
    co_return std::move(response).value();
}

Task<Response> ServerConnection::answer() {
    Status target = take_target();
    if (!target) {
        body_unread_ = true;
        co_return Response::text(400, "400 Bad Request: " + target.error().message() + "\n");
    }
    body_unread_ = !parser_.done();
    CO_TRY(std::optional<Response> refused, co_await refuse());
    if (refused) {
        co_return std::move(*refused);
    }
    co_return co_await route();
}

Task<bool> ServerConnection::one_request() {
    began_ = SteadyTime{};
    sent_ = 0;
    route_ = nullptr;
    Result<bool> head = co_await read_head();
    idle_ = false;
    if (!head) {
        ignore(co_await send_failure(head.error()), "the connection ends anyway");
        co_return false;
    }
    if (!head.value()) {
        co_return false;
    }
    const bool wants_more = parser_.keep_alive();
    CO_TRY(Response response, co_await answer());
    const bool keep_alive = wants_more && !body_unread_ && !core_->stopping;
    co_return co_await send(std::move(response), keep_alive);
}

// The head could not be read: says why and hangs up.
Task<void> ServerConnection::send_failure(const Error& error) {
    if (error.code() != Code::kInvalid && error.code() != Code::kLimit &&
        error.code() != Code::kUnsupported) {
        co_return success();
    }
    Response response = Response::text(400, "400 Bad Request: " + error.message() + "\n");
    if (error.code() == Code::kLimit) {
        response = Response::text(431, "431 Request Header Fields Too Large\n");
    } else if (error.code() == Code::kUnsupported) {
        response = Response::text(501, "501 Unsupported transfer encoding\n");
    }
    body_unread_ = true;
    request_.http_1_0 = false;
    const Result<bool> sent = co_await send(std::move(response), false);
    (void)sent;
    co_return success();
}

Task<void> ServerConnection::compress(Response& response) {
    const bool wanted = response.compress && response.body.size() >= core_->options.compress_min &&
                        !response.headers.has("Content-Encoding") && accepts_gzip(request_.headers);
    if (!wanted) {
        co_return success();
    }
    std::string packed;
    if (core_->compress_pool == nullptr ||
        response.body.size() <= core_->options.compress_inline_max) {
        gzip(response.body, packed);
    } else {
        std::function<void()> work = [&response, &packed] { gzip(response.body, packed); };
        const Status ran = co_await core_->compress_pool->run(std::move(work));
        if (!ran) {
            co_return success();  // the pool is full: it goes out as it is
        }
    }
    response.body = std::move(packed);
    response.headers.set("Content-Encoding", "gzip");
    response.headers.add("Vary", "Accept-Encoding");
    co_return success();
}

Task<void> ServerConnection::write(std::string_view first, std::string_view second) {
    CO_TRY(const ssize_t at_once, stream_->try_write(first, second));
    size_t done = at_once < 0 ? 0 : static_cast<size_t>(at_once);
    const size_t total = first.size() + second.size();
    while (done < total) {
        timer_.arm(in(core_->options.write_timeout));
        const std::string_view first_rest = first.substr(std::min(done, first.size()));
        const std::string_view second_rest =
            second.substr(done > first.size() ? done - first.size() : 0);
        CO_TRY(const size_t n, co_await stream_->write_some(first_rest, second_rest));
        done += n;
    }
    sent_ += total;
    co_return success();
}

// The next frame, compressed when there is an encoder. False: it is the last one.
Task<bool> ServerConnection::next_frame(const BodySource& source,
                                        GzipEncoder* encoder,
                                        std::string& frame) {
    std::function<Result<bool>()> work = [this, &source, encoder, &frame]() -> Result<bool> {
        frame.clear();
        TRY(const bool more, source(frame, stop_.get_token()));
        if (encoder != nullptr) {
            std::string packed;
            encoder->add(ByteView(frame), packed);
            if (!more) {
                encoder->finish(packed);
            }
            frame.swap(packed);
        }
        return more;
    };
    WorkerPool* const pool = route_ == nullptr ? nullptr : route_->options.pool;
    if (pool == nullptr) {
        co_return work();
    }
    co_return co_await run_on(*pool, std::move(work));
}

Task<void> ServerConnection::send_stream(Response& response, bool chunked) {
    std::unique_ptr<GzipEncoder> encoder;
    if (equals_ignoring_case(response.headers.get("Content-Encoding"), "gzip") &&
        response.compress) {
        encoder = std::make_unique<GzipEncoder>();
    }
    std::string frame = std::move(response.body);
    if (encoder && !frame.empty()) {
        std::string packed;
        encoder->add(ByteView(frame), packed);
        frame = std::move(packed);
    }
    bool more = true;
    bool first = true;
    while (true) {
        if (!frame.empty()) {
            char size[24];
            const auto end = std::to_chars(size, size + sizeof(size), frame.size(), 16);
            std::string head = first ? "" : "\r\n";
            head.append(size, end.ptr).append("\r\n");
            CO_TRY(co_await write(chunked ? std::string_view(head) : std::string_view(), frame));
            first = false;
        }
        if (!more) {
            break;
        }
        CO_TRY(more, co_await next_frame(response.stream, encoder.get(), frame));
        if (peer_gone_) {
            co_return fail(Code::kCanceled, "client went away");
        }
    }
    if (chunked) {
        CO_TRY(co_await write(first ? "0\r\n\r\n" : "\r\n0\r\n\r\n", ""));
    }
    co_return success();
}

// False: the connection ends.
Task<bool> ServerConnection::send(Response response, bool keep_alive) {
    const int status = response.status;
    const bool bodyless = status == 204 || status == 304 || status / 100 == 1;
    const bool head_only = bodyless || request_.method == Method::kHead;
    Framing framing = bodyless ? Framing::kNone : Framing::kLength;
    if (response.stream && !head_only) {
        framing = request_.http_1_0 ? Framing::kUntilClose : Framing::kChunked;
        keep_alive = keep_alive && framing == Framing::kChunked;
        if (response.compress && !response.headers.has("Content-Encoding") &&
            accepts_gzip(request_.headers)) {
            response.headers.set("Content-Encoding", "gzip");
            response.headers.add("Vary", "Accept-Encoding");
        } else {
            response.compress = false;
        }
    } else if (response.stream) {
        framing = Framing::kNone;
    } else {
        ignore(co_await compress(response), "what is not compressed goes out as it is");
    }
    timer_.arm(in(core_->options.write_timeout));
    const std::string head = response_head(response,
                                           framing,
                                           response.body.size(),
                                           keep_alive,
                                           request_.http_1_0,
                                           lane_.lane.clock().now_ms(),
                                           extra_);
    Status written = success();
    if (framing == Framing::kChunked || framing == Framing::kUntilClose) {
        written = co_await write(head, "");
        if (written) {
            written = co_await send_stream(response, framing == Framing::kChunked);
        }
    } else {
        written =
            co_await write(head, head_only ? std::string_view() : std::string_view(response.body));
    }
    report(status);
    if (!written) {
        co_return fail(std::move(written).error());
    }
    if (!keep_alive) {
        ignore(co_await finish(), "the connection ends anyway");
    }
    co_return keep_alive;
}

void ServerConnection::report(int status) {
    if (core_->observer == nullptr) {
        return;
    }
    const SteadyTime now = lane_.lane.clock().steady();
    const Duration took = began_ == SteadyTime{} ? Duration::zero() : now - began_;
    const std::string_view handler =
        route_ == nullptr ? "" : std::string_view(route_->options.name);
    core_->observer->on_request(handler, request_.method, status, took, sent_);
}

// Hangs up so that the answer still arrives: a socket closed over unread bytes resets the
// connection and takes the answer with it.
Task<void> ServerConnection::finish() {
    timer_.arm(in(body_unread_ ? kLinger : kGoodbye));
    if (!stream_->tls() || !body_unread_) {
        CO_TRY(co_await stream_->shutdown());
    }
    size_t seen = 0;
    while (body_unread_ && seen < kLingerBytesMax) {
        input_.clear();
        CO_TRY(const bool more, co_await read_more());
        if (!more) {
            break;
        }
        seen += input_.size();
    }
    co_return success();
}

Task<void> serve_connection(std::shared_ptr<ServerCore> core,
                            ServerLane& lane,
                            std::unique_ptr<Stream> stream,
                            std::shared_ptr<ConnectionSlot> slot) {
    ServerConnection connection(std::move(core), lane, std::move(stream));
    co_return co_await connection.run();
}

void close_if_idle(ServerConnection& connection) {
    connection.close_if_idle();
}

void raise_stop(ServerConnection& connection) {
    connection.raise_stop();
}

}  // namespace base::http
