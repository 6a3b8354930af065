// What a leader's end does with callers that do not keep to the protocol.
#include <catch2/catch.hpp>

#include "base/rpc/client.h"
#include "shard/session/codec.h"
#include "test/shard/session/link_world.h"

using namespace link_test;
using namespace std::chrono_literals;

namespace {

// A caller that says anything, and may stop reading.
class Caller final : public base::rpc::DuplexListener {
  public:
    explicit Caller(const std::string& address)
        : channel_(std::move(base::rpc::Channel::open({.address = address})).value()),
          call_(channel_->duplex(kSessionPath, *this)) {}

    ~Caller() override {
        deaf = false;
        call_.reset();
    }

    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;

    bool send(std::string bytes) { return call_->send(std::move(bytes)); }

    bool hello() {
        return send(
            encode(NodeMessage(Hello{.node_id = "raw", .member = 1, .address = "127.0.0.1:1"})));
    }

    void received(std::string /*message*/) override {
        ++messages;
        while (deaf) {
            std::this_thread::sleep_for(1ms);
        }
    }

    void closed(const base::Status& outcome) override {
        const base::MutexLock lock(mutex_);
        outcome_ = outcome ? "well" : outcome.error().message();
    }

    // Empty: it has not ended.
    [[nodiscard]] std::string outcome() const {
        const base::MutexLock lock(mutex_);
        return outcome_;
    }

    [[nodiscard]] bool ends_with_word(const std::string& word) const {
        return becomes([&] { return outcome().find(word) != std::string::npos; });
    }

    std::atomic<bool> deaf{false};
    std::atomic<size_t> messages{0};

  private:
    mutable base::Mutex mutex_;
    std::string outcome_ GUARDED_BY(mutex_);
    std::unique_ptr<base::rpc::Channel> channel_;
    std::unique_ptr<base::rpc::Duplex> call_;  // last: its end waits for this listener
};

bool reason_is(Leader& leader, const std::string& text) {
    return becomes([&] {
        const auto reasons = leader.reasons();
        return reasons.size() == 1 && reasons.front().find(text) != std::string::npos;
    });
}

}  // namespace

TEST_CASE("bytes that are no message end a session, and both ends are told why",
          "[shard][session][link]") {
    Leader leader;
    Caller caller(leader.address());
    const bool greeted = GENERATE(false, true);
    CAPTURE(greeted);
    if (greeted) {
        REQUIRE(caller.hello());
    }
    REQUIRE(caller.send("\xff\xff garbage"));
    CHECK(caller.ends_with_word("makes no sense"));
    CHECK(reason_is(leader, "the node sent what makes no sense"));
    CHECK(becomes([&] { return leader.sessions->sessions() == 0; }));
    CHECK(leader.count<Hello>() == (greeted ? 1 : 0));
}

TEST_CASE("a session begins with Hello", "[shard][session][link]") {
    Leader leader;
    Caller caller(leader.address());
    REQUIRE(caller.send(encode(NodeMessage(Report{.number = 1}))));
    CHECK(caller.ends_with_word("no Hello"));
    CHECK(reason_is(leader, "no Hello"));
    CHECK(leader.count<Report>() == 0);
}

TEST_CASE("who says nothing is sent away", "[shard][session][link]") {
    Leader leader({.sessions = {.hello_max = 50ms}, .server = {}, .admission = nullptr});
    Caller silent(leader.address());
    CHECK(silent.ends_with_word("SessionServerOptions::hello_max"));
    CHECK(reason_is(leader, "no Hello within 50 ms"));
}

TEST_CASE("a node that greeted may be silent", "[shard][session][link]") {
    Leader leader({.sessions = {.hello_max = 200ms}, .server = {}, .admission = nullptr});
    Caller silent(leader.address());
    REQUIRE(silent.hello());
    REQUIRE(becomes([&] { return leader.count<Hello>() == 1; }));
    Caller other(leader.address());
    CHECK(other.ends_with_word("SessionServerOptions::hello_max"));
    CHECK(silent.outcome().empty());
    CHECK(becomes([&] { return leader.sessions->sessions() == 1; }));
}

TEST_CASE("a session of a node that does not read is closed and given up",
          "[shard][session][link]") {
    Leader leader({.sessions = {.closing_max = 100ms}, .server = {}, .admission = nullptr});
    leader.loop.run([&] { leader.script = [](SessionId, const NodeMessage&) {}; });
    Caller caller(leader.address());
    caller.deaf = true;
    REQUIRE(caller.hello());
    REQUIRE(becomes([&] { return leader.count<Hello>() == 1; }));
    Refused large{.why = Refusal::kClock, .reason = std::string(size_t{1} << 20, 'x')};
    for (int i = 0; i < 200 && leader.reasons().empty(); ++i) {
        leader.loop.run([&] {
            if (!leader.open.empty()) {
                leader.sessions->send(leader.open.front(), large);
            }
        });
    }
    CHECK(reason_is(leader, "DuplexOptions::queue_bytes_max"));
    CHECK(becomes([&] { return leader.sessions->sessions() == 0; }));
}

TEST_CASE("a node that sends faster than it is heard is closed", "[shard][session][link]") {
    Leader leader({.sessions = {.waiting_bytes_max = 1'000}, .server = {}, .admission = nullptr});
    Caller caller(leader.address());
    REQUIRE(caller.hello());
    REQUIRE(becomes([&] { return leader.count<Hello>() == 1; }));
    leader.loop.run([&] {
        // The handler's thread is busy here.
        while (caller.outcome().empty()) {
            caller.send(encode(NodeMessage(Configured{.configuration = 1})));
            std::this_thread::sleep_for(100us);
        }
    });
    CHECK(caller.ends_with_word("SessionServerOptions::waiting_bytes_max"));
    CHECK(reason_is(leader, "SessionServerOptions::waiting_bytes_max"));
}

TEST_CASE("sessions beyond the limit are refused", "[shard][session][link]") {
    Leader leader({.sessions = {.sessions_max = 2}, .server = {}, .admission = nullptr});
    auto first = std::make_unique<Caller>(leader.address());
    Caller second(leader.address());
    REQUIRE(first->hello());
    REQUIRE(second.hello());
    REQUIRE(becomes([&] { return leader.count<Hello>() == 2; }));
    Caller third(leader.address());
    REQUIRE(becomes([&] { return !third.outcome().empty(); }));
    CHECK_THAT(third.outcome(), Catch::Contains("SessionServerOptions::sessions_max"));
    first.reset();
    REQUIRE(becomes([&] { return leader.sessions->sessions() == 1; }));
    Caller fourth(leader.address());
    REQUIRE(fourth.hello());
    CHECK(becomes([&] { return leader.count<Hello>() == 3; }));
}

TEST_CASE("of a session that the handler closed only its end is told, and its last words come",
          "[shard][session][link]") {
    Leader leader;
    leader.loop.run([&] {
        leader.script = [&](SessionId id, const NodeMessage&) {
            leader.sessions->send(id, Refused{.why = Refusal::kTwins, .reason = "twins"});
            leader.sessions->close(id, base::success());
            leader.sessions->send(id, Refused{.why = Refusal::kTwins, .reason = "too late"});
        };
    });
    Caller caller(leader.address());
    REQUIRE(caller.hello());
    static_cast<void>(caller.hello());  // it may be closed by then
    CHECK(caller.ends_with_word("well"));
    CHECK(caller.messages == 1);
    CHECK(becomes([&] { return leader.sessions->sessions() == 0; }));
    CHECK(leader.count<Hello>() == 1);
    CHECK(leader.reasons().size() == 1);
}
