#include "shard/membership/founding.h"

#include <map>
#include <utility>

#include <catch2/catch.hpp>

#include "test/support/capture_sink.h"
#include "test/support/fake_clock.h"

using namespace shard;
using namespace std::chrono_literals;

namespace {

// Other nodes, as the test says that they are.
class Others final : public Identities {
  public:
    void ask(const std::string& address,
             std::function<void(base::Result<Identity>)> done) override {
        ++asked[address];
        under_way.emplace_back(address, std::move(done));
    }

    void deliver() {
        for (auto& [address, done] : std::exchange(under_way, {})) {
            if (const auto found = nodes.find(address); found != nodes.end()) {
                done(found->second);
            } else if (!mute.contains(address)) {
                done(base::fail(base::Code::kUnavailable, "connection refused"));
            } else {
                kept.push_back(std::move(done));
            }
        }
    }

    std::map<std::string, Identity> nodes;  // who answers
    std::map<std::string, bool> mute;       // who says nothing at all
    std::map<std::string, int> asked;
    std::vector<std::pair<std::string, std::function<void(base::Result<Identity>)>>> under_way;
    std::vector<std::function<void(base::Result<Identity>)>> kept;
};

struct World {
    explicit World(std::vector<std::string> join, const Identity& self = {.node_id = "a"})
        : founding(std::make_unique<Founding>(
              self,
              FoundingOptions{.join = std::move(join), .self_address = "a:1"},
              Founding::Parts{
                  .identities = others, .clock = clock, .log = base::Logger(backend)})) {}

    void pass(base::Duration time) {
        for (base::Duration done{0}; done < time; done += 100ms) {
            founding->poll();
            others.deliver();
            clock.advance(100ms);
        }
    }

    Others others;
    test_support::FakeClock clock;
    test_support::CaptureSink sink;
    base::LogBackend backend{sink, clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo};
    std::unique_ptr<Founding> founding;
};

Identity unbound(const std::string& id) {
    return {.node_id = id, .member = std::hash<std::string>{}(id)};
}

const std::vector<std::string> kThree{"a:1", "b:1", "c:1"};

}  // namespace

TEST_CASE("the only node of the list founds at once", "[shard][founding]") {
    World world({"a:1"});
    CHECK_FALSE(world.founding->may_found());
    world.founding->poll();
    CHECK(world.founding->may_found());
}

TEST_CASE("the first of the list founds once a majority belongs to no cluster",
          "[shard][founding]") {
    World world(kThree);
    world.pass(3s);
    CHECK_FALSE(world.founding->may_found());
    CHECK_THAT(world.founding->obstacle(), Catch::Contains("b:1 (connection refused)"));
    CHECK(world.sink.contains("c:1 (connection refused)"));
    world.others.nodes["c:1"] = unbound("c");
    world.pass(2s);
    CHECK(world.founding->may_found());
    CHECK(world.founding->obstacle().empty());
}

TEST_CASE("others of the list, and those that do not stand in it, never found",
          "[shard][founding]") {
    const std::vector<std::string> join = GENERATE(std::vector<std::string>{"b:1", "a:1"},
                                                   std::vector<std::string>{"b:1", "c:1"},
                                                   std::vector<std::string>{});
    World world(join);
    world.others.nodes["b:1"] = unbound("b");
    world.pass(5s);
    CHECK_FALSE(world.founding->may_found());
    CHECK(world.founding->poll() == base::SteadyTime::max());
}

TEST_CASE("a node that has a cluster never founds", "[shard][founding]") {
    World world({"a:1"}, {.cluster_id = "old", .node_id = "a"});
    world.pass(1s);
    CHECK_FALSE(world.founding->may_found());
}

TEST_CASE("one node of a cluster is enough to prevent founding", "[shard][founding]") {
    World world(kThree);
    world.others.nodes["b:1"] = unbound("b");
    world.others.nodes["c:1"] = {.cluster_id = "geese", .node_id = "c", .member = 3};
    world.pass(2s);
    CHECK_FALSE(world.founding->may_found());
    CHECK_THAT(world.founding->obstacle(), Catch::Contains("c:1 belongs to cluster geese"));

    SECTION("also once it is silent") {
        world.others.nodes.erase("c:1");
        world.pass(20s);
        CHECK_FALSE(world.founding->may_found());
    }
    SECTION("until it was reset") {
        world.others.nodes["c:1"] = unbound("c");
        world.pass(2s);
        CHECK(world.founding->may_found());
    }
}

TEST_CASE("founding waits for the slow until their time is over", "[shard][founding]") {
    World world(kThree);
    world.others.nodes["b:1"] = unbound("b");
    world.others.mute["c:1"] = true;
    world.pass(1900ms);
    CHECK_FALSE(world.founding->may_found());
    world.pass(300ms);
    CHECK(world.founding->may_found());
}

TEST_CASE("an answer of an earlier round is not heard", "[shard][founding]") {
    World world({"a:1", "b:1"});
    world.others.mute["b:1"] = true;
    world.pass(2500ms);
    REQUIRE_FALSE(world.others.kept.empty());
    world.others.kept.front()(unbound("b"));
    world.pass(100ms);
    CHECK_FALSE(world.founding->may_found());
}

TEST_CASE("two nodes with one id are named, and nothing is founded", "[shard][founding]") {
    World world(kThree);
    world.others.nodes["b:1"] = unbound("x");
    world.others.nodes["c:1"] = unbound("x");
    world.others.nodes["c:1"].member += 1;
    SECTION("of others") {}
    SECTION("one of which is this one") {
        world.others.nodes["b:1"] = {.node_id = "a", .member = 9};
    }
    world.pass(2s);
    CHECK_FALSE(world.founding->may_found());
    CHECK(world.sink.contains("level=ERROR"));
    CHECK_THAT(world.founding->obstacle(), Catch::Contains("b:1"));
    CHECK_THAT(world.founding->obstacle(), Catch::Contains("--cluster.node-id"));
}

TEST_CASE("a node that is listed under two addresses counts once: it is an error",
          "[shard][founding]") {
    World world({"a:1", "b:1", "localhost:1"});
    world.others.nodes["localhost:1"] = {.node_id = "a", .member = 0};
    world.pass(2s);
    CHECK_FALSE(world.founding->may_found());
    CHECK_THAT(world.founding->obstacle(), Catch::Contains("name it once in --cluster.join"));
}

TEST_CASE("others are asked five times a second, and told of every ten", "[shard][founding]") {
    World world(kThree);
    world.pass(20s);
    CHECK(world.others.asked["b:1"] == 100);
    size_t lines = 0;
    for (const std::string& line : world.sink.lines()) {
        lines += line.find("not founded yet") != std::string::npos ? 1 : 0;
    }
    CHECK(lines == 2);
}

TEST_CASE("answers that come after the end do nothing", "[shard][founding]") {
    World world(kThree);
    world.others.nodes["b:1"] = unbound("b");
    world.founding->poll();
    REQUIRE(world.others.under_way.size() == 2);
    const size_t lines = world.sink.lines().size();
    world.founding.reset();
    world.others.deliver();
    CHECK(world.others.under_way.empty());  // it asks nobody again
    CHECK(world.sink.lines().size() == lines);
}
