// The HTTP client against scripted peers.
#include <cstdio>
#include <fstream>

#include <catch2/catch.hpp>

#include "test/base/http_fixture.h"
#include "test/base/raw_socket.h"
#include "test/support/temp_folder.h"

namespace {

using namespace std::chrono_literals;
using base::Code;
using base::Status;
using base::http::ClientOptions;
using base::http::Url;
using test::HttpClient;
using test::RawServer;
using test::RawSocket;

std::string with_length(const std::string& body, const std::string& fields = "") {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + fields +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Answers every request of every connection with the same bytes.
RawServer::Script always(std::string answer) {
    return [answer](RawSocket& socket, int) {
        while (!socket.read_until("\r\n\r\n").empty()) {
            socket.send(answer);
        }
    };
}

// Answers once, then hangs up.
RawServer::Script once(std::string answer) {
    return [answer](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        socket.send(answer);
    };
}

void check_error(const Status& status, Code code, const std::string& message) {
    REQUIRE(!status.has_value());
    CHECK(status.error().code() == code);
    CHECK(status.error().message() == message);
}

}  // namespace

TEST_CASE("a thousand requests go over one connection", "[base][http]") {
    const auto tick = GENERATE(0ms, 1ms);
    CAPTURE(tick.count());
    const RawServer server(always(with_length("metric 1\n")));
    HttpClient client(server.url(), {}, tick);
    const int requests = tick == 0ms ? 1000 : 200;
    for (int i = 0; i < requests; ++i) {
        REQUIRE(client.get().has_value());
        REQUIRE(client.head.status == 200);
        REQUIRE(client.body == "metric 1\n");
    }
    CHECK(client.head.content_type == "text/plain");
    CHECK(client.head.headers.get("content-length") == "9");
    CHECK(client.connection->dials() == 1);
    CHECK(server.connections() == 1);
}

TEST_CASE("the request says what it should", "[base][http]") {
    std::string seen;
    const RawServer server([&](RawSocket& socket, int) {
        seen = socket.read_until("\r\n\r\n");
        socket.send(with_length(""));
    });
    ClientOptions options;
    options.authorization.emplace();
    options.authorization->credentials = base::Secret("tok");
    options.headers["X-One"].values = {"1", "2"};
    options.headers["X-Two"].secrets.emplace_back("s");
    {
        HttpClient client(server.url("/m?a=b"), options);
        REQUIRE(client.get().has_value());
    }
    const std::string host = "127.0.0.1:" + std::to_string(server.port());
    CHECK(seen == "GET /m?a=b HTTP/1.1\r\nHost: " + host +
                      "\r\nUser-Agent: Prometheus/3.14.0\r\nX-One: 1\r\nX-One: 2\r\nX-Two: s\r\n"
                      "Authorization: Bearer tok\r\n\r\n");
}

TEST_CASE("large bodies arrive whole, however they are framed and cut", "[base][http]") {
    std::string body;
    for (int i = 0; body.size() < 3'000'000; ++i) {
        body += "some_metric{n=\"" + std::to_string(i) + "\"} " + std::to_string(i) + "\n";
    }
    const int framing = GENERATE(0, 1, 2);
    CAPTURE(framing);
    const RawServer server([&](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        if (framing == 0) {
            socket.send(with_length(body));
        } else if (framing == 1) {
            std::string out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            size_t size = 1;
            for (size_t at = 0; at < body.size(); at += size, size = size * 3 % 100'003 + 1) {
                const std::string part = body.substr(at, size);
                char head[32];
                std::snprintf(head, sizeof(head), "%zx;ext=1\r\n", part.size());
                out += head + part + "\r\n";
            }
            socket.send(out + "0\r\nTrailer: x\r\n\r\n");
        } else {
            socket.send("HTTP/1.0 200 OK\r\n\r\n" + body);
        }
    });
    HttpClient client(server.url());
    REQUIRE(client.get().has_value());
    CHECK(client.body.size() == body.size());
    CHECK(client.body == body);
    CHECK(client.connection->connected() == (framing != 2));
}

TEST_CASE("a dripping answer is put together byte by byte", "[base][http]") {
    const bool chunked = GENERATE(false, true);
    CAPTURE(chunked);
    const std::string answer = chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                         "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
                                       : with_length("hello world");
    const RawServer server([&](RawSocket& socket, int) {
        while (!socket.read_until("\r\n\r\n").empty()) {
            for (const char c : answer) {
                socket.send(std::string_view(&c, 1));
                std::this_thread::yield();
            }
        }
    });
    HttpClient client(server.url());
    for (int i = 0; i < 3; ++i) {
        REQUIRE(client.get().has_value());
        CHECK(client.body == "hello world");
    }
    CHECK(client.connection->dials() == 1);
}

TEST_CASE("a body of the limit or more is refused", "[base][http]") {
    const bool chunked = GENERATE(false, true);
    CAPTURE(chunked);
    const std::string body(1000, 'x');
    const RawServer server(
        always(chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n" +
                             body.substr(500) + "\r\n1f4\r\n" + body.substr(500) + "\r\n0\r\n\r\n"
                       : with_length(body)));
    HttpClient client(server.url());
    const Status status = client.get(10s, 1000);
    check_error(status, Code::kLimit, "body is too long, limit 1000 bytes");
    CHECK(!client.connection->connected());
    REQUIRE(client.get(10s, 1001).has_value());
    CHECK(client.body == body);
}

TEST_CASE("a body cut short is an error, and the next request dials again", "[base][http]") {
    const int kind = GENERATE(0, 1, 2);
    CAPTURE(kind);
    const std::string good = with_length("good");
    const std::string cut =
        kind == 0   ? good.substr(0, good.size() - 1)
        : kind == 1 ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"
                    : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    const RawServer server([&](RawSocket& socket, int number) {
        socket.read_until("\r\n\r\n");
        socket.send(number == 0 ? cut : good);
    });
    HttpClient client(server.url());
    check_error(client.get(), Code::kIo, "unexpected EOF");
    REQUIRE(client.get().has_value());
    CHECK(client.body == "good");
}

TEST_CASE("an answer that is no HTTP is an error", "[base][http]") {
    const char* const answer =
        GENERATE("SSH-2.0-OpenSSH\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    CAPTURE(answer);
    const RawServer server(once(answer));
    HttpClient client(server.url());
    CHECK(!client.get().has_value());
}

TEST_CASE("a header without end is cut off", "[base][http]") {
    const RawServer server([](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        socket.send("HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 2000; ++i) {
            socket.send("X-Field-" + std::to_string(i) + ": " + std::string(100, 'v') + "\r\n");
        }
    });
    HttpClient client(server.url());
    const Status status = client.get();
    REQUIRE(!status.has_value());
    CHECK(status.error().code() == Code::kLimit);
}

TEST_CASE("interim answers are passed by", "[base][http]") {
    const RawServer server(
        always("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + with_length("x")));
    HttpClient client(server.url());
    REQUIRE(client.get().has_value());
    CHECK(client.head.status == 200);
    CHECK(client.body == "x");
}

TEST_CASE("a kept connection that was closed meanwhile is replaced silently", "[base][http]") {
    const RawServer server(once(with_length("x")));
    HttpClient client(server.url());
    for (int i = 1; i <= 5; ++i) {
        REQUIRE(client.get().has_value());
        CHECK(client.connection->dials() == static_cast<uint64_t>(i));
    }
}

TEST_CASE("a peer that always hangs up is an error, not a loop", "[base][http]") {
    const RawServer server([](RawSocket& socket, int) { socket.read_until("\r\n\r\n"); });
    HttpClient client(server.url());
    check_error(client.get(), Code::kIo, "Get \"" + server.url() + "\": EOF");
    CHECK(client.connection->dials() == 1);
}

TEST_CASE("a refused connection is told in Go's words", "[base][http]") {
    uint16_t port = 0;
    {
        const RawServer gone(once(""));
        port = gone.port();
    }
    const std::string address = "127.0.0.1:" + std::to_string(port);
    HttpClient client("http://" + address + "/metrics");
    check_error(client.get(),
                Code::kIo,
                "Get \"http://" + address + "/metrics\": dial tcp " + address +
                    ": connect: connection refused");
}

TEST_CASE("an unknown host is named", "[base][http]") {
    HttpClient client("http://no-such-host.invalid/metrics");
    const Status status = client.get();
    REQUIRE(!status.has_value());
    CHECK(status.error().message().find("lookup no-such-host.invalid:") != std::string::npos);
}

TEST_CASE("names are looked up", "[base][http]") {
    const RawServer server(always(with_length("x")));
    HttpClient client("http://localhost:" + std::to_string(server.port()) + "/");
    REQUIRE(client.get().has_value());
    client.connection->close();
    REQUIRE(client.get().has_value());
    CHECK(client.connection->dials() == 2);
}

TEST_CASE("a deadline holds for every part of a request", "[base][http]") {
    const int silent_after = GENERATE(0, 1, 2);
    const auto tick = GENERATE(0ms, 2ms);
    CAPTURE(silent_after, tick.count());
    std::atomic<bool> done{false};
    const RawServer server([&](RawSocket& socket, int) {
        socket.read_until("\r\n\r\n");
        if (silent_after == 1) {
            socket.send("HTTP/1.1 200 OK\r\nContent-");
        } else if (silent_after == 2) {
            socket.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
        }
        while (!done) {
            std::this_thread::sleep_for(1ms);
        }
    });
    HttpClient client(server.url(), {}, tick);
    const auto before = std::chrono::steady_clock::now();
    const Status status = client.get(50ms);
    const auto took = std::chrono::steady_clock::now() - before;
    done = true;
    check_error(status,
                Code::kTimeout,
                silent_after == 2 ? "context deadline exceeded"
                                  : "Get \"" + server.url() + "\": context deadline exceeded");
    CHECK(took >= 50ms);
    CHECK(took < 2s);
    CHECK(!client.connection->connected());
}

TEST_CASE("redirects are followed, ten at most", "[base][http]") {
    const RawServer server([](RawSocket& socket, int) {
        while (true) {
            const std::string request = socket.read_until("\r\n\r\n");
            if (request.empty()) {
                return;
            }
            const int n = std::stoi(request.substr(request.find("/r") + 2));
            socket.send(n == 0 ? with_length("end")
                               : "HTTP/1.1 302 Found\r\nLocation: r" + std::to_string(n - 1) +
                                     "\r\nContent-Length: 0\r\n\r\n");
        }
    });
    HttpClient near(server.url("/r10"));
    REQUIRE(near.get().has_value());
    CHECK(near.body == "end");
    CHECK(near.connection->dials() == 1);
    HttpClient far(server.url("/r11"));
    const Status status = far.get();
    REQUIRE(!status.has_value());
    CHECK(status.error().message().find("stopped after 10 redirects") != std::string::npos);
    ClientOptions options;
    options.follow_redirects = false;
    HttpClient stay(server.url("/r3"), options);
    REQUIRE(stay.get().has_value());
    CHECK(stay.head.status == 302);
}

TEST_CASE("a redirect to another host gets no credentials", "[base][http]") {
    std::string seen;
    const RawServer other([&](RawSocket& socket, int) {
        seen = socket.read_until("\r\n\r\n");
        socket.send(with_length("other"));
    });
    const RawServer server(always("HTTP/1.1 301 Moved\r\nLocation: " + other.url("/there") +
                                  "\r\nContent-Length: 0\r\n\r\n"));
    ClientOptions options;
    options.basic_auth.emplace();
    options.basic_auth->username = "u";
    options.basic_auth->password = base::Secret("p");
    options.headers["X-Custom"].values = {"1"};
    HttpClient client(server.url(), options);
    REQUIRE(client.get().has_value());
    CHECK(client.body == "other");
    CHECK(seen.find("GET /there ") == 0);
    CHECK(seen.find("Authorization") == std::string::npos);
    CHECK(seen.find("X-Custom") == std::string::npos);
}

TEST_CASE("passwords are read from their files again when they change", "[base][http]") {
    const test_support::TempFolder folder;
    const std::string path = std::string(folder.path()) + "/password";
    std::vector<std::string> seen;
    const RawServer server([&](RawSocket& socket, int) {
        while (true) {
            const std::string request = socket.read_until("\r\n\r\n");
            if (request.empty()) {
                return;
            }
            const size_t at = request.find("Authorization: ");
            seen.push_back(request.substr(at + 15, request.find("\r\n", at) - at - 15));
            socket.send(with_length(""));
        }
    });
    ClientOptions options;
    options.basic_auth.emplace();
    options.basic_auth->username = "u";
    options.basic_auth->password_file = path;
    HttpClient client(server.url(), options);
    const Status missing = client.get();
    REQUIRE(!missing.has_value());
    CHECK(missing.error().message().find("password_file: open " + path) != std::string::npos);
    std::ofstream(path) << "one\n";
    REQUIRE(client.get().has_value());
    REQUIRE(client.get().has_value());
    std::ofstream(path) << "second\n";
    REQUIRE(client.get().has_value());
    CHECK(seen ==
          std::vector<std::string>{"Basic dTpvbmU=", "Basic dTpvbmU=", "Basic dTpzZWNvbmQ="});
}

TEST_CASE("a proxy sees the whole URL and the credentials meant for it", "[base][http]") {
    std::string seen;
    const RawServer proxy([&](RawSocket& socket, int) {
        seen = socket.read_until("\r\n\r\n");
        socket.send(with_length("via"));
    });
    ClientOptions options;
    options.proxy_url = "http://pu:pp@127.0.0.1:" + std::to_string(proxy.port());
    HttpClient client("http://target.example:9100/metrics", options);
    REQUIRE(client.get().has_value());
    CHECK(client.body == "via");
    CHECK(seen.find(
              "GET http://target.example:9100/metrics HTTP/1.1\r\nHost: target.example:9100\r\n") ==
          0);
    CHECK(seen.find("Proxy-Authorization: Basic cHU6cHA=\r\n") != std::string::npos);
}

TEST_CASE("what cannot be carried out is said when the connection is made", "[base][http]") {
    const auto error = [](const std::string& url, const ClientOptions& options) {
        return HttpClient(url, options).error;
    };
    CHECK(error("ftp://h/", {}) == "unsupported protocol scheme \"ftp\"");
    ClientOptions oauth;
    oauth.oauth2.emplace();
    CHECK(error("http://h/", oauth).find("oauth2") == 0);
    ClientOptions socks;
    socks.proxy_url = "socks5://h:1";
    CHECK(error("http://h/", socks).find("socks5") != std::string::npos);
    ClientOptions header;
    header.headers["X"].values = {"a\r\nY: b"};
    CHECK(error("http://h/", header) == "header \"X\" cannot be sent");
}

TEST_CASE("a post is not sent twice, but a dead connection is noticed before", "[base][http]") {
    std::atomic<int> posts{0};
    const RawServer server([&](RawSocket& socket, int) {
        const std::string head = socket.read_until("\r\n\r\n");
        CHECK(head.find("Content-Length: 4\r\n") != std::string::npos);
        CHECK(socket.read_exactly(4) == "body");
        ++posts;
        socket.send(with_length("ok"));
    });
    HttpClient client(server.url());
    for (int i = 1; i <= 3; ++i) {
        REQUIRE(client.post("body").has_value());
        CHECK(posts == i);
        while (server.closed() != i) {
            std::this_thread::yield();
        }
    }
}

TEST_CASE("fetch decodes gzip and holds its limit for the decoded body", "[base][http]") {
    const std::string page(100'000, 'x');
    base::http::Router router;
    router.add({base::http::Method::kGet}, "/page", [&](const auto&, const auto&) {
        return base::http::Response::text(200, page);
    });
    const test::HttpServer server(std::move(router));
    base::http::ClientRequest request;
    request.url = server.url("/page");
    const auto response = base::http::fetch(request);
    REQUIRE(response.has_value());
    CHECK(response.value().headers.get("Content-Encoding") == "gzip");
    CHECK(response.value().body == page);
    request.options.body_limit = 50'000;
    CHECK(base::http::fetch(request).error().code() == Code::kLimit);
}
