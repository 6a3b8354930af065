// Exclusive targets: whatever happens to nodes and leaders, two never scrape one.
#include <catch2/catch.hpp>

#include "test/shard/leader/cluster.h"
#include "test/support/seed.h"

using namespace shard;
using namespace std::chrono_literals;
using test::Cluster;
using test::ClusterNode;

namespace {

constexpr model::TargetId kTargets = 12;

LeaderOptions options() {
    LeaderOptions some;
    some.exclusive = [](std::string_view job) { return job == "alone"; };
    return some;
}

struct Fixture {
    explicit Fixture(int nodes) : cluster(nodes, options()) {
        for (model::TargetId id = 1; id <= kTargets; ++id) {
            cluster.discover(id, 100, "alone");
        }
        cluster.pass(3s);
    }

    // Those that hold it, and whose lease is not over.
    [[nodiscard]] size_t scraping(model::TargetId id) const {
        size_t count = 0;
        for (const auto& node : cluster.nodes) {
            const auto held = node->scraped.find(id);
            if (node->worker != nullptr && held != node->scraped.end() &&
                cluster.clock.steady() < node->lease_until) {
                CHECK(held->second.exclusive);
                ++count;
            }
        }
        return count;
    }

    // How many of the targets are scraped in the end.
    size_t watch(std::chrono::milliseconds time) {
        for (; time > 0ms; time -= 100ms) {
            cluster.pass(100ms);
            for (model::TargetId id = 1; id <= kTargets; ++id) {
                INFO("target " << id);
                REQUIRE(scraping(id) <= 1);
            }
        }
        size_t scraped = 0;
        for (model::TargetId id = 1; id <= kTargets; ++id) {
            scraped += scraping(id);
        }
        return scraped;
    }

    [[nodiscard]] NodeNumber number(size_t node) {
        return cluster.table.node(cluster.node(node).id)->number;
    }

    void admin(size_t node, Admin to) {
        cluster.leader_part->edit(SetAdmin{.node = number(node), .admin = to},
                                  [](const base::Result<EditAnswer>& /*answer*/) {});
    }

    Cluster cluster;
};

}  // namespace

TEST_CASE("the first exclusive targets of a cluster wait for nobody", "[shard][leader]") {
    Fixture at(3);
    CHECK(at.watch(3s) == kTargets);
}

TEST_CASE("exclusive targets of a node that is cut off are scraped again when its lease is over",
          "[shard][leader]") {
    Fixture at(3);
    ClusterNode& cut = at.cluster.node(1);
    const size_t its = cut.scraped.size();
    REQUIRE(its > 0);
    cut.cut = true;
    at.cluster.leader_part->closed(cut.session);
    CHECK(at.watch(3s) == kTargets);  // its lease lasts
    static_cast<void>(at.watch(4s));
    CHECK(cut.scraped.empty());
    CHECK(at.watch(1s) == kTargets);
    // It comes back, and has some of them again.
    cut.cut = false;
    CHECK(at.watch(120s) == kTargets);
    CHECK(!cut.scraped.empty());
}

TEST_CASE("an exclusive target that moves is scraped by one after the other", "[shard][leader]") {
    Fixture at(3);
    REQUIRE(at.cluster.node(1).scraped.size() == kTargets / 3);
    at.admin(1, Admin::kDraining);
    CHECK(at.watch(5s) == kTargets);
    CHECK(at.watch(60s) == kTargets);
    CHECK(at.cluster.node(1).scraped.empty());
    for (const auto& [id, reason] : at.cluster.node(1).released) {
        CHECK(reason == ReleaseReason::kMoved);
    }
}

TEST_CASE("a node that starts again waits to be given its exclusive targets", "[shard][leader]") {
    Fixture at(2);
    at.cluster.node(1).kill();
    static_cast<void>(at.watch(500ms));
    at.cluster.node(1).start();
    CHECK(at.cluster.node(1).scraped.empty());
    static_cast<void>(at.watch(1s));
    CHECK(at.watch(60s) == kTargets);
    CHECK(!at.cluster.node(1).scraped.empty());
}

TEST_CASE("a new leader gives exclusive targets when leases of the one before are over",
          "[shard][leader]") {
    Fixture at(3);
    at.cluster.new_leader();
    CHECK(at.watch(9s) == 0);
    CHECK(at.watch(4s) == kTargets);
    CHECK(at.watch(30s) == kTargets);
}

// It may have been stopped while another one was chosen.
TEST_CASE("a leader that the others do not confirm gives no lease", "[shard][leader]") {
    Fixture at(3);
    at.cluster.discover(100);
    at.cluster.silent = true;
    CHECK(at.watch(3s) == kTargets);
    CHECK(at.watch(LeaderOptions().unconfirmed_max + LeaderOptions().lease) == 0);
    at.cluster.node(1).kill();
    at.cluster.node(1).start();
    CHECK(at.watch(5s) == 0);
    CHECK(at.cluster.node(1).worker->status().state == SessionState::kOpen);
    CHECK(at.cluster.scrapers(100).size() == 1);  // what is not exclusive needs none
    at.cluster.silent = false;
    at.cluster.new_leader();
    static_cast<void>(at.watch(13s));
    CHECK(at.watch(30s) == kTargets);
}

TEST_CASE("an exclusive target that is gone and comes back waits for who had it",
          "[shard][leader]") {
    Fixture at(3);
    const size_t had = at.cluster.scrapers(1).at(0);
    at.cluster.node(had).cut = true;  // without a word
    at.cluster.vanish(1);
    static_cast<void>(at.watch(2s));
    at.cluster.discover(1, 100, "alone");
    static_cast<void>(at.watch(2s));
    CHECK(at.watch(20s) == kTargets);
}

TEST_CASE("whatever happens, no two scrape an exclusive target", "[shard][leader]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 6; ++round) {
        Fixture at(2 + static_cast<int>(random.below(4)));
        for (int step = 0; step < 60; ++step) {
            ClusterNode& node = at.cluster.node(1 + random.below(at.cluster.nodes.size()));
            switch (random.below(9)) {
                case 0:
                    node.kill();
                    break;
                case 1:
                case 2:
                    if (node.worker == nullptr) {
                        node.start();
                    }
                    break;
                case 3:
                    node.cut = !node.cut;
                    break;
                case 4:
                    at.cluster.new_leader();
                    break;
                case 5:
                    if (at.cluster.table.node(node.id) != nullptr) {
                        at.admin(static_cast<size_t>(node.member),
                                 random.below(3) == 0 ? Admin::kDraining : Admin::kActive);
                    }
                    break;
                case 6:
                    at.cluster.vanish(1 + random.below(kTargets));
                    break;
                case 7:
                    at.cluster.discover(
                        1 + random.below(kTargets), 100 + random.below(9'000), "alone");
                    break;
                default:
                    break;
            }
            static_cast<void>(at.watch(std::chrono::milliseconds(100 * random.below(120))));
        }
        for (const auto& node : at.cluster.nodes) {
            node->cut = false;
            if (node->worker == nullptr) {
                node->start();
            }
            if (at.cluster.table.node(node->id) != nullptr) {
                at.admin(static_cast<size_t>(node->member), Admin::kActive);
            }
        }
        for (model::TargetId id = 1; id <= kTargets; ++id) {
            at.cluster.discover(id, 100, "alone");
        }
        static_cast<void>(at.watch(30s));
        CHECK(at.watch(120s) == kTargets);
    }
}
