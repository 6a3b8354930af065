// Requests and their answers on a client's connection: sent, sent again, followed elsewhere.
#include <algorithm>

#include "base/http/client_state.h"

namespace base::http {

namespace {

// "Get" for GET, as errors begin.
std::string verb(Method method) {
    std::string name(method_name(method));
    for (size_t i = 1; i < name.size(); ++i) {
        name[i] = static_cast<char>(name[i] - 'A' + 'a');
    }
    return name;
}

}  // namespace

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
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

Task<void> ClientConnection::State::attempt(const std::string& request,
                                            const std::string& request_body,
                                            bool no_body,
                                            size_t body_limit,
                                            ResponseHead& to_head,
                                            std::string& to_body) {
    CO_TRY(co_await write(request, request_body));
    if (lane.ticked()) {
        CO_TRY(co_await lane.next_tick());
    }
    CO_TRY(co_await reader.read_head(no_body, to_head));
    has_head = true;
    const bool keep_alive = reader.keep_alive();
    Status body = co_await reader.read_body(body_limit, to_body);
    if (!keep_alive || reader.has_more() || !body) {
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
    reader.prepare(send.memory, send.keep_headers);
    timed_out = send.deadline.passed(lane.clock().steady());
    to_head.status = 0;
    has_head = false;
    timer.arm(send.deadline);
    Status status = success();
    // A kept connection that the peer has closed meanwhile is seen only when it is used. What is
    // not safe to send twice goes out after a look whether the peer has closed.
    if (connected && method != Method::kGet && method != Method::kHead) {
        if (reader.disturbed()) {
            drop();
        }
    }
    const bool repeatable = method != Method::kPost && method != Method::kPatch;
    while (!timed_out) {
        const bool reused = connected;
        status = connected ? success() : co_await dial(send.deadline);
        reader.begin();
        if (status && !timed_out) {
            status = co_await attempt(
                request, request_body, method == Method::kHead, send.body_limit, to_head, to_body);
        }
        if (status || !reused || !repeatable || timed_out || has_head ||
            status.error().code() != Code::kIo || reader.started()) {
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

Task<void> ClientConnection::State::follow(SendOptions send,
                                           Method method,
                                           ResponseHead& to_head,
                                           std::string& to_body) {
    Url at = url;
    std::string next = reader.location();
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
            next = reader.location();
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
        next = elsewhere->state_->reader.location();
    }
    co_return success();
}

}  // namespace base::http
