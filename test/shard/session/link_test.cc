// A real worker over a real connection.
#include <fstream>

#include <catch2/catch.hpp>

#include "base/rpc/client.h"
#include "base/sync.h"
#include "shard/seal.h"
#include "shard/session/codec.h"
#include "test/base/certificates.h"
#include "test/shard/session/link_world.h"
#include "test/support/temp_folder.h"

using namespace link_test;
using namespace std::chrono_literals;

namespace {

AssignedTarget target(uint64_t id, Holding holding = Holding::kOwner) {
    base::SeededRandom random(id);
    AssignedTarget one = test::random_target(random, id);
    one.holding = holding;
    return one;
}

size_t held(Loop& loop, const Node& node) {
    return loop.ask([&] { return node.scraper.held.size(); });
}

bool problem_is(Node& node, const std::string& text) {
    return becomes([&] { return node.status().problem.find(text) != std::string::npos; });
}

// Talks to every node in the same way, and knows nothing of sessions.
class RawLeader {
  public:
    // begin  what it does with a call
    explicit RawLeader(std::function<void(base::rpc::Duplex&)> begin) {
        std::vector<base::rpc::Method> methods;
        methods.push_back(
            {.path = kSessionPath,
             .duplex = [begin = std::move(begin)](std::shared_ptr<base::rpc::Duplex> peer,
                                                  const base::rpc::CallPeer& /*who*/)
                 -> base::Result<std::unique_ptr<base::rpc::DuplexListener>> {
                 begin(*peer);
                 return std::make_unique<Deaf>();
             }});
        server = std::move(base::rpc::Server::start({.listen_address = "127.0.0.1:0"},
                                                    std::move(methods),
                                                    {pool, clock, counted}))
                     .value();
    }

    base::SystemClock clock;
    base::Registry metrics;
    base::rpc::ServerMetrics counted{metrics};
    base::WorkerPool pool{{.name = "rpc", .threads = 1, .queue_max = 8}};
    std::unique_ptr<base::rpc::Server> server;

  private:
    class Deaf final : public base::rpc::DuplexListener {
      public:
        void received(std::string /*message*/) override {}

        void closed(const base::Status& /*outcome*/) override {}
    };
};

}  // namespace

