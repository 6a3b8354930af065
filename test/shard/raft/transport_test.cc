#include <algorithm>
#include <future>
#include <mutex>

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/shard/raft/transport_world.h"

using namespace raft_test;
using namespace std::chrono_literals;
using base::rpc::CallPeer;
using base::rpc::Channel;
using base::rpc::Duplex;
using base::rpc::DuplexListener;

namespace {

constexpr const char* kStream = "/skein.v1.Raft/Stream";

Configuration at_addresses(const std::vector<Member>& members) {
    return Configuration{members};
}

// What an end of a call was told.
class Heard final : public DuplexListener {
  public:
    void received(std::string message) override {
        const std::lock_guard lock(mutex_);
        messages_.push_back(std::move(message));
    }

    void closed(const base::Status& outcome) override {
        const std::lock_guard lock(mutex_);
        text_ = outcome ? "well"
                        : std::string(base::code_name(outcome.error().code())) + ": " +
                              outcome.error().message();
    }

    [[nodiscard]] std::string outcome() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }

    [[nodiscard]] std::vector<std::string> messages() const {
        const std::lock_guard lock(mutex_);
        return messages_;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> messages_;
    std::string text_ = "open";
};

std::unique_ptr<Channel> channel_to(const std::string& address) {
    return std::move(Channel::open({.address = address, .tls = {}})).value();
}

std::string bytes_of(MemberId from,
                     MemberId to,
                     uint64_t sequence,
                     uint64_t round = 1,
                     const ClusterId& cluster = kCluster) {
    return encode(Envelope{cluster, sequence, Message{from, to, 1, Heartbeat{0, round}}});
}

std::vector<uint64_t> rounds(const std::vector<Message>& heard) {
    std::vector<uint64_t> found;
    for (const Message& message : heard) {
        if (const auto* body = std::get_if<Heartbeat>(&message.body)) {
            found.push_back(body->round);
        }
    }
    return found;
}

AppendRequest entries_of(size_t bytes) {
    AppendRequest append;
    append.entries.push_back(entry(1, 1, std::string(bytes, 'x')));
    return append;
}

// Takes a call, and reads no second message before it is let go.
class Deaf {
  public:
    class Listener final : public DuplexListener {
      public:
        Listener(Deaf& deaf, std::shared_ptr<Duplex> peer) : deaf_(deaf), peer_(std::move(peer)) {}

        void received(std::string message) override {
            while (deaf_.held) {
                std::this_thread::sleep_for(1ms);
            }
            const auto envelope = decode_envelope(message);
            const std::lock_guard lock(deaf_.mutex);
            deaf_.heard.push_back(envelope.value().message);
        }

        void closed(const base::Status& /*outcome*/) override {}

      private:
        Deaf& deaf_;
        const std::shared_ptr<Duplex> peer_;
    };

    [[nodiscard]] std::vector<base::rpc::Method> methods() {
        std::vector<base::rpc::Method> methods;
        methods.push_back({.path = kStream,
                           .duplex = [this](std::shared_ptr<Duplex> peer, const CallPeer&)
                               -> base::Result<std::unique_ptr<DuplexListener>> {
                               return std::make_unique<Listener>(*this, std::move(peer));
                           }});
        return methods;
    }

    std::atomic<bool> held{true};
    std::mutex mutex;
    std::vector<Message> heard;
};

// Takes connections, and says nothing.
class DumbSocket {
  public:
    DumbSocket() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        auto* const plain = reinterpret_cast<sockaddr*>(&at);
        REQUIRE(::bind(socket_, plain, size) == 0);
        REQUIRE(::listen(socket_, 8) == 0);
        REQUIRE(::getsockname(socket_, plain, &size) == 0);
        port_ = ntohs(at.sin_port);
    }

    ~DumbSocket() { ::close(socket_); }

    DumbSocket(const DumbSocket&) = delete;
    DumbSocket& operator=(const DumbSocket&) = delete;

    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  private:
    const int socket_;
    int port_ = 0;
};

MemberId leader_of(const std::vector<std::unique_ptr<WholeMember>>& members) {
    MemberId leader = kNobody;
    const bool found = becomes([&] {
        for (size_t i = 0; i < members.size(); ++i) {
            if (members[i]->leads()) {
                leader = i + 1;
            }
        }
        return leader != kNobody;
    });
    REQUIRE(found);
    return leader;
}

