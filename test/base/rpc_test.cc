#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include <catch2/catch.hpp>
#include <dirent.h>

#include "base/async/worker_pool.h"
#include "base/rpc/client.h"
#include "base/rpc/codes.h"
#include "base/rpc/server.h"
#include "test/base/certificates.h"
#include "test/base/raw_socket.h"
#include "test/support/temp_folder.h"

using namespace std::chrono_literals;
using base::Code;
using base::Deadline;
using base::rpc::CallContext;
using base::rpc::Channel;
using base::rpc::MessageStream;
using base::rpc::Method;

namespace {

constexpr size_t kBig = size_t{6} << 20;  // over gRPC's own limit of 4 MiB

// Messages of one size; counts those it was asked for, and tells when it is gone.
class Repeat final : public MessageStream {
  public:
    Repeat(size_t bytes, size_t count, std::atomic<int>& asked, std::atomic<int>& alive)
        : bytes_(bytes), count_(count), asked_(asked), alive_(alive) {
        ++alive_;
    }

    ~Repeat() override { --alive_; }

    Repeat(const Repeat&) = delete;
    Repeat& operator=(const Repeat&) = delete;

    base::Result<bool> next(std::string& message) override {
        if (count_-- == 0) {
            return false;
        }
        ++asked_;
        message.assign(bytes_, 'x');
        return true;
    }

  private:
    const size_t bytes_;
    size_t count_;
    std::atomic<int>& asked_;
    std::atomic<int>& alive_;
};

// Whether it holds at some moment within ten seconds.
bool becomes(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    bool holds = condition();
    while (!holds && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(1ms);
        holds = condition();
    }
    return holds;
}

struct Fixture {
    explicit Fixture(base::rpc::ServerOptions options = {}) {
        options.listen_address = "127.0.0.1:0";
        std::vector<Method> methods;
        methods.push_back({.path = "/test.Things/Echo",
                           .unary = [](std::string_view request, const CallContext&) {
                               return base::Result<std::string>(std::string(request));
                           }});
        methods.push_back(
            {.path = "/test.Things/Refuse",
             .unary = [](std::string_view, const CallContext&) -> base::Result<std::string> {
                 return base::fail(Code::kInvalid, "label name is missing");
             }});
        methods.push_back(
            {.path = "/test.Things/Who", .unary = [](std::string_view, const CallContext& context) {
                 return base::Result<std::string>(
                     context.who.names.empty() ? context.who.address : context.who.names.front());
             }});
        methods.push_back({.path = "/test.Things/Wait",
                           .unary = [this](std::string_view, const CallContext& context)
                               -> base::Result<std::string> {
                               ++waiting;
                               while (!context.stop.stop_requested() &&
                                      !context.deadline.passed(clock.steady())) {
                                   std::this_thread::sleep_for(1ms);
                               }
                               --waiting;
                               return std::string("late");
                           }});
        methods.push_back({.path = "/test.Things/Many",
                           .stream = [this](std::string_view request, const CallContext&)
                               -> base::Result<std::unique_ptr<MessageStream>> {
                               return std::make_unique<Repeat>(
                                   std::stoul(std::string(request)), messages, asked, alive);
                           }});
        auto started =
            base::rpc::Server::start(options, std::move(methods), {pool, clock, counted});
        if (started) {
            server = std::move(started).value();
        } else {
            error = started.error().message();
        }
    }

    [[nodiscard]] std::unique_ptr<Channel> channel(const base::rpc::ClientTls& tls = {}) const {
        return std::move(Channel::open({.address = server->address(), .tls = tls})).value();
    }

    [[nodiscard]] Deadline soon(base::Duration time = 20s) const {
        return Deadline::after(clock, time);
    }

    [[nodiscard]] std::string metrics_text() const {
        std::string text;
        metrics.write_text(text);
        return text;
    }

    base::SystemClock clock;
    base::Registry metrics;
    base::rpc::ServerMetrics counted{metrics};
    std::atomic<int> asked{0}, alive{0}, waiting{0};
    size_t messages = 3;
    base::WorkerPool pool{{.name = "rpc", .threads = 4, .queue_max = 4096}};
    std::unique_ptr<base::rpc::Server> server;
    std::string error;
};

size_t open_files() {
    size_t count = 0;
    DIR* const folder = opendir("/proc/self/fd");
    while (readdir(folder) != nullptr) {
        ++count;
    }
    closedir(folder);
    return count;
}

}  // namespace

