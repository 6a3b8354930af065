#include "shard/leader/liveness.h"

#include <catch2/catch.hpp>

using namespace shard;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    explicit Fixture(NodeNumber nodes = 3, NodeNumber former = kNoNode) {
        std::vector<NodeNumber> numbers;
        for (NodeNumber number = 1; number <= nodes; ++number) {
            numbers.push_back(number);
        }
        liveness.begin(numbers, former, now);
    }

    // Second after second, while these nodes are heard.
    void pass(std::chrono::seconds time, const std::vector<NodeNumber>& speaking) {
        for (int i = 0; i < time.count(); ++i) {
            now += 1s;
            for (const NodeNumber node : speaking) {
                liveness.heard(node, starting, false, now);
            }
            poll();
        }
    }

    void poll() {
        for (const LifeChange& change : liveness.poll(now)) {
            changes.push_back(change);
        }
    }

    [[nodiscard]] NodeLife life(NodeNumber node) const { return liveness.life(node); }

    LivenessOptions options;
    Liveness liveness{options};
    base::SteadyTime now{1h};
    bool starting = false;
    std::vector<LifeChange> changes;
};

}  // namespace

TEST_CASE("nodes have time to find a new leader", "[shard][leader]") {
    Fixture at;
    at.poll();
    CHECK(at.life(1) == NodeLife::kAwaited);
    CHECK(!at.liveness.taken_over(1));
    at.pass(9s, {2});
    CHECK(at.life(1) == NodeLife::kAwaited);
    CHECK(at.life(2) == NodeLife::kLive);
    at.pass(1s, {2});
    CHECK(at.life(1) == NodeLife::kSuspect);
    CHECK(at.liveness.taken_over(1));
}

TEST_CASE("the leader before is suspected by the new one if it does not come at once",
          "[shard][leader]") {
    Fixture at(3, 2);
    at.pass(1s, {});
    CHECK(at.life(2) == NodeLife::kAwaited);
    at.pass(1s, {});
    CHECK(at.life(2) == NodeLife::kSuspect);
    CHECK(at.life(1) == NodeLife::kAwaited);
}

TEST_CASE("the leader before is live for the new one when it comes at once", "[shard][leader]") {
    Fixture at(3, 2);
    at.pass(5s, {2});
    CHECK(at.life(2) == NodeLife::kLive);
    CHECK(at.changes.size() == 1);
}

TEST_CASE("a silent node is suspected after the failure timeout and dead after a minute",
          "[shard][leader]") {
    Fixture at;
    at.pass(20s, {1, 2, 3});
    at.pass(4s, {1, 2});
    CHECK(at.life(3) == NodeLife::kLive);
    at.pass(1s, {1, 2});
    CHECK(at.life(3) == NodeLife::kSuspect);
    at.pass(54s, {1, 2});
    CHECK(at.life(3) == NodeLife::kSuspect);
    at.pass(1s, {1, 2});
    CHECK(at.life(3) == NodeLife::kDead);
    CHECK(at.liveness.live() == std::vector<NodeNumber>{1, 2});
}

TEST_CASE("a broken connection is a shorter silence, unless the node comes back",
          "[shard][leader]") {
    Fixture at;
    at.pass(20s, {1, 2, 3});
    at.liveness.disconnected(1, at.now);
    at.liveness.disconnected(2, at.now);
    at.pass(1s, {2, 3});
    CHECK(at.life(1) == NodeLife::kLive);
    at.pass(1s, {2, 3});
    CHECK(at.life(1) == NodeLife::kSuspect);
    CHECK(at.life(2) == NodeLife::kLive);
}

TEST_CASE("a node that says it stops is taken over at once", "[shard][leader]") {
    Fixture at;
    at.pass(20s, {1, 2, 3});
    at.liveness.heard(1, false, true, at.now);
    at.poll();
    CHECK(at.life(1) == NodeLife::kSuspect);
}