// Proposes it to whoever leads until it is answered well.
void commit(const std::vector<std::unique_ptr<WholeMember>>& members, const std::string& command) {
    const bool done = becomes([&] {
        auto& leader = *members[leader_of(members) - 1];
        std::promise<bool> answered;
        leader.ask([&](Driver& driver) {
            driver.propose(command, [&](const base::Result<std::string>& answer) {
                answered.set_value(answer.has_value());
            });
        });
        return answered.get_future().get();
    });
    REQUIRE(done);
}

bool has(WholeMember& member, const std::string& command) {
    const auto commands = member.commands();
    return std::ranges::find(commands, command) != commands.end();
}

}  // namespace

TEST_CASE("members elect a leader and commit over gRPC", "[raft][transport]") {
    const size_t count = GENERATE(size_t{2}, size_t{3});
    CAPTURE(count);
    std::vector<std::unique_ptr<WholeMember>> members;
    Configuration group;
    for (MemberId id = 1; id <= count; ++id) {
        members.push_back(std::make_unique<WholeMember>(id));
        group.members.push_back({id, Role::kVoter, members.back()->address()});
    }
    for (const auto& member : members) {
        member->start(group);
    }
    commit(members, "one");
    commit(members, "two");
    for (const auto& member : members) {
        CHECK(becomes([&] { return has(*member, "one") && has(*member, "two"); }));
        CHECK(member->counters().refused.value() == 0);
    }
}

TEST_CASE("a member with an empty disk answers the leader over the leader's call, and joins",
          "[raft][transport]") {
    std::vector<std::unique_ptr<WholeMember>> members;
    members.push_back(std::make_unique<WholeMember>(1));
    const Configuration alone{{{1, Role::kVoter, members[0]->address()}}};
    members[0]->start(alone);
    commit(members, "before");

    WholeMember joining(2);
    joining.start(Configuration());
    Configuration both = alone;
    both.members.push_back({2, Role::kLearner, joining.address()});
    bool changed = false;
    members[0]->ask([&](Driver& driver) { changed = driver.change(both).has_value(); });
    REQUIRE(changed);
    CHECK(becomes([&] { return has(joining, "before"); }));
    commit(members, "after");
    CHECK(becomes([&] { return has(joining, "after"); }));
}

TEST_CASE("who has no address is answered over the call that it opened", "[raft][transport]") {
    Speaker leader(1), joining(2);
    joining.serve();
    leader.transport->members(at_addresses({{2, Role::kLearner, joining.address()}}));
    leader.say(2, Heartbeat{0, 7});
    REQUIRE(joining.hears([&] { return !joining.heard.empty(); }));
    CHECK(joining.heard[0].from == 1);
    CHECK(rounds(joining.heard) == std::vector<uint64_t>{7});

    joining.say(1, HeartbeatReply{7, 0});
    REQUIRE(leader.hears([&] { return !leader.heard.empty(); }));
    CHECK(std::get<HeartbeatReply>(leader.heard[0].body).round == 7);
    CHECK(joining.counters().opened.value() == 0);
    CHECK(joining.unreachable.empty());
}

TEST_CASE("who cannot be reached at its address is answered over the call that it opened",
          "[raft][transport]") {
    Speaker known(1), hidden(2);
    known.serve();
    hidden.transport->members(at_addresses({{1, Role::kVoter, known.address()}}));
    known.transport->members(at_addresses({{2, Role::kVoter, "127.0.0.1:1"}}));
    hidden.say(1, Heartbeat{0, 1});
    REQUIRE(known.hears([&] { return !known.heard.empty(); }));
    uint64_t round = 0;
    CHECK(hidden.hears([&] {
        known.tasks.run();
        known.say(2, Heartbeat{0, ++round});
        return hidden.heard.size() >= 10;
    }));
    CHECK(known.counters().broken.value() >= 1);
}

