// Client: a pool of connections, and the blocking fetch().
#include "base/http/client.h"

#include <map>

#include "base/check.h"
#include "base/compress.h"
#include "base/http/client_shared.h"

namespace base::http {

struct Client::State {
    State(ClientShared& with, Lane& on, ClientOptions chosen)
        : shared(with), lane(on), options(std::move(chosen)) {}

    [[nodiscard]] Result<std::unique_ptr<ClientConnection>> take(const Url& url);
    void give_back(std::unique_ptr<ClientConnection> connection);

    ClientShared& shared;
    Lane& lane;
    const ClientOptions options;
    std::multimap<std::string, std::unique_ptr<ClientConnection>> idle;  // by origin
    size_t running = 0;
};

namespace {

std::string origin_of(const Url& url) {
    // Credentials are prepared per connection, so they are part of what makes two alike.
    return url.scheme + "://" + url.user + ":" + url.password.reveal() + "@" + url.address();
}

}  // namespace

Result<std::unique_ptr<ClientConnection>> Client::State::take(const Url& url) {
    const auto found = idle.find(origin_of(url));
    if (found != idle.end()) {
        std::unique_ptr<ClientConnection> connection = std::move(found->second);
        idle.erase(found);
        return connection;
    }
    return ClientConnection::create(shared, lane, url, options);
}

void Client::State::give_back(std::unique_ptr<ClientConnection> connection) {
    if (!connection->connected()) {
        return;
    }
    std::string origin = origin_of(connection->url());
    if (idle.count(origin) >= kIdlePerHostMax) {
        return;
    }
    if (idle.size() >= kIdleMax) {
        idle.erase(idle.begin());
    }
    idle.emplace(std::move(origin), std::move(connection));
}

Client::Client(ClientShared& shared, Lane& lane, ClientOptions options)
    : state_(std::make_unique<State>(shared, lane, std::move(options))) {}

Client::~Client() {
    SKEIN_CHECK(state_->running == 0, "a client is destroyed during a request");
}

Task<ClientResponse> Client::send(ClientRequest request) {
    State& s = *state_;
    CO_TRY(const Url url, Url::parse(request.url));
    CO_TRY(auto connection, s.take(url));
    if (request.accept_gzip && !request.headers.has("Accept-Encoding")) {
        request.headers.add("Accept-Encoding", "gzip");
    }
    ClientResponse response;
    ResponseHead head;
    SendOptions options = request.options;
    options.keep_headers = true;
    ++s.running;
    Status sent = co_await connection->send(request.method,
                                            url.target(),
                                            std::move(request.headers),
                                            std::move(request.body),
                                            options,
                                            head,
                                            response.body);
    --s.running;
    s.give_back(std::move(connection));
    CO_TRY(std::move(sent));
    response.status = head.status;
    response.headers = std::move(head.headers);
    if (request.accept_gzip && equals_ignoring_case(head.content_encoding, "gzip")) {
        std::string plain;
        Gunzip gunzip;
        CO_TRY(gunzip.decode(ByteView(response.body), options.body_limit, plain));
        response.body = std::move(plain);
    }
    co_return response;
}

Result<ClientResponse> fetch(const ClientRequest& request, const ClientOptions& options) {
    const SystemClock clock;
    Lane lane(clock, LaneOptions{.name = "fetch", .tick = Duration(0), .manual = true});
    ClientShared shared;
    Client client(shared, lane, options);
    return block_on(lane, client.send(request));
}

}  // namespace base::http