TEST_CASE("an rpc answers with one message or with many, of any size", "[rpc]") {
    Fixture fixture;
    const auto channel = fixture.channel();
    const std::string big(kBig, 'q');
    CHECK(channel->call("/test.Things/Echo", "hello", fixture.soon()).value() == "hello");
    CHECK(channel->call("/test.Things/Echo", "", fixture.soon()).value().empty());
    CHECK(channel->call("/test.Things/Echo", big, fixture.soon()).value() == big);

    const auto reader = channel->stream("/test.Things/Many", std::to_string(kBig), fixture.soon());
    std::string message;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(reader->next(message).value());
        CHECK(message.size() == kBig);
    }
    CHECK_FALSE(reader->next(message).value());
    CHECK_FALSE(reader->next(message).value());
}

TEST_CASE("an rpc's errors come with their code and text", "[rpc]") {
    Fixture fixture;
    const auto channel = fixture.channel();
    const auto refused = channel->call("/test.Things/Refuse", "", fixture.soon());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::kInvalid);
    CHECK(refused.error().message() == "label name is missing");
    CHECK(channel->call("/test.Things/None", "", fixture.soon()).error().code() ==
          Code::kUnsupported);
    CHECK(channel->call("/test.Others/None", "", fixture.soon()).error().code() ==
          Code::kUnsupported);
}

TEST_CASE("codes of our own survive the way over gRPC", "[rpc]") {
    for (const Code code : {Code::kInvalid,
                            Code::kNotFound,
                            Code::kExecution,
                            Code::kLimit,
                            Code::kCanceled,
                            Code::kTimeout,
                            Code::kUnavailable,
                            Code::kPermission,
                            Code::kCorrupt,
                            Code::kUnsupported,
                            Code::kInternal}) {
        CHECK(base::rpc::code_of(base::rpc::status_number(code)) == code);
    }
    CHECK(base::rpc::status_name(8) == "ResourceExhausted");
    CHECK(base::rpc::status_name(99) == "Unknown");
}

TEST_CASE("a handler is told when its client's time is over or the client is gone", "[rpc]") {
    Fixture fixture;
    const auto channel = fixture.channel();
    const auto late = channel->call("/test.Things/Wait", "", fixture.soon(50ms));
    REQUIRE_FALSE(late);
    CHECK(late.error().code() == Code::kTimeout);
    CHECK(becomes([&] { return fixture.waiting == 0; }));

    std::stop_source stop;
    std::thread canceller([&] {
        becomes([&] { return fixture.waiting == 1; });
        stop.request_stop();
    });
    const auto cancelled = channel->call("/test.Things/Wait", "", fixture.soon(), stop.get_token());
    canceller.join();
    REQUIRE_FALSE(cancelled);
    CHECK(cancelled.error().code() == Code::kCanceled);
    CHECK(becomes([&] { return fixture.waiting == 0; }));
}

TEST_CASE("a slow reader of an rpc holds a message or two, not the answer", "[rpc]") {
    Fixture fixture;
    fixture.messages = 1000;
    const auto channel = fixture.channel();
    auto reader = channel->stream("/test.Things/Many", std::to_string(1 << 20), fixture.soon());
    std::string message;
    REQUIRE(reader->next(message).value());
    // What a further message would take to arrive has long passed.
    std::this_thread::sleep_for(200ms);
    CHECK(fixture.asked < 20);
    CHECK(fixture.alive == 1);
    reader.reset();
    CHECK(becomes([&] { return fixture.alive == 0; }));
    CHECK(fixture.asked < 40);
}

TEST_CASE("a stream is begun without waiting for its connection", "[rpc]") {
    // Takes connections and says nothing: they are never made.
    test::RawServer silent([](test::RawSocket& socket, int) { socket.read_all(); });
    const auto channel =
        std::move(Channel::open({.address = "127.0.0.1:" + std::to_string(silent.port())})).value();
    std::stop_source stop;
    const base::SystemClock clock;
    std::vector<std::unique_ptr<base::rpc::MessageReader>> readers;
    const auto before = clock.steady();
    for (int i = 0; i < 3; ++i) {
        readers.push_back(channel->stream(
            "/test.Things/Many", "1", Deadline::after(clock, 60s), stop.get_token()));
    }
    CHECK(clock.steady() - before < 5s);
    stop.request_stop();
    std::string message;
    for (const auto& reader : readers) {
        const auto read = reader->next(message);
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == Code::kCanceled);
    }
}