TEST_CASE("an address that does not answer keeps nobody waiting who opened a call",
          "[raft][transport]") {
    const DumbSocket dumb;
    GrpcTransportOptions options;
    options.connect_max = 300ms;
    Speaker known(1, options), hidden(2);
    known.serve();
    hidden.transport->members(at_addresses({{1, Role::kVoter, known.address()}}));
    known.transport->members(at_addresses({{2, Role::kVoter, dumb.address()}}));
    hidden.say(1, Heartbeat{0, 1});
    REQUIRE(known.hears([&] { return !known.heard.empty(); }));
    for (uint64_t round = 1; round <= 10; ++round) {
        known.say(2, Heartbeat{0, round});
        known.say(2, entries_of(1000));
    }
    CHECK(hidden.hears([&] { return hidden.heard.size() == 20; }));
    CHECK(known.hears([&] { return known.counters().broken.value() >= 1; }));
}

TEST_CASE("a broken connection is told once, and made again", "[raft][transport]") {
    Speaker here(1), there(2);
    there.serve();
    here.transport->members(at_addresses({{2, Role::kVoter, there.address()}}));
    here.say(2, Heartbeat{0, 1});
    REQUIRE(there.hears([&] { return there.heard.size() == 1; }));
    CHECK(here.unreachable.empty());

    there.stop_serving();
    REQUIRE(here.hears([&] { return !here.unreachable.empty(); }));
    CHECK(here.unreachable == std::vector<MemberId>{2});
    for (uint64_t round = 0; round < 10; ++round) {
        here.say(2, Heartbeat{0, 100 + round});  // within the wait before the next call
    }
    here.tasks.run();
    CHECK(here.unreachable.size() <= 2);

    there.serve();
    uint64_t round = 1000;
    CHECK(there.hears([&] {
        here.tasks.run();
        here.say(2, Heartbeat{0, ++round});
        return std::ranges::any_of(rounds(there.heard), [](uint64_t of) { return of > 1000; });
    }));
    CHECK(here.counters().opened.value() >= 2);
    CHECK(here.counters().broken.value() >= 1);
    CHECK(here.lines.contains("raft connection to a member broke"));
}

TEST_CASE("whole members go on when a connection breaks", "[raft][transport]") {
    std::vector<std::unique_ptr<WholeMember>> members;
    Configuration group;
    for (MemberId id = 1; id <= 3; ++id) {
        members.push_back(std::make_unique<WholeMember>(id));
        group.members.push_back({id, Role::kVoter, members.back()->address()});
    }
    for (const auto& member : members) {
        member->start(group);
    }
    commit(members, "one");
    const MemberId gone = leader_of(members);
    members.erase(members.begin() + static_cast<std::ptrdiff_t>(gone) - 1);
    commit(members, "two");
    for (const auto& member : members) {
        CHECK(becomes([&] { return has(*member, "one") && has(*member, "two"); }));
    }
}

TEST_CASE("a call of another cluster is refused with both ids and what to do",
          "[raft][transport]") {
    constexpr ClusterId kOther{9, 9};
    Speaker here(1);
    here.serve();
    const auto channel = channel_to(here.address());
    Heard heard;
    const auto call = channel->duplex(kStream, heard);
    REQUIRE(call->send(bytes_of(2, 1, 1, 1, kOther)));
    REQUIRE(becomes([&] { return heard.outcome() != "open"; }));
    CHECK_THAT(heard.outcome(),
               Catch::StartsWith("permission: ") && Catch::Contains(cluster_id_text(kCluster)) &&
                   Catch::Contains(cluster_id_text(kOther)) &&
                   Catch::Contains("skein cluster reset"));
    here.tasks.run();
    CHECK(here.heard.empty());
    CHECK(here.counters().refused.value() == 1);
    CHECK(here.lines.contains("raft call refused"));
}

TEST_CASE("who is refused tries again after the longest wait", "[raft][transport]") {
    GrpcTransportOptions options;
    options.retry_max = 1h;
    Speaker here(1), stranger(2, options, ClusterId{9, 9});
    here.serve();
    stranger.transport->members(at_addresses({{1, Role::kVoter, here.address()}}));
    stranger.say(1, Heartbeat{});
    REQUIRE(stranger.hears([&] { return !stranger.unreachable.empty(); }));
    CHECK(stranger.lines.contains("correct --cluster.join"));
    for (int i = 0; i < 10; ++i) {
        stranger.say(1, Heartbeat{});
        stranger.tasks.run();
    }
    CHECK(stranger.counters().opened.value() == 1);
    CHECK(stranger.unreachable == std::vector<MemberId>{1});
}

