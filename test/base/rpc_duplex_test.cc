#include <atomic>
#include <fstream>
#include <mutex>
#include <thread>

#include <catch2/catch.hpp>

#include "base/async/worker_pool.h"
#include "base/rpc/client.h"
#include "base/rpc/server.h"
#include "test/base/certificates.h"
#include "test/support/temp_folder.h"

using namespace std::chrono_literals;
using base::Code;
using base::rpc::CallPeer;
using base::rpc::Channel;
using base::rpc::Duplex;
using base::rpc::DuplexListener;

namespace {

bool becomes(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    bool holds = condition();
    while (!holds && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(1ms);
        holds = condition();
    }
    return holds;
}

// What an end was told, kept for looking at.
class Heard final : public DuplexListener {
  public:
    void received(std::string message) override {
        const std::lock_guard lock(mutex_);
        bytes_ += message.size();
        messages_.push_back(std::move(message));
    }

    void closed(const base::Status& outcome) override {
        const std::lock_guard lock(mutex_);
        ++closed_;
        text_ = outcome ? "well"
                        : std::string(base::code_name(outcome.error().code())) + ": " +
                              outcome.error().message();
    }

    [[nodiscard]] std::vector<std::string> messages() const {
        const std::lock_guard lock(mutex_);
        return messages_;
    }

    [[nodiscard]] size_t bytes() const {
        const std::lock_guard lock(mutex_);
        return bytes_;
    }

    [[nodiscard]] int closed() const {
        const std::lock_guard lock(mutex_);
        return closed_;
    }

    [[nodiscard]] std::string outcome() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> messages_;
    size_t bytes_ = 0;
    int closed_ = 0;
    std::string text_ = "open";
};

// Sends back what comes; "end" closes well, "refuse" with an error, "deaf" makes it read no more.
class Echo final : public DuplexListener {
  public:
    Echo(std::shared_ptr<Duplex> peer, std::atomic<int>& alive, std::atomic<bool>& held)
        : peer_(std::move(peer)), alive_(alive), held_(held) {
        ++alive_;
    }

    ~Echo() override { --alive_; }

    Echo(const Echo&) = delete;
    Echo& operator=(const Echo&) = delete;

    void received(std::string message) override {
        if (message == "end") {
            peer_->send("bye");
            peer_->close(base::success());
        } else if (message == "refuse") {
            peer_->close(base::fail(Code::kPermission, "not you"));
        } else if (message == "deaf") {
            while (held_) {
                std::this_thread::sleep_for(1ms);
            }
        } else {
            peer_->send(std::move(message));
        }
    }

    void closed(const base::Status& /*outcome*/) override { CHECK(!peer_->send("too late")); }

  private:
    const std::shared_ptr<Duplex> peer_;
    std::atomic<int>& alive_;
    std::atomic<bool>& held_;
};

struct Fixture {
    explicit Fixture(base::rpc::ServerOptions options = {}) {
        options.listen_address = "127.0.0.1:0";
        std::vector<base::rpc::Method> methods;
        methods.push_back({.path = "/test.Talks/Echo",
                           .duplex = [this](std::shared_ptr<Duplex> peer, const CallPeer& who)
                               -> base::Result<std::unique_ptr<DuplexListener>> {
                               names = who.names;
                               if (refusing) {
                                   return base::fail(Code::kInvalid, "nobody is let in");
                               }
                               return std::make_unique<Echo>(std::move(peer), alive, held);
                           }});
        server =
            std::move(base::rpc::Server::start(options, std::move(methods), {pool, clock, counted}))
                .value();
    }

    ~Fixture() { held = false; }

    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    [[nodiscard]] std::unique_ptr<Channel> channel(const base::rpc::ClientTls& tls = {}) const {
        return std::move(Channel::open({.address = server->address(), .tls = tls})).value();
    }

    base::SystemClock clock;
    base::Registry metrics;
    base::rpc::ServerMetrics counted{metrics};
    std::atomic<int> alive{0};
    std::atomic<bool> held{true};
    std::atomic<bool> refusing{false};
    std::vector<std::string> names;
    base::WorkerPool pool{{.name = "rpc", .threads = 2, .queue_max = 64}};
    std::unique_ptr<base::rpc::Server> server;
};

constexpr const char* kEcho = "/test.Talks/Echo";

}  // namespace

TEST_CASE("both ends of a duplex call send whenever they like, in order", "[rpc]") {
    Fixture at;
    const auto channel = at.channel();
    Heard heard;
    const auto call = channel->duplex(kEcho, heard);
    std::vector<std::string> sent;
    for (int i = 0; i < 1000; ++i) {
        sent.push_back("message " + std::to_string(i));
        REQUIRE(call->send(sent.back()));
    }
    REQUIRE(becomes([&] { return heard.messages().size() == sent.size(); }));
    CHECK(heard.messages() == sent);
    CHECK(heard.closed() == 0);
}

TEST_CASE("the server ends a duplex call with its outcome, and what it sent before comes",
          "[rpc]") {
    Fixture at;
    const auto channel = at.channel();
    Heard well, badly;
    const auto first = channel->duplex(kEcho, well);
    const auto second = channel->duplex(kEcho, badly);
    CHECK(first->send("end"));
    CHECK(second->send("refuse"));
    REQUIRE(becomes([&] { return well.closed() == 1 && badly.closed() == 1; }));
    CHECK(well.outcome() == "well");
    CHECK(well.messages() == std::vector<std::string>{"bye"});
    CHECK(badly.outcome() == "permission: not you");
    CHECK(becomes([&] { return at.alive == 0; }));
    CHECK(!first->send("after the end"));
}