TEST_CASE("a node that comes back is relied on after a while, which doubles", "[shard][leader]") {
    Fixture at;
    at.pass(20s, {1, 2, 3});
    const auto away_and_back = [&](std::chrono::seconds needed) {
        at.pass(10s, {1, 2});
        CHECK(at.life(3) == NodeLife::kSuspect);
        at.pass(1s, {1, 2, 3});
        CHECK(at.life(3) == NodeLife::kReturning);
        CHECK(at.liveness.taken_over(3));
        at.pass(needed - 1s, {1, 2, 3});
        CHECK(at.life(3) == NodeLife::kReturning);
        at.pass(1s, {1, 2, 3});
        CHECK(at.life(3) == NodeLife::kLive);
    };
    away_and_back(10s);
    away_and_back(20s);
    away_and_back(40s);
    at.pass(3601s, {1, 2, 3});
    away_and_back(10s);
}

TEST_CASE("a pause while it returns starts the count again", "[shard][leader]") {
    Fixture at;
    at.pass(20s, {1, 2, 3});
    at.pass(10s, {1, 2});
    at.pass(8s, {1, 2, 3});
    at.pass(6s, {1, 2});
    CHECK(at.life(3) == NodeLife::kSuspect);
    at.pass(19s, {1, 2, 3});
    CHECK(at.life(3) == NodeLife::kReturning);
    at.pass(2s, {1, 2, 3});
    CHECK(at.life(3) == NodeLife::kLive);
}

TEST_CASE("a node that replays its log is taken over until it is done", "[shard][leader]") {
    Fixture at;
    at.pass(20s, {1, 2, 3});
    at.starting = true;
    at.liveness.heard(3, true, false, at.now);
    at.poll();
    CHECK(at.life(3) == NodeLife::kStarting);
    CHECK(at.liveness.taken_over(3));
    at.starting = false;
    at.pass(1s, {1, 2, 3});
    CHECK(at.life(3) == NodeLife::kReturning);
    at.pass(10s, {1, 2, 3});
    CHECK(at.life(3) == NodeLife::kLive);
}

TEST_CASE("a node that joins is relied on as soon as it has started", "[shard][leader]") {
    Fixture at(2);
    at.starting = true;
    at.pass(3s, {3});
    CHECK(at.life(3) == NodeLife::kStarting);
    at.starting = false;
    at.pass(1s, {3});
    CHECK(at.life(3) == NodeLife::kLive);
    at.starting = true;  // again: it was away
    at.pass(1s, {3});
    at.starting = false;
    at.pass(1s, {3});
    CHECK(at.life(3) == NodeLife::kReturning);
}

TEST_CASE("a node that falls silent while it starts has to prove itself", "[shard][leader]") {
    Fixture at(2);
    at.starting = true;
    at.pass(1s, {3});
    at.pass(5s, {});
    CHECK(at.life(3) == NodeLife::kSuspect);
    at.starting = false;
    at.pass(1s, {3});
    CHECK(at.life(3) == NodeLife::kReturning);
}

TEST_CASE("a node in maintenance is not dead before its time", "[shard][leader]") {
    Fixture at;
    at.pass(20s, {1, 2, 3});
    at.liveness.maintenance(3, at.now + 120s);
    at.pass(119s, {1, 2});
    CHECK(at.life(3) == NodeLife::kSuspect);
    at.pass(2s, {1, 2});
    CHECK(at.life(3) == NodeLife::kDead);
}

TEST_CASE("when many fall silent together nobody is taken over for a while", "[shard][leader]") {
    Fixture at(10);
    std::vector<NodeNumber> all, some;
    for (NodeNumber node = 1; node <= 10; ++node) {
        all.push_back(node);
        if (node <= 7) {
            some.push_back(node);
        }
    }
    at.pass(20s, all);
    at.pass(5s, some);
    CHECK(!at.liveness.frozen(at.now));  // three of ten
    some.pop_back();
    at.pass(5s, some);
    CHECK(at.liveness.frozen(at.now));
    at.pass(15s, some);
    CHECK(!at.liveness.frozen(at.now));
}

TEST_CASE("next() is when poll() has something to say, if nothing is heard", "[shard][leader]") {
    Fixture at;
    at.pass(20s, {1, 2, 3});
    for (int i = 0; i < 10; ++i) {
        const base::SteadyTime next = at.liveness.next();
        if (next == base::SteadyTime::max()) {
            break;
        }
        CHECK(at.liveness.poll(next - 1ms).empty());
        CHECK(!at.liveness.poll(next).empty());
    }
    CHECK(at.life(1) == NodeLife::kDead);
    CHECK(at.liveness.next() == base::SteadyTime::max());
}
