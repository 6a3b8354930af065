#include "shard/leader/leader.h"

#include <catch2/catch.hpp>

#include "test/shard/leader/cluster.h"

using namespace shard;
using namespace std::chrono_literals;
using test::Cluster;
using test::ClusterNode;

namespace {

using Counts = std::map<size_t, size_t>;

// Every target is scraped by exactly as many nodes as it has slots.
bool all_scraped(const Cluster& cluster, size_t times = 1) {
    for (const auto& [id, target] : cluster.targets) {
        if (cluster.scrapers(id).size() != times) {
            return false;
        }
    }
    return true;
}

bool never(const Cluster& cluster, ReleaseReason reason) {
    for (const auto& node : cluster.nodes) {
        for (const auto& [id, why] : node->released) {
            if (why == reason) {
                return false;
            }
        }
    }
    return true;
}

}  // namespace

TEST_CASE("nodes join, and the demo's six targets are shared by three", "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 6; ++id) {
        cluster.discover(id, 10'045);
    }
    cluster.pass(5s);
    CHECK(cluster.counts() == Counts{{1, 2}, {2, 2}, {3, 2}});
    CHECK(all_scraped(cluster));
    CHECK(cluster.table.nodes().size() == 3);
    cluster.pass(120s);
    CHECK(cluster.counts() == Counts{{1, 2}, {2, 2}, {3, 2}});
    CHECK(cluster.leader_part->status().needed_nodes == 3);
    for (const auto& node : cluster.nodes) {
        CHECK(node->released.empty());
    }
}

TEST_CASE("a seventh target goes over the budget, and a fourth node gets its share without a gap",
          "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 6; ++id) {
        cluster.discover(id, 10'045);
    }
    cluster.pass(100s);
    cluster.discover(7, 10'045);
    cluster.pass(20s);
    CHECK(all_scraped(cluster));
    CHECK(cluster.leader_part->status().needed_nodes == 4);
    CHECK(cluster.leader_part->status().over_budget.size() == 1);
    cluster.add_node();
    for (int i = 0; i < 40'000; ++i) {
        cluster.pass(100ms);
        for (const auto& [id, target] : cluster.targets) {
            const size_t scrapers = cluster.scrapers(id).size();
            REQUIRE(scrapers >= 1);
            REQUIRE(scrapers <= 2);
        }
        if (cluster.counts().contains(4) && cluster.table.moves() == 0) {
            break;
        }
    }
    cluster.pass(10s);
    CHECK(cluster.counts().at(4) >= 1);
    CHECK(all_scraped(cluster));
    CHECK(never(cluster, ReleaseReason::kGone));
}

TEST_CASE("a dead node's targets are scraped by others within six seconds, and given back",
          "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    const size_t before = cluster.node(2).scraped.size();
    CHECK(before == 10);
    cluster.node(2).kill();
    cluster.pass(2s);
    CHECK(all_scraped(cluster));
    CHECK(cluster.counts().size() == 2);
    cluster.node(2).start();
    CHECK(cluster.node(2).scraped.size() == before);  // at once, without asking anybody
    cluster.pass(30s);
    CHECK(all_scraped(cluster));
    CHECK(cluster.node(2).scraped.size() == before);
    CHECK(cluster.table.takeovers().empty());
    CHECK(never(cluster, ReleaseReason::kGone));
}

TEST_CASE("a node that stays away loses its targets after a minute", "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    const auto lost = cluster.node(2).scraped;
    cluster.node(2).kill();
    cluster.pass(120s);
    CHECK(all_scraped(cluster));
    cluster.table.for_each_target(
        [&](const TargetView& target) { CHECK(target.owners[0].node != 2); });
    CHECK(cluster.table.takeovers().empty());
    cluster.node(2).start();
    cluster.pass(300s);
    CHECK(all_scraped(cluster));
    // It is filled, though not with what has just been moved: that stays for half an hour.
    CHECK(cluster.counts().size() == 3);
    for (const auto& [id, target] : lost) {
        CHECK(!cluster.node(2).scraped.contains(id));
    }
}

TEST_CASE("a node that is cut off scrapes on, and has what the table says when it is back",
          "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    ClusterNode& cut = cluster.node(3);
    cut.cut = true;
    cluster.leader_part->closed(cut.session);
    cluster.pass(200s);
    CHECK(cut.scraped.size() == 10);
    CHECK(!cut.worker->status().lease);
    cluster.discover(31);
    cluster.pass(2s);
    cut.cut = false;
    cluster.pass(30s);
    CHECK(cut.worker->status().lease);
    CHECK(all_scraped(cluster));
    CHECK(never(cluster, ReleaseReason::kGone));
}

TEST_CASE("a new leader moves nothing", "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id, 100 + id);
    }
    cluster.pass(30s);
    std::map<model::TargetId, std::vector<size_t>> before;
    for (const auto& [id, target] : cluster.targets) {
        before[id] = cluster.scrapers(id);
    }
    const Epoch epoch = cluster.table.epoch();
    cluster.new_leader();
    cluster.pass(60s);
    for (const auto& [id, scrapers] : before) {
        CHECK(cluster.scrapers(id) == scrapers);
    }
    for (const auto& node : cluster.nodes) {
        CHECK(node->released.empty());
    }
    CHECK(cluster.table.epoch() == epoch);
}