TEST_CASE("a duplex call that the handler refuses ends with the handler's error", "[rpc]") {
    Fixture at;
    at.refusing = true;
    const auto channel = at.channel();
    // Often, for the error comes in two steps, and the end is seen after the first.
    for (int round = 0; round < 200; ++round) {
        CAPTURE(round);
        Heard heard;
        const auto call = channel->duplex(kEcho, heard);
        REQUIRE(becomes([&] { return heard.closed() == 1; }));
        CHECK(heard.outcome() == "invalid: nobody is let in");
    }
}

TEST_CASE("destroying the client's end ends a duplex call and tells its listener nothing more",
          "[rpc]") {
    Fixture at;
    const auto channel = at.channel();
    for (int i = 0; i < 50; ++i) {
        Heard heard;
        auto call = channel->duplex(kEcho, heard);
        for (int message = 0; message < i; ++message) {
            call->send(std::string(10'000, 'x'));
        }
        call.reset();
        CHECK(heard.closed() == 1);
    }
    CHECK(becomes([&] { return at.alive == 0; }));
}

TEST_CASE("closing the client's end sends what waits", "[rpc]") {
    Fixture at;
    const auto channel = at.channel();
    Heard heard;
    const auto call = channel->duplex(kEcho, heard);
    call->send("one");
    REQUIRE(becomes([&] { return heard.messages().size() == 1; }));
    call->close(base::success());
    CHECK(!call->send("two"));
    CHECK(becomes([&] { return heard.closed() == 1 && at.alive == 0; }));
}

TEST_CASE("what waits for a deaf end is bounded, and further messages are dropped", "[rpc]") {
    Fixture at;
    const auto channel = at.channel();
    Heard heard;
    auto call = channel->duplex(kEcho, heard);
    REQUIRE(call->send("deaf"));
    const std::string large(size_t{1} << 20, 'x');
    int taken = 0;
    while (taken < 64 && call->send(large)) {
        ++taken;
    }
    // The queue, one on its way, and what the connection holds.
    CHECK(taken >= 15);
    CHECK(taken <= 32);
    CHECK(call->waiting_bytes() > size_t{15} << 20);
    at.held = false;
    CHECK(becomes([&] { return heard.bytes() == static_cast<size_t>(taken) << 20; }));
    CHECK(becomes([&] { return call->waiting_bytes() == 0; }));
    CHECK(call->send("again"));
}

TEST_CASE("no server, or one that goes, closes a duplex call", "[rpc]") {
    Heard nobody;
    const auto lonely = std::move(Channel::open({.address = "127.0.0.1:1", .tls = {}})).value();
    const auto unheard = lonely->duplex(kEcho, nobody);
    REQUIRE(becomes([&] { return nobody.closed() == 1; }));
    CHECK(nobody.outcome().starts_with("unavailable"));

    Fixture at;
    const auto channel = at.channel();
    Heard heard;
    const auto call = channel->duplex(kEcho, heard);
    call->send("hello");
    REQUIRE(becomes([&] { return heard.messages().size() == 1; }));
    at.server->stop(0s);
    REQUIRE(becomes([&] { return heard.closed() == 1; }));
    CHECK(heard.outcome() != "well");
    CHECK(at.alive == 0);
}

TEST_CASE("duplex calls beyond their limit are refused with its number", "[rpc]") {
    base::rpc::ServerOptions options;
    options.duplex_calls_max = 2;
    Fixture at(options);
    const auto channel = at.channel();
    Heard heard[3];
    const auto first = channel->duplex(kEcho, heard[0]);
    const auto second = channel->duplex(kEcho, heard[1]);
    first->send("a");
    second->send("b");
    REQUIRE(becomes([&] { return heard[0].bytes() == 1 && heard[1].bytes() == 1; }));
    const auto third = channel->duplex(kEcho, heard[2]);
    REQUIRE(becomes([&] { return heard[2].closed() == 1; }));
    CHECK(heard[2].outcome().starts_with("limit: too many gRPC sessions at once, the limit is 2"));
}

TEST_CASE("a duplex call is ended at once though the other end reads nothing", "[rpc]") {
    Fixture at;
    const auto channel = at.channel();
    Heard heard;
    const auto call = channel->duplex(kEcho, heard);
    REQUIRE(call->send("deaf"));
    while (call->send(std::string(1 << 20, 'x'))) {
    }
    call->close(base::success());
    CHECK(heard.closed() == 0);
    call->abort();
    CHECK(becomes([&] { return heard.closed() == 1; }));
    call->abort();
}

TEST_CASE("the handler of a duplex call is told whose certificate was shown", "[rpc]") {
    const test_support::TempFolder folder;
    const auto authority = test::make_certificate("authority");
    const auto server = test::make_certificate("localhost", &authority);
    const auto client = test::make_certificate("node-a", &authority);
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream(folder.path() + "/" + name) << text;
        return folder.path() + "/" + name;
    };
    base::rpc::ServerOptions options;
    options.tls = {.cert_file = write("server.pem", server.cert),
                   .key_file = write("server.key", server.key),
                   .client_ca_file = write("ca.pem", authority.cert)};
    Fixture at(options);
    const auto channel = at.channel({.enabled = true,
                                     .ca_file = options.tls.client_ca_file,
                                     .cert_file = write("client.pem", client.cert),
                                     .key_file = write("client.key", client.key),
                                     .server_name = "localhost"});
    Heard heard;
    const auto call = channel->duplex(kEcho, heard);
    call->send("hello");
    REQUIRE(becomes([&] { return heard.bytes() == 5; }));
    CHECK(at.names == std::vector<std::string>{"node-a", "127.0.0.1"});
}
