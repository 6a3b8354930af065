// The life of a connection, and reading its requests.
#include "base/http/server_connection.h"

#include <algorithm>

#include "base/http/url.h"

namespace base::http {

namespace {

constexpr size_t kLingerBytesMax = 256 * 1024;
constexpr Duration kLinger{500'000'000};
constexpr Duration kGoodbye{1'000'000'000};

}  // namespace

void ServerConnection::on_request(std::string_view method, std::string_view target) {
    request_.method_text = method;
    request_.method = method_of(method);
    request_.target = target;
}

void ServerConnection::on_field(std::string_view name, std::string_view value) {
    request_.headers.add(std::string(name), std::string(value));
}

Task<void> ServerConnection::handshake() {
    if (!core_->web) {
        co_return success();
    }
    CO_TRY(web_, core_->web());
    if (!web_->tls) {
        co_return success();
    }
    CO_TRY(auto context, core_->tls.server(*web_->tls));
    channel_.limit_time(core_->options.header_timeout);
    co_return co_await channel_.stream().start_tls_server(std::move(context));
}

Task<void> ServerConnection::run() {
    const Status shaken = co_await handshake();
    if (!shaken) {
        if (core_->observer != nullptr) {
            core_->observer->on_connection_error(channel_.stream().peer(), shaken.error());
        }
        co_return success();
    }
    while (true) {
        const Result<bool> again = co_await one_request();
        if (!again || !again.value()) {
            break;
        }
    }
    channel_.limit_time(kGoodbye);
    ignore(co_await channel_.end(), "cannot fail");
    co_return success();
}

Task<bool> ServerConnection::one_request() {
    began_ = SteadyTime{};
    sent_before_ = channel_.sent();
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

// False: no further request comes.
Task<bool> ServerConnection::read_head() {
    request_ = Request();
    parser_.begin(*this);
    idle_ = channel_.input().empty();
    channel_.limit_time(core_->options.idle_timeout);
    if (idle_ && core_->stopping) {
        co_return false;
    }
    while (!parser_.head_done()) {
        if (channel_.input().empty()) {
            CO_TRY(const bool more, co_await channel_.read_more());
            if (!more) {
                co_return false;
            }
        }
        if (idle_ || began_ == SteadyTime{}) {
            idle_ = false;
            began_ = channel_.now();
            channel_.limit_time(
                std::min(core_->options.header_timeout, core_->options.read_timeout));
        }
        CO_TRY(const size_t used, parser_.feed(channel_.input()));
        channel_.input().erase(0, used);
        if (!parser_.head_done() && !channel_.input().empty()) {
            CO_TRY(const bool more, co_await channel_.read_more());
            if (!more) {
                co_return false;
            }
        }
    }
    co_return true;
}

// Splits and decodes the target.
Status ServerConnection::take_target() {
    request_.peer = channel_.stream().peer();
    request_.tls = channel_.stream().tls();
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
    if (equals_ignoring_case(request_.headers.get("Expect"), "100-continue") &&
        channel_.input().empty()) {
        CO_TRY(co_await write("HTTP/1.1 100 Continue\r\n\r\n", ""));
    }
    channel_.limit_time_until(began_ + core_->options.read_timeout);
    parser_.read_body_into(request_.body, limit + 1);
    while (!parser_.done()) {
        if (!channel_.input().empty()) {
            CO_TRY(const size_t used, parser_.feed(channel_.input()));
            channel_.input().erase(0, used);
            if (parser_.done()) {
                break;
            }
            if (channel_.input().size() > ServerChannel::kReadAheadMax) {
                co_return fail(Code::kInvalid, "malformed chunk: its header is too long");
            }
        }
        CO_TRY(const bool more, co_await channel_.read_more());
        if (!more) {
            co_return fail(Code::kIo, "unexpected EOF");
        }
    }
    body_unread_ = false;
    co_return success();
}

// Hangs up so that the answer still arrives: a socket closed over unread bytes resets the
// connection and takes the answer with it.
Task<void> ServerConnection::finish() {
    channel_.limit_time(body_unread_ ? kLinger : kGoodbye);
    if (!channel_.stream().tls() || !body_unread_) {
        CO_TRY(co_await channel_.stream().shutdown());
    }
    size_t seen = 0;
    while (body_unread_ && seen < kLingerBytesMax) {
        channel_.input().clear();
        CO_TRY(const bool more, co_await channel_.read_more());
        if (!more) {
            break;
        }
        seen += channel_.input().size();
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