TEST_CASE("nodes learn at once that a job has more targets than it may, and that it has not",
          "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    const auto describe = [&](bool over) {
        for (auto& [id, target] : cluster.targets) {
            TargetDescriptor other = *target.descriptor;
            other.over_target_limit = over;
            target.descriptor = std::make_shared<const TargetDescriptor>(std::move(other));
            cluster.redescribed.push_back(id);
        }
    };
    const auto over = [&] {
        size_t count = 0;
        for (const auto& node : cluster.nodes) {
            for (const auto& [id, target] : node->scraped) {
                count += target.descriptor->over_target_limit ? 1 : 0;
            }
        }
        return count;
    };
    CHECK(over() == 0);
    describe(true);
    cluster.pass(2s);
    CHECK(over() == 30);
    describe(false);
    cluster.pass(2s);
    CHECK(over() == 0);
    for (const auto& node : cluster.nodes) {
        CHECK(node->released.empty());
    }
}

TEST_CASE("nodes learn of a description that changed while nobody led, or they were away",
          "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    const auto describe = [&](std::chrono::milliseconds interval) {
        for (auto& [id, target] : cluster.targets) {
            TargetDescriptor other = *target.descriptor;
            other.interval = interval;
            target.descriptor = std::make_shared<const TargetDescriptor>(std::move(other));
        }
    };
    const auto intervals = [&] {
        std::set<std::chrono::milliseconds> all;
        for (const auto& node : cluster.nodes) {
            for (const auto& [id, target] : node->scraped) {
                all.insert(target.descriptor->interval);
            }
        }
        return all;
    };
    describe(7s);
    cluster.new_leader();
    cluster.pass(30s);
    CHECK(intervals() == std::set<std::chrono::milliseconds>{7s});
    SECTION("a job that is discovered late, too") {
        auto hidden = std::exchange(cluster.targets, {});
        cluster.awaited_jobs = {"job"};
        cluster.new_leader();
        cluster.pass(30s);
        cluster.targets = std::move(hidden);
        cluster.awaited_jobs = {};
        ++cluster.discovered_version;
        describe(8s);
        cluster.pass(90s);
        CHECK(intervals() == std::set<std::chrono::milliseconds>{8s});
    }
    for (const auto& node : cluster.nodes) {
        CHECK(node->released.empty());
    }
}

TEST_CASE("a target that is gone ends everywhere, and one that comes back goes where it was",
          "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    const auto had = cluster.scrapers(7);
    cluster.vanish(7);
    cluster.pass(2s);
    CHECK(cluster.scrapers(7).empty());
    CHECK(cluster.node(had[0]).released.back() ==
          std::pair(model::TargetId{7}, ReleaseReason::kGone));
    cluster.discover(7);
    cluster.pass(2s);
    CHECK(cluster.scrapers(7) == had);
}