TEST_CASE("a message that is larger than the caller allows is refused", "[rpc]") {
    Fixture fixture;
    const auto channel =
        std::move(Channel::open({.address = fixture.server->address(), .message_bytes_max = 1000}))
            .value();
    const auto reader = channel->stream("/test.Things/Many", "1001", fixture.soon());
    std::string message;
    const auto read = reader->next(message);
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == Code::kLimit);
    CHECK(channel->stream("/test.Things/Many", "1000", fixture.soon())->next(message).value());
}

TEST_CASE("a call that takes longer than the server allows is ended", "[rpc]") {
    base::rpc::ServerOptions options;
    options.call_max = 100ms;
    Fixture fixture(options);
    fixture.messages = 100'000;
    const auto channel = fixture.channel();
    const auto reader =
        channel->stream("/test.Things/Many", std::to_string(1 << 20), fixture.soon());
    // Nobody reads: only the server can end it.
    CHECK(becomes([&] { return fixture.alive == 1; }));
    CHECK(becomes([&] { return fixture.alive == 0; }));
    const auto unary = channel->call("/test.Things/Wait", "", fixture.soon());
    REQUIRE_FALSE(unary);
    CHECK(unary.error().code() == Code::kTimeout);
}

TEST_CASE("calls beyond the limit are refused with its name and counted", "[rpc]") {
    base::rpc::ServerOptions options;
    options.calls_max = 2;
    Fixture fixture(options);
    fixture.messages = 1000;
    const auto channel = fixture.channel();
    const std::string size = std::to_string(1 << 20);
    auto first = channel->stream("/test.Things/Many", size, fixture.soon());
    const auto second = channel->stream("/test.Things/Many", size, fixture.soon());
    CHECK(becomes([&] { return fixture.alive == 2; }));
    const auto refused = channel->call("/test.Things/Echo", "", fixture.soon());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::kLimit);
    first.reset();
    CHECK(becomes(
        [&] { return channel->call("/test.Things/Echo", "", fixture.soon()).has_value(); }));
    CHECK_THAT(fixture.metrics_text(),
               Catch::Contains("grpc_server_handled_total{grpc_type=\"unary\",grpc_service=\"test."
                               "Things\",grpc_method=\"Echo\",grpc_code=\"ResourceExhausted\"}"));
}

TEST_CASE("a request over the size limit is refused", "[rpc]") {
    base::rpc::ServerOptions options;
    options.request_bytes_max = 1000;
    Fixture fixture(options);
    const auto channel = fixture.channel();
    const auto refused = channel->call("/test.Things/Echo", std::string(2000, 'x'), fixture.soon());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::kLimit);
}

TEST_CASE("a thousand cancelled streams leave nothing behind", "[rpc]") {
    Fixture fixture;
    fixture.messages = 1000;
    const auto channel = fixture.channel();
    std::string message;
    {
        REQUIRE(channel->stream("/test.Things/Many", "100000", fixture.soon())->next(message));
    }
    const size_t files = open_files();
    for (int i = 0; i < 1000; ++i) {
        const auto reader = channel->stream("/test.Things/Many", "100000", fixture.soon());
        if (i % 2 == 0) {
            REQUIRE(reader->next(message).value());
        }
    }
    CHECK(becomes([&] { return fixture.alive == 0; }));
    CHECK(open_files() <= files + 2);
    CHECK(channel->call("/test.Things/Echo", "still there", fixture.soon()).value() ==
          "still there");
    CHECK(becomes([&] {
        return fixture.metrics_text().find("skein_grpc_server_calls 0\n") != std::string::npos;
    }));
}

TEST_CASE("bytes that are no HTTP/2 and half-open connections are borne", "[rpc]") {
    Fixture fixture;
    const auto port = static_cast<uint16_t>(fixture.server->port());
    std::vector<test::RawSocket> half_open;
    for (int i = 0; i < 20; ++i) {
        half_open.push_back(test::RawSocket::connect(port));
    }
    const auto garbage = test::RawSocket::connect(port);
    garbage.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto channel = fixture.channel();
    CHECK(channel->call("/test.Things/Echo", "x", fixture.soon()).value() == "x");
}

