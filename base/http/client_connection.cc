// ClientConnection as its users see it: made for a URL, one request at a time.
#include "base/check.h"
#include "base/http/client_state.h"
#include "base/http/proxy.h"

namespace base::http {

namespace {

bool is_supported_scheme(const std::string& scheme) {
    return scheme == "http" || scheme == "https" || scheme == "http+unix";
}

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

void ClientConnection::expire() {
    state_->expire();
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