TEST_CASE("a node greets its leader, gets targets and tells how they do",
          "[shard][session][link]") {
    Leader leader;
    leader.targets = {target(1), target(2, Holding::kIncoming)};
    Loop loop;
    Node node(loop, "n", quick({leader.address()}));
    REQUIRE(becomes([&] { return held(loop, node) == 2; }));
    CHECK(node.open());
    CHECK(node.status().number == 1);
    CHECK(node.status().lease);
    REQUIRE(becomes([&] { return leader.count<Report>() == 1; }));
    loop.run([&] { node.worker->scraped(2, true, 1'000, 55); });
    CHECK(becomes([&] { return leader.count<Progress>() == 1; }));
    leader.loop.run([&] {
        leader.sessions->send(
            leader.open.front(),
            Lease{.report = 1, .order = {.term = 1, .epoch = 1}, .lease = 5'000ms});
    });
    // It holds what the lease does not say.
    CHECK(becomes([&] { return leader.count<Report>() == 2 && leader.count<Holdings>() == 1; }));
    CHECK(leader.count<Hello>() == 1);
    CHECK(leader.loop.ask([&] { return leader.peers.size(); }) == 1);
}

TEST_CASE("a session that breaks is opened again, and targets are held meanwhile",
          "[shard][session][link]") {
    Leader leader;
    leader.targets = {target(1)};
    Loop loop;
    Node node(loop, "n", quick({leader.address()}));
    REQUIRE(becomes([&] { return held(loop, node) == 1 && node.open(); }));

    leader.loop.run([&] {
        leader.sessions->close(leader.open.front(),
                               base::fail(base::Code::kUnavailable, "go away"));
    });
    REQUIRE(becomes([&] { return leader.count<Hello>() == 2 && node.open(); }));

    leader.stop();
    REQUIRE(becomes([&] { return !node.open(); }));
    CHECK(held(loop, node) == 1);
    leader.start();
    REQUIRE(becomes([&] { return node.open(); }));
    CHECK(leader.count<Hello>() == 3);
}

TEST_CASE("a node goes where it is redirected to", "[shard][session][link]") {
    Leader leader;
    Leader other;
    other.loop.run([&] {
        other.script = [&](SessionId id, const NodeMessage& /*message*/) {
            other.sessions->send(id, Redirect{.leader_id = "l", .address = leader.address()});
            other.sessions->close(id, base::success());
        };
    });
    Loop loop;
    Node node(loop, "n", quick({other.address()}));
    REQUIRE(becomes([&] { return node.open(); }));
    CHECK(node.status().leader_address == leader.address());
    CHECK(becomes([&] { return other.sessions->sessions() == 0; }));
}

TEST_CASE("a node leaves a leader that says nothing", "[shard][session][link]") {
    const bool greets = GENERATE(false, true);
    CAPTURE(greets);
    Leader leader;
    leader.loop.run([&] {
        leader.script = [&, greets](SessionId id, const NodeMessage& message) {
            if (greets && std::holds_alternative<Hello>(message)) {
                leader.welcome(id);
            }
        };
    });
    WorkerOptions options = quick({leader.address()});
    options.open_timeout = 1'000ms;
    options.silence_max = 100ms;
    Loop loop;
    Node node(loop, "n", options);
    CHECK(problem_is(node, greets ? "it has been silent" : "no answer within"));
    CHECK(becomes([&] { return leader.count<Hello>() >= 2; }));
    CHECK(becomes([&] { return !leader.reasons().empty(); }));
}

TEST_CASE("a node looks on when nobody listens at an address", "[shard][session][link]") {
    Leader leader;
    Leader gone;
    gone.stop();
    Loop loop;
    Node node(loop, "n", quick({gone.address(), leader.address()}));
    REQUIRE(becomes([&] { return node.open(); }));
    CHECK(node.status().leader_address == leader.address());
}

TEST_CASE("a leader that sends what makes no sense is left", "[shard][session][link]") {
    RawLeader garbage(
        [](base::rpc::Duplex& peer) { peer.send("\xff\xff no message of a session"); });
    Loop loop;
    Node node(loop, "n", quick({garbage.server->address()}));
    CHECK(problem_is(node, "the leader sent what makes no sense"));
}

TEST_CASE("a leader's message beyond the limit ends the session", "[shard][session][link]") {
    RawLeader large(
        [](base::rpc::Duplex& peer) { peer.send(std::string(kSessionMessageBytesMax + 1, 'x')); });
    Loop loop;
    Node node(loop, "n", quick({large.server->address()}));
    CHECK(problem_is(node, std::to_string(kSessionMessageBytesMax)));
}

TEST_CASE("a link without its TLS files says so later, not from within open()",
          "[shard][session][link]") {
    std::vector<std::function<void()>> posted;
    std::vector<std::string> closed;
    GrpcLink link({.enabled = true, .ca_file = "/nonexistent/ca.pem"},
                  [&](std::function<void()> call) { posted.push_back(std::move(call)); },
                  {.opened = [] { FAIL("opened"); },
                   .received = [](const LeaderMessage&) { FAIL("received"); },
                   .closed = [&](const std::string& why) { closed.push_back(why); }});
    link.open("127.0.0.1:1");
    CHECK(closed.empty());
    REQUIRE(posted.size() == 1);
    posted.front()();
    REQUIRE(closed.size() == 1);
    CHECK_THAT(closed.front(), Catch::Contains("ca.pem"));
}

TEST_CASE("nothing of an earlier session is told, though it was on its way",
          "[shard][session][link]") {
    RawLeader garbage([](base::rpc::Duplex& peer) { peer.send("garbage"); });
    base::Mutex mutex;
    std::deque<std::function<void()>> posted;
    int opened = 0;
    std::vector<std::string> closed;
    auto link = std::make_unique<GrpcLink>(
        base::rpc::ClientTls{},
        [&](std::function<void()> call) {
            const base::MutexLock lock(mutex);
            posted.push_back(std::move(call));
        },
        LinkListener{.opened = [&] { ++opened; },
                     .received = [](const LeaderMessage&) {},
                     .closed = [&](const std::string& why) { closed.push_back(why); }});
    const auto waiting = [&] {
        const base::MutexLock lock(mutex);
        return posted.size();
    };
    const auto run_all = [&] {
        std::deque<std::function<void()>> calls;
        {
            const base::MutexLock lock(mutex);
            calls.swap(posted);
        }
        for (const auto& call : calls) {
            call();
        }
    };
    const std::string address = garbage.server->address();
    link->open(address);
    REQUIRE(becomes([&] { return waiting() == 2; }));  // opened, closed
    link->open(address);
    REQUIRE(becomes([&] { return waiting() == 4; }));
    run_all();
    CHECK(opened == 1);
    CHECK(closed.size() == 1);
    link->open(address);
    REQUIRE(becomes([&] { return waiting() == 2; }));
    link->leave();
    run_all();
    CHECK(opened == 1);
    CHECK(closed.size() == 1);
    link->open(address);
    link.reset();
    run_all();
    CHECK(opened == 1);
    CHECK(closed.size() == 1);
}

TEST_CASE("a node shows its certificate, and only those that are named may speak",
          "[shard][session][link]") {
    const test_support::TempFolder folder;
    const auto authority = test::make_certificate("authority");
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream(folder / name) << text;
        return folder / name;
    };
    const auto serving = test::make_certificate("localhost", &authority);
    const std::string ca = write("ca.pem", authority.cert);
    const auto tls_of = [&](const std::string& name) {
        const auto certificate = test::make_certificate(name, &authority);
        return base::rpc::ClientTls{.enabled = true,
                                    .ca_file = ca,
                                    .cert_file = write(name + ".pem", certificate.cert),
                                    .key_file = write(name + ".key", certificate.key),
                                    .server_name = "localhost"};
    };
    Leader leader({.sessions = {},
                   .server = {.tls = {.cert_file = write("server.pem", serving.cert),
                                      .key_file = write("server.key", serving.key),
                                      .client_ca_file = ca}},
                   .admission = [](const base::rpc::CallPeer& peer) -> base::Status {
                       if (std::ranges::find(peer.names, "node-a") == peer.names.end()) {
                           return base::fail(base::Code::kPermission, "you are not on the list");
                       }
                       return base::success();
                   }});
    Loop first, second;
    Node known(first, "a", quick({leader.address()}), tls_of("node-a"));
    Node stranger(second, "b", quick({leader.address()}), tls_of("node-b"));
    CHECK(becomes([&] { return known.open(); }));
    CHECK(problem_is(stranger, "you are not on the list"));
    CHECK(leader.count<Hello>() == 1);
}

TEST_CASE("two hundred nodes have sessions at once", "[shard][session][link]") {
    constexpr size_t kCount = 200;
    Leader leader;
    leader.targets = {target(1), target(2)};
    WorkerOptions options = quick({leader.address()});
    options.open_timeout = options.silence_max = 60s;
    Loop loop;
    std::vector<std::unique_ptr<Node>> nodes;
    for (size_t i = 0; i < kCount; ++i) {
        nodes.push_back(std::make_unique<Node>(
            loop, "n" + std::to_string(i), options, base::rpc::ClientTls{}, false));
    }
    loop.set_poll([&] {
        for (const auto& node : nodes) {
            node->poll();
        }
    });
    CHECK(becomes([&] {
        return loop.ask([&] {
            return std::ranges::all_of(
                nodes, [](const auto& node) { return node->scraper.held.size() == 2; });
        });
    }));
    CHECK(becomes([&] { return leader.count<Report>() == kCount; }));
    CHECK(leader.count<Hello>() == kCount);
    CHECK(leader.sessions->sessions() == kCount);
    loop.set_poll(nullptr);
    nodes.clear();
    CHECK(becomes([&] { return leader.sessions->sessions() == 0; }));
}

TEST_CASE("node and leader stop in any order while they talk", "[shard][session][link]") {
    for (int round = 0; round < 50; ++round) {
        CAPTURE(round);
        auto leader = std::make_unique<Leader>();
        Leader& at = *leader;
        at.targets = {target(1)};
        const Order order{.term = 1, .epoch = 1};
        at.loop.run([&] {
            // Each report is answered at once: both ends send all the time.
            at.script = [&](SessionId id, const NodeMessage& message) {
                if (std::holds_alternative<Hello>(message)) {
                    at.welcome(id);
                }
                at.sessions->send(id, Lease{.report = 1, .order = order, .lease = 5'000ms});
            };
        });
        Loop loop;
        auto node = std::make_unique<Node>(loop, "n", quick({at.address()}));
        const size_t wanted = static_cast<size_t>(round % 7) * 5;
        CHECK(becomes([&] { return at.count<Report>() >= wanted; }));
        if (round % 2 == 0) {
            node.reset();
            leader.reset();
        } else {
            leader.reset();
            node.reset();
        }
    }
}

// --- sealed --------------------------------------------------------------------------------------

TEST_CASE("a session whose messages are sealed does what others do", "[shard][session][link]") {
    const base::Secret key("a key that is long enough");
    Leader leader({.key = key});
    for (uint64_t id = 1; id <= 200; ++id) {
        leader.targets.push_back(target(id));
    }
    Loop loop;
    Node node(loop, "n", quick({leader.address()}), {}, true, key);
    REQUIRE(becomes([&] { return held(loop, node) == 200; }));
    CHECK(node.open());
    REQUIRE(becomes([&] { return leader.count<Report>() == 1; }));
    leader.stop();
    REQUIRE(becomes([&] { return !node.open(); }));
    leader.start();
    REQUIRE(becomes([&] { return node.open(); }));
}

TEST_CASE("a node of another key, or none, has no session", "[shard][session][link]") {
    const base::Secret key("a key that is long enough");
    const base::Secret other("another key, long enough");
    const auto check = [](const base::Secret& of_leader, const base::Secret& of_node) {
        Leader leader({.key = of_leader});
        Loop loop;
        Node node(loop, "n", quick({leader.address()}), {}, true, of_node);
        CHECK(problem_is(node, "--cluster.key-file"));
        CHECK_FALSE(node.open());
        CHECK(leader.count<Hello>() == 0);
    };
    check(key, other);
    check(key, {});
    check({}, key);
}

TEST_CASE("what is said in a sealed session is refused in another one", "[shard][session][link]") {
    const base::Secret key("a key that is long enough");
    Leader leader({.key = key});
    base::SystemRandom random;
    const SealHandshake handshake(SealSide::kCaller, random);
    const auto channel = std::move(base::rpc::Channel::open({.address = leader.address()})).value();

    // A node that says Hello, and what it said then.
    class Peer final : public base::rpc::DuplexListener {
      public:
        void received(std::string message) override {
            const base::MutexLock lock(mutex_);
            heard_.push_back(std::move(message));
        }

        void closed(const base::Status& outcome) override {
            const base::MutexLock lock(mutex_);
            outcome_ = outcome ? "fine" : outcome.error().message();
        }

        [[nodiscard]] size_t heard() {
            const base::MutexLock lock(mutex_);
            return heard_.size();
        }

        [[nodiscard]] std::string first() {
            const base::MutexLock lock(mutex_);
            return heard_.front();
        }

        [[nodiscard]] std::string outcome() {
            const base::MutexLock lock(mutex_);
            return outcome_;
        }

      private:
        base::Mutex mutex_;
        std::vector<std::string> heard_ GUARDED_BY(mutex_);
        std::string outcome_ GUARDED_BY(mutex_);
    };

    Peer peer;
    const auto call = channel->duplex(kSessionPath, peer);
    call->send(handshake.opening());
    REQUIRE(becomes([&] { return peer.heard() == 1; }));
    Seals seals = std::move(handshake.agree(key, peer.first())).value();
    const std::string hello = seals.sealer.seal(
        encode(NodeMessage(Hello{.node_id = "n", .member = 1, .address = "n:1"})));
    call->send(hello);
    REQUIRE(becomes([&] { return leader.count<Hello>() == 1; }));

    Peer thief;
    const auto other = channel->duplex(kSessionPath, thief);
    other->send(handshake.opening());
    other->send(hello);
    CHECK(becomes([&] { return thief.outcome().find("wrong seal") != std::string::npos; }));
    SECTION("and twice in the same one") {
        call->send(hello);
        CHECK(becomes([&] { return peer.outcome().find("came before") != std::string::npos; }));
    }
    CHECK(leader.count<Hello>() == 1);
}
