// The HTTP server against raw sockets and against our own client.
#include <fstream>

#include <catch2/catch.hpp>
#include <crypt.h>
#include <unistd.h>

#include "base/async/deadline.h"
#include "base/compress.h"
#include "test/base/certificates.h"
#include "test/base/http_fixture.h"
#include "test/base/raw_socket.h"
#include "test/support/temp_folder.h"

namespace {

using namespace std::chrono_literals;
using base::Code;
using base::http::ClientAuth;
using base::http::ClientOptions;
using base::http::Method;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;
using base::http::RouteOptions;
using base::http::Router;
using base::http::ServerOptions;
using base::http::TlsServerOptions;
using base::http::WebOptions;
using test::HttpClient;
using test::HttpServer;
using test::RawSocket;

// Answers with what it was asked.
Response echo(const Request& request, const RequestContext&) {
    return Response::text(200,
                          request.method_text + " " + request.path +
                              " q=" + std::string(request.query.get("q")) + " " + request.body);
}

Router echo_router(RouteOptions options = {}) {
    Router router;
    router.add({Method::kGet, Method::kPost}, "/echo", echo, std::move(options));
    return router;
}

std::string get(const std::string& path, const std::string& fields = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

bool wait_for(const std::function<bool()>& condition) {
    for (int i = 0; i < 5000; ++i) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

base::Task<Response> slow_answer(const Request& request, const RequestContext&) {
    CO_TRY(co_await base::sleep_for(1ms));
    co_return Response::text(200, "slowly " + request.path);
}

base::http::WebOptionsSource fixed(WebOptions web) {
    auto shared = std::make_shared<const WebOptions>(std::move(web));
    return [shared]() -> base::Result<std::shared_ptr<const WebOptions>> { return shared; };
}

struct Counts final : base::http::ServerObserver {
    void on_request(
        std::string_view handler, Method, int status, base::Duration, uint64_t bytes) override {
        last = std::string(handler) + " " + std::to_string(status);
        sent = bytes;
        ++requests;
    }

    void on_connection_error(std::string_view, const base::Error&) override { ++errors; }

    std::string last;
    uint64_t sent = 0;
    std::atomic<int> requests{0};
    std::atomic<int> errors{0};
};

}  // namespace

TEST_CASE("requests on one connection are answered in order", "[base][http]") {
    Counts counts;
    HttpServer server(echo_router(), {}, nullptr, &counts);
    RawSocket socket = RawSocket::connect(server.port());
    for (int i = 0; i < 100; ++i) {
        socket.send(get("/echo?q=" + std::to_string(i)));
        const auto [head, body] = socket.read_response();
        REQUIRE(head.find("HTTP/1.1 200 OK\r\n") == 0);
        REQUIRE(body == "GET /echo q=" + std::to_string(i) + " ");
    }
    CHECK(server.server->connections() == 1);
    CHECK(wait_for([&] { return counts.requests == 100; }));
    CHECK(counts.last == "/echo 200");
}

TEST_CASE("pipelined requests lose no byte", "[base][http]") {
    const int kind = GENERATE(0, 1, 2);
    CAPTURE(kind);
    base::WorkerPool pool({.name = "handlers", .threads = 2});
    Router router;
    if (kind == 2) {
        router.add_async({Method::kPost},
                         "/echo",
                         [](const Request& request, const RequestContext&) -> base::Task<Response> {
                             co_return Response::text(200, "POST /echo q= " + request.body);
                         });
    } else {
        router.add({Method::kPost}, "/echo", echo, {.pool = kind == 1 ? &pool : nullptr});
    }
    HttpServer server(std::move(router));
    RawSocket socket = RawSocket::connect(server.port());
    std::string all;
    for (int i = 0; i < 200; ++i) {
        const std::string body =
            "body " + std::to_string(i) + std::string(static_cast<size_t>(i), 'x');
        all += "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
    }
    std::thread writer([&] { socket.send(all); });
    for (int i = 0; i < 200; ++i) {
        const auto [head, body] = socket.read_response();
        REQUIRE(body == "POST /echo q= body " + std::to_string(i) +
                            std::string(static_cast<size_t>(i), 'x'));
    }
    writer.join();
    server.server->stop(1s);
}

TEST_CASE("chunked and dripping requests arrive whole", "[base][http]") {
    HttpServer server(echo_router());
    RawSocket socket = RawSocket::connect(server.port());
    const std::string request =
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n";
    for (const char c : request) {
        socket.send(std::string_view(&c, 1));
    }
    CHECK(socket.read_response().second == "POST /echo q= hello world");
    socket.send(get("/echo"));
    CHECK(socket.read_response().second == "GET /echo q= ");
}

TEST_CASE("broken requests are refused and the connection ends", "[base][http]") {
    const auto check = [](const std::string& request, const std::string& status) {
        CAPTURE(request.substr(0, 100));
        HttpServer server(echo_router({.body_limit = 10}));
        RawSocket socket = RawSocket::connect(server.port());
        socket.send(request);
        const std::string answer = socket.read_all();
        CHECK(answer.find("HTTP/1.1 " + status) == 0);
        CHECK(has(answer, "Connection: close\r\n"));
    };
    check("nonsense\r\n\r\n", "400");
    check("GET / HTTP/2.0\r\n\r\n", "400");
    check("GET /echo HTTP/1.1\r\n\r\n", "400 Bad Request");
    check("GET /%zz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "400");
    check("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n12345678901", "413");
    check(
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n",
        "413");
    check("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501");
    check(
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "400");
    check("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400");
    check("GET /echo HTTP/1.1\r\nX: " + std::string(100'000, 'h') + "\r\n\r\n", "431");
}

TEST_CASE("a body of exactly the limit is taken", "[base][http]") {
    HttpServer server(echo_router({.body_limit = 10}));
    RawSocket socket = RawSocket::connect(server.port());
    socket.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n1234567890");
    CHECK(socket.read_response().second == "POST /echo q= 1234567890");
}

TEST_CASE("expectations are met before the body", "[base][http]") {
    HttpServer server(echo_router());
    RawSocket socket = RawSocket::connect(server.port());
    socket.send(
        "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(socket.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    socket.send("ok");
    CHECK(socket.read_response().second == "POST /echo q= ok");
}

TEST_CASE("HTTP/1.0 and Connection: close end the connection", "[base][http]") {
    HttpServer server(echo_router());
    for (const char* const request :
         {"GET /echo HTTP/1.0\r\n\r\n",
          "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"}) {
        RawSocket socket = RawSocket::connect(server.port());
        socket.send(request);
        const std::string answer = socket.read_all();
        CHECK(has(answer, " 200 OK\r\n"));
        CHECK(has(answer, "Connection: close\r\n"));
    }
}

TEST_CASE("paths that are not there, and methods, and HEAD", "[base][http]") {
    HttpServer server(echo_router());
    RawSocket socket = RawSocket::connect(server.port());
    socket.send(get("/nothing"));
    auto [head, body] = socket.read_response();
    CHECK(head.find("HTTP/1.1 404 Not Found\r\n") == 0);
    CHECK(body == "404 page not found\n");
    socket.send("DELETE /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    std::tie(head, body) = socket.read_response();
    CHECK(head.find("HTTP/1.1 405 Method Not Allowed\r\n") == 0);
    CHECK(has(head, "Allow: GET, POST\r\n"));
    socket.send("HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    head = socket.read_until("\r\n\r\n");
    CHECK(has(head, "Content-Length: 14\r\n"));
    socket.send(get("/echo"));
    CHECK(socket.read_response().second == "GET /echo q= ");
}

TEST_CASE("the route prefix is taken off", "[base][http]") {
    ServerOptions options;
    options.route_prefix = "/p";
    HttpServer server(echo_router(), options);
    RawSocket socket = RawSocket::connect(server.port());
    socket.send(get("/p/echo"));
    CHECK(socket.read_response().first.find("HTTP/1.1 200") == 0);
    socket.send(get("/echo"));
    CHECK(socket.read_response().first.find("HTTP/1.1 404") == 0);
    socket.send(get("/"));
    CHECK(has(socket.read_response().first, "Location: /p/\r\n"));
    socket.send(get("/px/echo"));
    CHECK(socket.read_response().first.find("HTTP/1.1 404") == 0);
}

TEST_CASE("cross-origin requests are answered as configured", "[base][http]") {
    ServerOptions options;
    options.cors_origin = "https://(a|b)\\.example";
    HttpServer server(echo_router({.cors = true}), options);
    RawSocket socket = RawSocket::connect(server.port());
    socket.send("OPTIONS /echo HTTP/1.1\r\nHost: h\r\nOrigin: https://a.example\r\n\r\n");
    std::string head = socket.read_until("\r\n\r\n");
    CHECK(head.find("HTTP/1.1 204 No Content\r\n") == 0);
    CHECK(has(head, "Access-Control-Allow-Origin: https://a.example\r\n"));
    socket.send(get("/echo", "Origin: https://evil.example\r\n"));
    head = socket.read_response().first;
    CHECK(!has(head, "Access-Control-Allow-Origin"));
    socket.send(get("/echo"));
    CHECK(!has(socket.read_response().first, "Access-Control"));
    base::http::ServerOptions bad;
    bad.cors_origin = "(";
    base::SystemClock clock;
    base::Runtime runtime(clock, {});
    CHECK(base::http::Server::start(runtime, Router(), bad).error().code() == Code::kInvalid);
}

TEST_CASE("bodies are compressed when they are large and it is accepted", "[base][http]") {
    std::string page;
    for (int i = 0; page.size() < 200'000; ++i) {
        page += "line " + std::to_string(i) + "\n";
    }
    Router router;
    router.add({Method::kGet}, "/big", [&](const Request&, const RequestContext&) {
        return Response::text(200, page);
    });
    router.add({Method::kGet}, "/middle", [&](const Request&, const RequestContext&) {
        return Response::text(200, page.substr(0, 2000));
    });
    router.add({Method::kGet}, "/small", [&](const Request&, const RequestContext&) {
        return Response::text(200, "x");
    });
    HttpServer server(std::move(router));
    RawSocket socket = RawSocket::connect(server.port());
    base::Gunzip gunzip;
    for (const auto& [path, size] :
         {std::pair{"/big", page.size()}, std::pair{"/middle", size_t{2000}}}) {
        socket.send(get(path, "Accept-Encoding: gzip\r\n"));
        const auto [head, body] = socket.read_response();
        CHECK(has(head, "Content-Encoding: gzip\r\n"));
        CHECK(body.size() < size);
        CHECK(gunzip.decode(base::ByteView(body), 1 << 20).value() == page.substr(0, size));
    }
    base::ZstdDecoder zstd;
    std::string plain;
    socket.send(get("/big", "Accept-Encoding: gzip, zstd\r\n"));
    const auto [head, body] = socket.read_response();
    CHECK(has(head, "Content-Encoding: zstd\r\n"));
    CHECK(zstd.decode(base::ByteView(body), 1 << 20, plain));
    CHECK(plain == page);
    socket.send(get("/big"));
    CHECK(socket.read_response().second == page);
    socket.send(get("/small", "Accept-Encoding: gzip\r\n"));
    CHECK(socket.read_response().second == "x");
}

TEST_CASE("streamed bodies come in frames, back-pressured, compressed or not", "[base][http]") {
    base::WorkerPool pool({.name = "frames", .threads = 1});
    std::atomic<int> made{0};
    Router router;
    const auto stream = [&](const Request&, const RequestContext&) {
        Response response = Response::text(200, "begin\n");
        response.stream = [&made, n = 0](std::string& frame,
                                         std::stop_token) mutable -> base::Result<bool> {
            ++made;
            frame.assign(100'000, static_cast<char>('a' + n));
            return ++n < 26;
        };
        return response;
    };
    router.add({Method::kGet}, "/pool", stream, {.pool = &pool});
    router.add({Method::kGet}, "/lane", stream);
    {
        HttpServer server(std::move(router));
        for (const char* const path : {"/pool", "/lane"}) {
            CAPTURE(path);
            HttpClient client(server.url(path));
            REQUIRE(client.get().has_value());
            CHECK(client.body.size() == 6 + 2'600'000);
            CHECK(client.body.substr(0, 7) == "begin\na");
            CHECK(client.body.back() == 'z');
            REQUIRE(client.get().has_value());
            CHECK(client.connection->dials() == 1);
            base::http::ClientRequest request;
            request.url = server.url(path);
            const auto packed = base::http::fetch(request);
            REQUIRE(packed.has_value());
            CHECK(packed.value().headers.get("Content-Encoding") == "gzip");
            CHECK(packed.value().body == client.body);
            RawSocket other = RawSocket::connect(server.port());
            other.send("GET " + std::string(path) + " HTTP/1.0\r\nAccept-Encoding: zstd\r\n\r\n");
            const std::string coded = other.read_all();
            CHECK(has(coded, "Content-Encoding: zstd\r\n"));
            base::ZstdDecoder zstd;
            std::string plain;
            CHECK(zstd.decode(
                base::ByteView(coded).part(coded.find("\r\n\r\n") + 4), 1 << 22, plain));
            CHECK(plain == client.body);
            RawSocket old = RawSocket::connect(server.port());
            old.send("GET " + std::string(path) + " HTTP/1.0\r\n\r\n");
            const std::string answer = old.read_all();
            CHECK(answer.substr(answer.find("\r\n\r\n") + 4) == client.body);
        }
    }
}

TEST_CASE("a stream that has nothing yet is asked again until its client goes away",
          "[base][http]") {
    std::atomic<int> asked{0};
    std::atomic<int> open{0};
    Router router;
    const auto add = [&](const char* path, int frames) {
        router.add({Method::kGet}, path, [&, frames](const Request&, const RequestContext&) {
            Response response;
            const std::shared_ptr<void> mark(nullptr, [&open](void*) { --open; });
            ++open;
            response.stream = [&asked, frames, mark, n = 0](
                                  std::string& frame,
                                  std::stop_token) mutable -> base::Result<bool> {
                ++asked;
                if (++n % 3 == 0) {
                    frame = "frame ";
                }
                return frames == 0 || n < frames;
            };
            return response;
        });
    };
    add("/some", 9);
    add("/endless", 0);
    ServerOptions options;
    options.stream_wait = 1ms;
    options.write_timeout = 200ms;  // waiting is not writing
    HttpServer server(std::move(router), options);
    HttpClient client(server.url("/some"));
    REQUIRE(client.get().has_value());
    CHECK(client.body == "frame frame frame ");
    CHECK(asked == 9);
    {
        RawSocket socket = RawSocket::connect(server.port());
        socket.send(get("/endless"));
        REQUIRE(wait_for([&] { return asked > 400; }));
        CHECK(open == 1);
    }
    CHECK(wait_for([&] { return open == 0; }));
}

TEST_CASE("a stream that fails cuts the connection", "[base][http]") {
    Router router;
    router.add({Method::kGet}, "/", [](const Request&, const RequestContext&) {
        Response response;
        response.stream = [n = 0](std::string& frame,
                                  std::stop_token) mutable -> base::Result<bool> {
            if (++n == 3) {
                return base::fail(Code::kIo, "disk");
            }
            frame = "frame";
            return true;
        };
        return response;
    });
    HttpServer server(std::move(router));
    HttpClient client(server.url("/"));
    const base::Status status = client.get();
    REQUIRE(!status.has_value());
    CHECK(status.error().message() == "unexpected EOF");
}

TEST_CASE("a client that goes away stops its handler", "[base][http]") {
    base::WorkerPool pool({.name = "handlers", .threads = 1});
    std::atomic<bool> began{false};
    std::atomic<bool> stopped{false};
    Router router;
    router.add({Method::kGet},
               "/wait",
               [&](const Request&, const RequestContext& context) {
                   began = true;
                   while (!context.stop.stop_requested()) {
                       std::this_thread::sleep_for(1ms);
                   }
                   stopped = true;
                   return Response::error(base::Error(Code::kCanceled, "context canceled"));
               },
               {.pool = &pool});
    Counts counts;
    HttpServer server(std::move(router), {}, nullptr, &counts);
    RawSocket socket = RawSocket::connect(server.port());
    socket.send(get("/wait"));
    REQUIRE(wait_for([&] { return began.load(); }));
    CHECK(!stopped);
    socket.close();
    CHECK(wait_for([&] { return stopped.load(); }));
    CHECK(wait_for([&] { return server.server->connections() == 0; }));
    CHECK(counts.last == "/wait 499");
}

TEST_CASE("a handler's deadline raises its stop token", "[base][http]") {
    base::WorkerPool pool({.name = "handlers", .threads = 1});
    Router router;
    router.add({Method::kGet},
               "/wait",
               [&](const Request&, const RequestContext& context) {
                   CHECK(context.deadline.bounded());
                   while (!context.stop.stop_requested()) {
                       std::this_thread::sleep_for(1ms);
                   }
                   return Response::error(base::Error(Code::kTimeout, "query timed out"));
               },
               {.pool = &pool, .timeout = 20ms});
    HttpServer server(std::move(router));
    RawSocket socket = RawSocket::connect(server.port());
    socket.send(get("/wait"));
    CHECK(socket.read_response().first.find("HTTP/1.1 503") == 0);
}

TEST_CASE("a full pool answers 503", "[base][http]") {
    base::WorkerPool pool({.name = "handlers", .threads = 1, .queue_max = 1});
    std::atomic<bool> hold{true};
    std::atomic<int> running{0};
    Router router;
    router.add({Method::kGet},
               "/wait",
               [&](const Request&, const RequestContext&) {
                   ++running;
                   while (hold) {
                       std::this_thread::sleep_for(1ms);
                   }
                   return Response::text(200, "done");
               },
               {.pool = &pool});
    HttpServer server(std::move(router));
    RawSocket one = RawSocket::connect(server.port());
    RawSocket two = RawSocket::connect(server.port());
    RawSocket three = RawSocket::connect(server.port());
    one.send(get("/wait"));
    REQUIRE(wait_for([&] { return running == 1; }));
    two.send(get("/wait"));
    REQUIRE(wait_for([&] { return pool.queued() == 1; }));
    three.send(get("/wait"));
    CHECK(three.read_response().first.find("HTTP/1.1 503") == 0);
    hold = false;
    CHECK(one.read_response().second == "done");
    CHECK(two.read_response().second == "done");
}

TEST_CASE("coroutine handlers answer", "[base][http]") {
    Router router;
    router.add_async({Method::kGet}, "/slow/:what", slow_answer);
    HttpServer server(std::move(router));
    RawSocket socket = RawSocket::connect(server.port());
    socket.send(get("/slow/x") + get("/slow/y"));
    CHECK(socket.read_response().second == "slowly /slow/x");
    CHECK(socket.read_response().second == "slowly /slow/y");
}

TEST_CASE("slow clients are cut off: in the header, in the body, between requests",
          "[base][http]") {
    ServerOptions options;
    options.header_timeout = 50ms;
    options.read_timeout = 100ms;
    options.idle_timeout = 50ms;
    HttpServer server(echo_router(), options);
    for (const char* const text :
         {"",
          "GET /echo HTTP/1.1\r\nHo",
          "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n123"}) {
        CAPTURE(text);
        RawSocket socket = RawSocket::connect(server.port());
        socket.send(text);
        const auto before = std::chrono::steady_clock::now();
        CHECK(socket.read_all().empty());
        const auto took = std::chrono::steady_clock::now() - before;
        CHECK(took > 30ms);
        CHECK(took < 3s);
    }
    CHECK(wait_for([&] { return server.server->connections() == 0; }));
}

TEST_CASE("connections beyond the limit wait until one ends", "[base][http]") {
    ServerOptions options;
    options.max_connections = 2;
    HttpServer server(echo_router(), options);
    RawSocket one = RawSocket::connect(server.port());
    RawSocket two = RawSocket::connect(server.port());
    one.send(get("/echo"));
    two.send(get("/echo"));
    one.read_response();
    two.read_response();
    RawSocket three = RawSocket::connect(server.port());
    three.send(get("/echo?q=3"));
    std::this_thread::sleep_for(20ms);
    CHECK(server.server->connections() == 2);
    one.close();
    CHECK(three.read_response().second == "GET /echo q=3 ");
}

TEST_CASE("a graceful stop finishes what runs and hangs up on the rest", "[base][http]") {
    base::WorkerPool pool({.name = "handlers", .threads = 1});
    std::atomic<bool> began{false};
    std::atomic<bool> hold{true};
    Router router = echo_router();
    router.add({Method::kGet},
               "/wait",
               [&](const Request&, const RequestContext& context) {
                   began = true;
                   while (hold && !context.stop.stop_requested()) {
                       std::this_thread::sleep_for(1ms);
                   }
                   return Response::text(200,
                                         context.stop.stop_requested() ? "stopped" : "finished");
               },
               {.pool = &pool});
    const bool patient = GENERATE(true, false);
    CAPTURE(patient);
    HttpServer server(std::move(router));
    RawSocket idle = RawSocket::connect(server.port());
    idle.send(get("/echo"));
    idle.read_response();
    RawSocket busy = RawSocket::connect(server.port());
    busy.send(get("/wait"));
    REQUIRE(wait_for([&] { return began.load(); }));
    std::thread stopper(
        [&] { server.server->stop(patient ? base::Duration(10s) : base::Duration(10ms)); });
    CHECK(idle.read_all().empty());
    if (patient) {
        hold = false;
        const std::string answer = busy.read_all();
        CHECK(has(answer, "finished"));
        CHECK(has(answer, "Connection: close\r\n"));
    }
    stopper.join();
    CHECK(server.server->connections() == 0);
    CHECK(!RawSocket::connect(server.port()).ok());
}

TEST_CASE("basic auth lets in who has the password", "[base][http]") {
    crypt_data data{};
    WebOptions web;
    web.basic_auth_users["alice"] =
        base::Secret(::crypt_r("s3cret", "$2b$04$abcdefghijklmnopqrstuu", &data));
    web.headers["X-Frame-Options"] = "deny";
    HttpServer server(echo_router(), {}, fixed(web));
    const auto status = [&](const std::string& user, const std::string& password) {
        ClientOptions options;
        options.basic_auth.emplace();
        options.basic_auth->username = user;
        options.basic_auth->password = base::Secret(password);
        HttpClient client(server.url("/echo"), options);
        REQUIRE(client.get().has_value());
        CHECK(client.head.headers.get("X-Frame-Options") == "deny");
        return client.head.status;
    };
    CHECK(status("alice", "s3cret") == 200);
    CHECK(status("alice", "s3cret") == 200);
    CHECK(status("alice", "wrong") == 401);
    CHECK(status("bob", "s3cret") == 401);
    RawSocket socket = RawSocket::connect(server.port());
    socket.send(get("/echo"));
    const auto [head, body] = socket.read_response();
    CHECK(head.find("HTTP/1.1 401 Unauthorized\r\n") == 0);
    CHECK(has(head, "WWW-Authenticate: Basic\r\n"));
    CHECK(body == "Unauthorized\n");
}

TEST_CASE("TLS serves, verifies names and authorities, and takes a new certificate",
          "[base][http][tls]") {
    const test_support::TempFolder folder;
    const std::string cert_file = std::string(folder.path()) + "/cert.pem";
    const std::string key_file = std::string(folder.path()) + "/key.pem";
    const test::Certificate ca = test::make_certificate("test-ca");
    const auto install = [&](const test::Certificate& certificate) {
        std::ofstream(cert_file) << certificate.cert;
        std::ofstream(key_file) << certificate.key;
    };
    install(test::make_certificate("server.test", &ca));
    WebOptions web;
    web.tls.emplace();
    web.tls->cert_file = cert_file;
    web.tls->key_file = key_file;
    Counts counts;
    HttpServer server(echo_router(), {}, fixed(web), &counts);
    const std::string url = server.url("/echo?q=tls", "https");

    ClientOptions trusting;
    trusting.tls.ca = ca.cert;
    HttpClient client(url, trusting);
    for (int i = 0; i < 100; ++i) {
        const base::Status status = client.get();
        REQUIRE((status.has_value() || status.error().message().empty()));
        REQUIRE(client.body == "GET /echo q=tls ");
    }
    CHECK(client.connection->dials() == 1);

    ClientOptions named = trusting;
    named.tls.server_name = "other.test";
    const base::Status wrong_name = HttpClient(url, named).get();
    REQUIRE(!wrong_name.has_value());
    CHECK(wrong_name.error().code() == Code::kPermission);

    const base::Status unknown = HttpClient(url, {}).get();
    REQUIRE(!unknown.has_value());
    CHECK(has(unknown.error().message(), "x509: certificate signed by unknown authority"));

    ClientOptions careless;
    careless.tls.insecure_skip_verify = true;
    CHECK(HttpClient(url, careless).get().has_value());

    const test::Certificate other_ca = test::make_certificate("other-ca");
    install(test::make_certificate("server.test", &other_ca));
    CHECK(!HttpClient(url, trusting).get().has_value());
    ClientOptions other;
    other.tls.ca = other_ca.cert;
    CHECK(HttpClient(url, other).get().has_value());

    RawSocket plain = RawSocket::connect(server.port());
    plain.send(get("/echo"));
    CHECK(!has(plain.read_all(), "200 OK"));
    CHECK(wait_for([&] { return counts.errors > 0; }));
}

TEST_CASE("client certificates are demanded, verified and matched", "[base][http][tls]") {
    const test::Certificate ca = test::make_certificate("test-ca");
    const test::Certificate server_cert = test::make_certificate("server.test", &ca);
    const test::Certificate client_cert = test::make_certificate("client.test", &ca);
    const test::Certificate foreign = test::make_certificate("client.test");
    WebOptions web;
    web.tls.emplace();
    web.tls->cert = server_cert.cert;
    web.tls->key = base::Secret(server_cert.key);
    web.tls->client_ca = ca.cert;
    const auto works = [&](const test::Certificate* certificate) {
        HttpServer server(echo_router(), {}, fixed(web));
        ClientOptions options;
        options.tls.ca = ca.cert;
        if (certificate != nullptr) {
            options.tls.cert = certificate->cert;
            options.tls.key = base::Secret(certificate->key);
        }
        return HttpClient(server.url("/echo", "https"), options).get().has_value();
    };
    web.tls->client_auth = ClientAuth::kNone;
    CHECK(works(nullptr));
    web.tls->client_auth = ClientAuth::kRequireAny;
    CHECK(!works(nullptr));
    CHECK(works(&foreign));
    web.tls->client_auth = ClientAuth::kVerifyIfGiven;
    CHECK(works(nullptr));
    CHECK(!works(&foreign));
    web.tls->client_auth = ClientAuth::kRequireAndVerify;
    CHECK(works(&client_cert));
    CHECK(!works(&foreign));
    web.tls->client_allowed_sans = {"someone.else"};
    CHECK(!works(&client_cert));
    web.tls->client_allowed_sans = {"client.test"};
    CHECK(works(&client_cert));
}

TEST_CASE("TLS through a proxy's tunnel", "[base][http][tls]") {
    const test::Certificate certificate = test::make_certificate("server.test");
    WebOptions web;
    web.tls.emplace();
    web.tls->cert = certificate.cert;
    web.tls->key = base::Secret(certificate.key);
    HttpServer server(echo_router(), {}, fixed(web));
    std::string asked;
    const test::RawServer proxy([&](RawSocket& socket, int) {
        asked = socket.read_until("\r\n\r\n");
        socket.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    });
    ClientOptions options;
    options.tls.ca = certificate.cert;
    options.proxy_url = "http://127.0.0.1:" + std::to_string(proxy.port());
    const base::Status refused = HttpClient(server.url("/echo", "https"), options).get();
    REQUIRE(!refused.has_value());
    CHECK(has(refused.error().message(), "proxy refused CONNECT: 403 Forbidden"));
    CHECK(asked.find("CONNECT 127.0.0.1:" + std::to_string(server.port()) + " HTTP/1.1\r\n") == 0);
}