TEST_CASE("targets of a job that a new leader has not discovered yet are not gone",
          "[shard][leader]") {
    Cluster cluster(2);
    for (model::TargetId id = 1; id <= 10; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    const auto targets = std::exchange(cluster.targets, {});
    ++cluster.discovered_version;
    cluster.awaited_jobs = {"job"};
    cluster.new_leader();
    cluster.pass(90s);
    CHECK(cluster.table.targets() == 10);
    CHECK(never(cluster, ReleaseReason::kGone));
    cluster.targets = targets;
    cluster.awaited_jobs.clear();
    ++cluster.discovered_version;
    cluster.pass(10s);
    CHECK(all_scraped(cluster));
    CHECK(cluster.counts() == Counts{{1, 5}, {2, 5}});
}

TEST_CASE("a node drains without a gap", "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(100s);
    bool answered = false;
    cluster.leader_part->edit(SetAdmin{.node = 1, .admin = Admin::kDraining},
                              [&](const base::Result<EditAnswer>& answer) {
                                  answered = answer.has_value() && answer.value().applied;
                              });
    for (int i = 0; i < 3'000 && !cluster.node(1).scraped.empty(); ++i) {
        cluster.pass(100ms);
        for (const auto& [id, target] : cluster.targets) {
            REQUIRE(!cluster.scrapers(id).empty());
        }
    }
    CHECK(answered);
    CHECK(cluster.node(1).scraped.empty());
    cluster.pass(5s);
    CHECK(all_scraped(cluster));
    CHECK(never(cluster, ReleaseReason::kGone));
}

TEST_CASE("a move to a node that cannot scrape the target is given up", "[shard][leader]") {
    Cluster cluster(2);
    for (model::TargetId id = 1; id <= 10; ++id) {
        cluster.discover(id);
    }
    cluster.pass(100s);
    const auto mine = cluster.node(1).scraped;
    for (const auto& [id, held] : mine) {
        cluster.node(2).unable.insert(id);
    }
    cluster.leader_part->edit(SetAdmin{.node = 1, .admin = Admin::kDraining},
                              [](const base::Result<EditAnswer>&) {});
    cluster.pass(60s);
    for (const auto& [id, held] : mine) {
        CHECK(cluster.scrapers(id).front() == 1);
    }
}

TEST_CASE("with two replicas every target has two nodes, and one when one of them is dead",
          "[shard][leader]") {
    LeaderOptions options;
    options.replicas = [](std::string_view) { return uint8_t{2}; };
    Cluster cluster(3, options);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    CHECK(all_scraped(cluster, 2));
    cluster.node(3).kill();
    cluster.pass(3s);
    CHECK(all_scraped(cluster, 2));  // somebody stands in
    cluster.pass(120s);
    CHECK(all_scraped(cluster, 2));
}

TEST_CASE("who comes after a takeover has begun stands in, too, when there were few",
          "[shard][leader]") {
    LeaderOptions options;
    options.replicas = [](std::string_view) { return uint8_t{2}; };
    Cluster cluster(3, options);
    for (model::TargetId id = 1; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    cluster.node(3).kill();
    cluster.node(2).cut = true;
    cluster.leader_part->closed(cluster.node(2).session);
    cluster.new_leader();
    cluster.pass(12s);
    REQUIRE_FALSE(cluster.table.takeovers().empty());
    CHECK(cluster.table.takeovers().front().by.size() == 1);
    cluster.node(2).cut = false;
    cluster.pass(25s);  // until it is live: node 3 is not dead then
    CHECK(cluster.table.takeovers().size() == 1);
    CHECK(all_scraped(cluster, 2));
    cluster.pass(120s);
    CHECK(all_scraped(cluster, 2));
}

TEST_CASE("two nodes with one id: the second is told so, the first goes on", "[shard][leader]") {
    Cluster cluster(2);
    for (model::TargetId id = 1; id <= 10; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    ClusterNode twin(cluster, "n1", 999);
    twin.start();
    for (int i = 0; i < 30; ++i) {
        twin.worker->poll();
        cluster.under_way.emplace_back([] {});
        cluster.deliver();
        cluster.pass(100ms);
    }
    CHECK(cluster.node(1).scraped.size() == 5);
    CHECK(cluster.node(1).worker->status().state == SessionState::kOpen);
    CHECK(twin.scraped.empty());
    twin.kill();
}

TEST_CASE("a node whose clock is off, or whose configuration differs, gets nothing new",
          "[shard][leader]") {
    Cluster cluster(3);
    cluster.leader_part->configured({{.job = "job", .hash = 1}});
    for (const auto& node : cluster.nodes) {
        node->jobs = {{.job = "job", .hash = 1}};
    }
    cluster.node(2).jobs = {{.job = "job", .hash = 2}};
    cluster.node(3).clock_off_ms = 300'000;
    for (const auto& node : cluster.nodes) {
        node->start();
    }
    for (model::TargetId id = 1; id <= 6; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    CHECK(cluster.counts() == Counts{{1, 6}});
    const LeaderStatus status = cluster.leader_part->status();
    CHECK(status.nodes.at(1).foreign_jobs == std::vector<std::string>{"job"});
    CHECK(status.nodes.at(2).clock_off);
    cluster.node(2).worker->configured(1, {{.job = "job", .hash = 1}});
    cluster.node(3).clock_off_ms = 0;
    cluster.pass(2s);
    for (model::TargetId id = 7; id <= 30; ++id) {
        cluster.discover(id);
    }
    cluster.pass(30s);
    CHECK(cluster.counts().size() == 3);
}

TEST_CASE("a plan can be asked for without being carried out", "[shard][leader]") {
    Cluster cluster(2);
    cluster.pass(5s);
    cluster.discover(1);
    const Epoch epoch = cluster.table.epoch();
    static_cast<void>(cluster.leader_part->plan());
    CHECK(cluster.table.epoch() == epoch);
    CHECK(cluster.scrapers(1).empty());
    cluster.pass(2s);
    CHECK(cluster.scrapers(1).size() == 1);
    CHECK(!cluster.leader_part->events().empty());
}

TEST_CASE("nodes are told who votes, and when that changes", "[shard][leader]") {
    Cluster cluster(3);
    const auto voters = [&](size_t node) {
        std::vector<std::string> ids;
        for (const KnownNode& known : cluster.node(node).worker->nodes()) {
            if (known.voter) {
                ids.push_back(known.id);
            }
        }
        return ids;
    };
    cluster.voting = {1};
    cluster.pass(2s);
    CHECK(voters(3) == std::vector<std::string>{"n1"});
    cluster.voting = {1, 2, 3};
    cluster.pass(1s);
    CHECK(voters(1) == std::vector<std::string>{"n1", "n2", "n3"});
    cluster.voting = {2, 3};
    cluster.pass(1s);
    CHECK(voters(1) == std::vector<std::string>{"n2", "n3"});
}

TEST_CASE("a member that knows of no leader redirects to where it heard of one",
          "[shard][leader]") {
    Cluster cluster(1);
    cluster.pass(2s);
    cluster.leader_hint = "hint:1";
    cluster.leading = false;
    SECTION("a leader that is not in the table") {
        cluster.leader_member = 1000;
    }
    SECTION("none") {
        cluster.leader_member = 0;
    }
    cluster.pass(3s);
    CHECK(cluster.node(1).worker->status().leader_address == "hint:1");
}

TEST_CASE("a new leader suspects the one before it, also after nobody led for a while",
          "[shard][leader]") {
    Cluster cluster(3);
    for (model::TargetId id = 1; id <= 6; ++id) {
        cluster.discover(id);
    }
    cluster.pass(60s);
    cluster.leading = false;
    cluster.leader_member = 2;
    cluster.pass(1s);
    cluster.node(2).worker.reset();
    cluster.leader_member = 0;  // while there is an election
    cluster.pass(100ms);
    cluster.leader_member = 1;
    cluster.leading = true;
    cluster.leader_member = 1;  // itself, as a group says of who leads it
    ++cluster.its_term;
    cluster.pass(3s);
    for (const NodeStatus& node : cluster.leader_part->status().nodes) {
        CAPTURE(node.number);
        CHECK((node.life == NodeLife::kSuspect) == (node.number == 2));
    }
}

TEST_CASE("other options are followed without a new term", "[shard][leader]") {
    LeaderOptions options;
    Cluster cluster(3, options);
    cluster.pass(2s);
    for (model::TargetId id = 1; id <= 6; ++id) {
        cluster.discover(id);
    }
    cluster.pass(60s);
    REQUIRE(all_scraped(cluster));
    const size_t events = cluster.leader_part->events().size();

    SECTION("more replicas") {
        options.replicas = [](std::string_view) { return uint8_t{2}; };
        cluster.leader_part->reconfigure(options);
        cluster.pass(60s);
        CHECK(all_scraped(cluster, 2));
    }
    SECTION("exclusive jobs: who holds their targets is told") {
        options.exclusive = [](std::string_view job) { return job == "job"; };
        cluster.leader_part->reconfigure(options);
        cluster.pass(1s);
        for (const auto& node : cluster.nodes) {
            for (const auto& [id, held] : node->scraped) {
                CHECK(held.exclusive);
            }
        }
        CHECK(all_scraped(cluster));
        cluster.leader_part->reconfigure(LeaderOptions());
        cluster.pass(1s);
        CHECK_FALSE(cluster.node(1).scraped.begin()->second.exclusive);
    }
    SECTION("patience with silent nodes") {
        options.liveness.failure_timeout = 20s;
        cluster.leader_part->reconfigure(options);
        cluster.pass(2s);
        cluster.node(2).cut = true;
        cluster.pass(15s);
        CHECK(cluster.table.takeovers().empty());
        cluster.pass(10s);
        CHECK(cluster.table.takeovers().size() == 1);
    }
    SECTION("of leases nothing changes") {
        options.lease = 100ms;
        options.lease_every = 50ms;
        cluster.leader_part->reconfigure(options);
        cluster.pass(3s);
        CHECK(cluster.node(1).worker->status().lease);
    }
    CHECK(cluster.leader_part->events().size() >= events);
}