TEST_CASE("the health service says whether the server serves", "[rpc]") {
    const Fixture fixture;
    const auto channel = fixture.channel();
    const auto check = [&] {
        return channel->call("/grpc.health.v1.Health/Check", "", fixture.soon()).value();
    };
    CHECK(check() == "\x08\x02");
    fixture.server->set_serving(true);
    CHECK(check() == "\x08\x01");
    fixture.server->set_serving(false);
    CHECK(check() == "\x08\x02");
}

TEST_CASE("reflection lists the services", "[rpc]") {
    const Fixture fixture;
    const auto channel = fixture.channel();
    const auto reader =
        channel->stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                        std::string("\x3a\x01*", 3),
                        fixture.soon());
    std::string answer;
    REQUIRE(reader->next(answer).value());
    CHECK_THAT(answer, Catch::Contains("test.Things"));
    CHECK_THAT(answer, Catch::Contains("grpc.health.v1.Health"));
}

TEST_CASE("two servers do not share a port", "[rpc]") {
    const Fixture first;
    base::rpc::ServerOptions options;
    options.listen_address = first.server->address();
    base::Registry metrics;
    base::rpc::ServerMetrics counted(metrics);
    base::WorkerPool pool{{.name = "second", .threads = 1}};
    const auto second = base::rpc::Server::start(options, {}, {pool, first.clock, counted});
    REQUIRE_FALSE(second);
    CHECK(second.error().code() == Code::kUnavailable);
    CHECK_THAT(second.error().message(), Catch::Contains("the port is taken"));
}

TEST_CASE("stopping the server ends the calls that run", "[rpc]") {
    Fixture fixture;
    fixture.messages = 100'000;
    const auto channel = fixture.channel();
    const auto reader = channel->stream("/test.Things/Many", "100000", fixture.soon());
    std::string message;
    REQUIRE(reader->next(message).value());
    fixture.server->stop(50ms);
    CHECK(fixture.alive == 0);
    while (true) {
        const auto more = reader->next(message);
        if (!more) {
            break;
        }
        REQUIRE(more.value());
    }
}

TEST_CASE("with a client authority only clients with its certificate are served", "[rpc]") {
    const test_support::TempFolder folder;
    const auto authority = test::make_certificate("authority");
    const auto server = test::make_certificate("localhost", &authority);
    const auto client = test::make_certificate("client", &authority);
    const auto stranger = test::make_certificate("stranger");
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream(folder.path() + "/" + name) << text;
        return folder.path() + "/" + name;
    };
    base::rpc::ServerOptions options;
    options.tls = {.cert_file = write("server.pem", server.cert),
                   .key_file = write("server.key", server.key),
                   .client_ca_file = write("ca.pem", authority.cert)};
    const Fixture fixture(options);
    REQUIRE(fixture.error.empty());
    base::rpc::ClientTls tls{.enabled = true,
                             .ca_file = options.tls.client_ca_file,
                             .cert_file = write("client.pem", client.cert),
                             .key_file = write("client.key", client.key),
                             .server_name = "localhost"};
    const auto call = [&](const base::rpc::ClientTls& how) {
        return fixture.channel(how)->call("/test.Things/Echo", "x", fixture.soon(5s));
    };
    CHECK(call(tls).has_value());
    CHECK(fixture.channel(tls)->call("/test.Things/Who", "", fixture.soon(5s)).value() == "client");
    tls.cert_file = write("stranger.pem", stranger.cert);
    tls.key_file = write("stranger.key", stranger.key);
    CHECK_FALSE(call(tls).has_value());
    tls.cert_file.clear();
    tls.key_file.clear();
    CHECK_FALSE(call(tls).has_value());
    CHECK_FALSE(call({}).has_value());
}

TEST_CASE("a server with wrong TLS files does not start and names them", "[rpc]") {
    const test_support::TempFolder folder;
    base::rpc::ServerOptions options;
    options.tls.cert_file = folder.path() + "/none.pem";
    CHECK_THAT(Fixture(options).error, Catch::Contains("--grpc-server-tls-key"));
    options.tls.key_file = folder.path() + "/none.key";
    CHECK_THAT(Fixture(options).error, Catch::Contains("none.pem"));
    const auto one = test::make_certificate("one");
    const auto other = test::make_certificate("other");
    std::ofstream(options.tls.cert_file) << one.cert;
    std::ofstream(options.tls.key_file) << other.key;
    CHECK_THAT(Fixture(options).error, Catch::Contains("none.key"));
}
