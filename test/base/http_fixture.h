// A runtime with a server, and one with a client, for the HTTP tests.
#pragma once

#include <memory>
#include <string>

#include "base/async/runtime.h"
#include "base/async/worker_pool.h"
#include "base/http/client.h"
#include "base/http/server.h"

namespace test {

using namespace std::chrono_literals;

struct HttpServer {
    explicit HttpServer(base::http::Router router,
                        base::http::ServerOptions options = {},
                        base::http::WebOptionsSource web = nullptr,
                        base::http::ServerObserver* observer = nullptr) {
        runtime.start();
        options.listen_addresses = {"127.0.0.1:0"};
        server =
            std::move(base::http::Server::start(
                          runtime, std::move(router), options, std::move(web), &pool, observer))
                .value();
    }

    [[nodiscard]] uint16_t port() const { return server->port(); }

    [[nodiscard]] std::string url(const std::string& path, const char* scheme = "http") const {
        return std::string(scheme) + "://127.0.0.1:" + std::to_string(port()) + path;
    }

    base::SystemClock clock;
    base::Runtime runtime{clock, {.lanes = 2, .lane = {.name = "serve"}}};
    base::WorkerPool pool{{.name = "http-pool", .threads = 2}};
    std::unique_ptr<base::http::Server> server;
};

// A connection with its lane; requests block.
struct HttpClient {
    explicit HttpClient(const std::string& url,
                        base::http::ClientOptions options = {},
                        base::Duration tick = base::Duration(0)) {
        lane = std::make_unique<base::Lane>(
            clock,
            base::LaneOptions{.name = "fetch", .tick = tick, .manual = tick == base::Duration(0)});
        lane->start();
        auto made = base::http::ClientConnection::create(
            shared, *lane, base::http::Url::parse(url).value(), options);
        if (made) {
            connection = std::move(made).value();
        } else {
            error = made.error().message();
        }
    }

    ~HttpClient() {
        lane->call([this] { connection.reset(); });
    }

    base::Status get(base::Duration timeout = 10s, size_t limit = base::http::kNoBodyLimit) {
        base::http::SendOptions options;
        options.deadline = base::Deadline::after(clock, timeout);
        options.body_limit = limit;
        options.keep_headers = true;
        return base::block_on(*lane, connection->get(options, head, body));
    }

    base::Status post(std::string text) {
        base::http::SendOptions options;
        options.deadline = base::Deadline::after(clock, 10s);
        return base::block_on(*lane,
                              connection->send(base::http::Method::kPost,
                                               "",
                                               base::http::Headers{},
                                               std::move(text),
                                               options,
                                               head,
                                               body));
    }

    base::SystemClock clock;
    std::unique_ptr<base::Lane> lane;
    base::http::ClientShared shared;
    std::unique_ptr<base::http::ClientConnection> connection;
    base::http::ResponseHead head;
    std::string body;
    std::string error;
};

}  // namespace test