TEST_CASE("a message for a member that was here before is refused", "[raft][transport]") {
    Speaker here(1);
    here.serve();
    const auto channel = channel_to(here.address());
    Heard heard;
    const auto call = channel->duplex(kStream, heard);
    REQUIRE(call->send(bytes_of(2, 77, 1)));
    REQUIRE(becomes([&] { return heard.outcome() != "open"; }));
    CHECK_THAT(heard.outcome(),
               Catch::StartsWith("not found: that member is gone: its disk was lost"));
}

TEST_CASE("a call speaks for one member", "[raft][transport]") {
    Speaker here(1);
    here.serve();
    const auto channel = channel_to(here.address());
    Heard heard;
    const auto call = channel->duplex(kStream, heard);
    REQUIRE(call->send(bytes_of(2, 1, 1)));
    REQUIRE(call->send(bytes_of(3, 1, 2)));
    REQUIRE(becomes([&] { return heard.outcome() != "open"; }));
    CHECK_THAT(heard.outcome(), Catch::StartsWith("not found: "));
    CHECK(here.hears([&] { return here.heard.size() == 1; }));
}

TEST_CASE("bytes that are no message end the call", "[raft][transport]") {
    Speaker here(1);
    here.serve();
    const auto channel = channel_to(here.address());
    Heard heard;
    const auto call = channel->duplex(kStream, heard);
    REQUIRE(call->send("\xff\xff\xff"));
    REQUIRE(becomes([&] { return heard.outcome() != "open"; }));
    CHECK_THAT(heard.outcome(), Catch::StartsWith("corrupt: "));
}

TEST_CASE("who may not speak is refused before the first message", "[raft][transport]") {
    Speaker here(1);
    here.admits = false;
    here.serve();
    const auto channel = channel_to(here.address());
    Heard heard;
    const auto call = channel->duplex(kStream, heard);
    REQUIRE(becomes([&] { return heard.outcome() != "open"; }));
    CHECK(heard.outcome() == "permission: not on the list");
    CHECK(here.counters().refused.value() == 1);
}

TEST_CASE("old and repeated messages of a call are dropped and counted", "[raft][transport]") {
    Speaker here(1);
    here.serve();
    const auto channel = channel_to(here.address());
    Heard heard;
    const auto call = channel->duplex(kStream, heard);
    for (const uint64_t sequence : {1, 2, 2, 1, 5, 4, 6}) {
        REQUIRE(call->send(bytes_of(2, 1, sequence, sequence)));
    }
    REQUIRE(here.hears([&] { return here.heard.size() == 4; }));
    CHECK(rounds(here.heard) == std::vector<uint64_t>{1, 2, 5, 6});
    CHECK(here.counters().repeated.value() == 3);
    CHECK(heard.outcome() == "open");
}

TEST_CASE("a member that nothing is known of is told unreachable once", "[raft][transport]") {
    Speaker here(1);
    here.say(5, Heartbeat{});
    CHECK(here.unreachable.empty());  // not within send()
    here.say(5, Heartbeat{});
    here.tasks.run();
    CHECK(here.unreachable == std::vector<MemberId>{5});
    CHECK(here.counters().unsent.value() == 2);
}

TEST_CASE("entries are dropped before heartbeats when the other end is deaf", "[raft][transport]") {
    Deaf deaf;
    const TestServer server(deaf.methods());
    Speaker here(1);
    here.transport->members(at_addresses({{2, Role::kVoter, server.address()}}));
    std::vector<uint64_t> sent;
    for (uint64_t round = 1; round <= 200; ++round) {
        here.say(2, entries_of(size_t{256} << 10));
        here.say(2, Heartbeat{0, round});
        sent.push_back(round);
    }
    here.tasks.run();
    CHECK(here.counters().unsent_bulk.value() >= 100);
    CHECK(here.counters().unsent.value() == 0);
    CHECK(here.unreachable.size() >= 1);
    deaf.held = false;
    CHECK(here.hears([&] {
        const std::lock_guard lock(deaf.mutex);
        return rounds(deaf.heard) == sent;
    }));
    const std::lock_guard lock(deaf.mutex);
    CHECK(deaf.heard.size() < 300);
}

