#include "shard/membership/list_check.h"

#include <map>
#include <utility>

#include <catch2/catch.hpp>

#include "test/support/capture_sink.h"
#include "test/support/fake_clock.h"

using namespace shard;
using namespace std::chrono_literals;

namespace {

class Others final : public Identities {
  public:
    void ask(const std::string& address,
             std::function<void(base::Result<Identity>)> done) override {
        ++asked[address];
        under_way.emplace_back(address, std::move(done));
    }

    void deliver() {
        for (auto& [address, done] : std::exchange(under_way, {})) {
            const auto found = clusters.find(address);
            if (found == clusters.end()) {
                done(base::fail(base::Code::kUnavailable, "connection refused"));
            } else {
                done(Identity{.cluster_id = found->second, .node_id = "other"});
            }
        }
    }

    std::map<std::string, std::string> clusters;  // of those who answer; empty: of none
    std::map<std::string, int> asked;
    std::vector<std::pair<std::string, std::function<void(base::Result<Identity>)>>> under_way;
};

struct World {
    void pass(base::Duration time) {
        for (base::Duration done{0}; done < time; done += 1s) {
            next = check.poll();
            others.deliver();
            clock.advance(1s);
        }
    }

    Others others;
    test_support::FakeClock clock;
    test_support::CaptureSink sink;
    base::LogBackend backend{sink, clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo};
    ListCheck check{"ours",
                    {.join = {"a:1", "b:1", "c:1"}, .self_address = "a:1"},
                    {.identities = others, .clock = clock, .log = base::Logger(backend)}};
    base::SteadyTime next{};
};

}  // namespace

TEST_CASE("list check asks the others until all belong to this cluster", "[shard][membership]") {
    World world;
    world.others.clusters = {{"b:1", "ours"}};
    world.pass(25s);
    CHECK(world.others.asked == std::map<std::string, int>{{"b:1", 1}, {"c:1", 3}});
    world.others.clusters["c:1"] = "";
    world.pass(10s);
    CHECK(world.next != base::SteadyTime::max());
    world.others.clusters["c:1"] = "ours";
    world.pass(10s);
    CHECK(world.next == base::SteadyTime::max());
    CHECK(world.sink.lines().empty());
}

TEST_CASE("list check names a node of another cluster once", "[shard][membership]") {
    World world;
    world.others.clusters = {{"b:1", "theirs"}, {"c:1", "ours"}};
    world.pass(60s);
    REQUIRE(world.sink.lines().size() == 1);
    CHECK(world.sink.contains("belongs to another cluster"));
    CHECK(world.sink.contains("address=b:1"));
    CHECK(world.sink.contains("theirs"));
}