TEST_CASE("a member that is slow to take what came drops entries first", "[raft][transport]") {
    GrpcTransportOptions options;
    options.received_waiting_bytes_max = size_t{1} << 20;
    Speaker here(1), slow(2, options);
    slow.serve();
    here.transport->members(at_addresses({{2, Role::kVoter, slow.address()}}));
    for (uint64_t round = 1; round <= 8; ++round) {
        here.say(2, entries_of(size_t{200} << 10));
        here.say(2, Heartbeat{0, round});
    }
    REQUIRE(becomes([&] { return slow.counters().unheard.value() >= 6; }));
    REQUIRE(slow.hears([&] { return rounds(slow.heard).size() == 8; }));
    CHECK(slow.heard.size() == 10);
    CHECK(slow.counters().unheard.value() == 6);
}

TEST_CASE("a member that left the group is spoken to no more", "[raft][transport]") {
    Speaker here(1), there(2);
    there.serve();
    here.transport->members(at_addresses({{2, Role::kVoter, there.address()}}));
    here.say(2, Heartbeat{0, 1});
    REQUIRE(there.hears([&] { return there.heard.size() == 1; }));
    here.transport->members(Configuration());
    here.say(2, Heartbeat{0, 2});
    here.tasks.run();
    CHECK(here.unreachable == std::vector<MemberId>{2});
    CHECK(here.counters().opened.value() == 1);
}

TEST_CASE("members with the same key speak sealed, over calls of either direction",
          "[raft][transport]") {
    GrpcTransportOptions options;
    options.key = base::Secret("a key that is long enough");
    Speaker leader(1, options), joining(2, options);
    joining.serve();
    leader.transport->members(at_addresses({{2, Role::kLearner, joining.address()}}));
    leader.say(2, Heartbeat{0, 7});  // waits for the seal
    REQUIRE(joining.hears([&] {
        leader.tasks.run();
        return joining.heard.size() == 1;
    }));
    leader.say(2, entries_of(1'000'000));
    joining.say(1, HeartbeatReply{7, 0});
    CHECK(leader.hears([&] { return leader.heard.size() == 1; }));
    CHECK(joining.hears([&] { return joining.heard.size() == 2; }));
    CHECK(joining.counters().opened.value() == 0);
    CHECK(leader.unreachable.empty());
}

TEST_CASE("another key than the other end's, or none, is refused", "[raft][transport]") {
    const std::string callers = GENERATE(as<std::string>(), "", "another key, long enough");
    const std::string calleds = GENERATE(as<std::string>(), "", "a key that is long enough");
    CAPTURE(callers, calleds);
    if (callers == calleds) {
        return;
    }
    GrpcTransportOptions callers_options, calleds_options;
    callers_options.key = base::Secret(callers);
    calleds_options.key = base::Secret(calleds);
    Speaker one(1, callers_options), two(2, calleds_options);
    two.serve();
    one.transport->members(at_addresses({{2, Role::kVoter, two.address()}}));
    one.say(2, Heartbeat{0, 1});
    CHECK(one.hears([&] { return !one.unreachable.empty(); }));
    CHECK(one.lines.contains("give all nodes the same --cluster.key-file"));
    two.tasks.run();
    CHECK(two.heard.empty());
    CHECK(two.counters().refused.value() == 1);
}

TEST_CASE("a transport that ends under traffic calls nobody afterwards", "[raft][transport]") {
    for (int i = 0; i < 50; ++i) {
        GrpcTransportOptions options;
        options.key = base::Secret(i % 2 == 0 ? "" : "a key that is long enough");
        Speaker one(1, options), two(2, options);
        one.serve();
        two.serve();
        const Configuration both =
            at_addresses({{1, Role::kVoter, one.address()}, {2, Role::kVoter, two.address()}});
        one.transport->members(both);
        two.transport->members(both);
        std::atomic<bool> going{true};
        std::thread traffic([&] {
            for (uint64_t round = 0; going; ++round) {
                two.say(1, Heartbeat{0, round});
                two.say(1, entries_of(10'000));
                two.tasks.run();
                two.heard.clear();
            }
        });
        for (int said = 0; said < i; ++said) {
            one.say(2, entries_of(10'000));
            one.tasks.run();
        }
        one.end();
        one.heard.clear();
        one.tasks.run();
        going = false;
        traffic.join();
        two.end();
        CHECK(one.heard.empty());
        CHECK(one.late_calls == 0);
        CHECK(two.late_calls == 0);
    }
}
