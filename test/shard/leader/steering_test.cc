// What people ask of a leader: its event log, plans by command, draining, trying things out.
#include <catch2/catch.hpp>

#include "shard/leader/leader.h"
#include "test/shard/leader/cluster.h"

using namespace shard;
using namespace std::chrono_literals;
using test::Cluster;

namespace {

size_t count(const Cluster& cluster, EventKind kind) {
    size_t found = 0;
    for (const LeaderEvent& event : cluster.leader_part->events()) {
        found += event.kind == kind ? 1U : 0U;
    }
    return found;
}

std::string last_text(const Cluster& cluster, EventKind kind) {
    std::string text;
    for (const LeaderEvent& event : cluster.leader_part->events()) {
        if (event.kind == kind) {
            text = event.text;
        }
    }
    return text;
}

EditAnswer edit(Cluster& cluster, Edit wanted) {
    EditAnswer answer;
    cluster.leader_part->edit(std::move(wanted), [&](const base::Result<EditAnswer>& given) {
        REQUIRE(given);
        answer = given.value();
    });
    cluster.deliver();
    return answer;
}

void discover(Cluster& cluster, model::TargetId first, model::TargetId last, uint64_t series) {
    for (model::TargetId id = first; id <= last; ++id) {
        cluster.discover(id, series);
    }
}

}  // namespace

TEST_CASE("the event log has who joined, what was placed and who leads", "[shard][leader]") {
    Cluster cluster(3);
    discover(cluster, 1, 6, 10'045);
    cluster.pass(5s);
    CHECK(count(cluster, EventKind::kLeads) == 1);
    CHECK(count(cluster, EventKind::kNodeJoined) == 3);
    CHECK(count(cluster, EventKind::kPlaced) == 6);
    CHECK(cluster.leader_part->counters().moves.at(static_cast<size_t>(MoveReason::kOrphan)) == 6);
    uint64_t number = 0;
    for (const LeaderEvent& event : cluster.leader_part->events()) {
        CHECK(event.number == ++number);
        CHECK(!event.text.empty());
    }
}

TEST_CASE("many placed targets are told by node", "[shard][leader]") {
    Cluster cluster(2);
    discover(cluster, 1, kPlacedEventsMax + 1, 10);
    cluster.pass(5s);
    CHECK(count(cluster, EventKind::kPlaced) == 2);
}

TEST_CASE("a drained node gives its targets away and is then drained", "[shard][leader]") {
    Cluster cluster(3);
    discover(cluster, 1, 12, 100);
    cluster.pass(70s);
    CHECK(edit(cluster, SetAdmin{.node = 2, .admin = Admin::kDraining}).applied);
    cluster.pass(60s);
    CHECK(cluster.node(2).scraped.empty());
    CHECK(cluster.table.node(2)->admin == Admin::kDrained);
    CHECK(count(cluster, EventKind::kNodeAdmin) == 2);
    CHECK(count(cluster, EventKind::kMoveBegun) == 4);
    CHECK(count(cluster, EventKind::kMoveDone) == 4);
    CHECK(last_text(cluster, EventKind::kMoveBegun).find("the old node is drained") !=
          std::string::npos);
    const LeaderCounters& counters = cluster.leader_part->counters();
    CHECK(counters.moves.at(static_cast<size_t>(MoveReason::kDrain)) == 4);
    CHECK(counters.moves_done == 4);
    CHECK(counters.missed_slots == 0);
    CHECK(edit(cluster, RemoveNode{.node = 2}).applied);
    CHECK(count(cluster, EventKind::kNodeRemoved) == 1);
}

TEST_CASE("a node that owns nothing is drained at once", "[shard][leader]") {
    Cluster cluster(2);
    cluster.pass(5s);
    CHECK(edit(cluster, SetAdmin{.node = 1, .admin = Admin::kDraining}).applied);
    cluster.pass(2s);
    CHECK(cluster.table.node(1)->admin == Admin::kDrained);
}

TEST_CASE("maintenance keeps a silent node's targets, and ends by itself", "[shard][leader]") {
    Cluster cluster(3);
    discover(cluster, 1, 12, 100);
    cluster.pass(70s);
    const int64_t until = cluster.clock.now_ms() + 180'000;
    CHECK(edit(cluster,
               SetAdmin{.node = 2, .admin = Admin::kMaintenance, .maintenance_until_ms = until})
              .applied);
    cluster.node(2).kill();
    cluster.pass(120s);
    size_t owned = 0;
    cluster.table.for_each_target(
        [&](const TargetView& target) { owned += target.owners[0].node == 2 ? 1U : 0U; });
    CHECK(owned == 4);
    CHECK(count(cluster, EventKind::kTakeoverBegun) == 1);
    CHECK(cluster.leader_part->counters().takeovers == 1);
    cluster.pass(70s);
    CHECK(cluster.table.node(2)->admin == Admin::kActive);
    cluster.pass(30s);
    CHECK(cluster.leader_part->status().nodes.at(1).life == NodeLife::kDead);
    CHECK(count(cluster, EventKind::kTakeoverEnded) == 1);
}

TEST_CASE("a full plan by command evens out what a usual one leaves", "[shard][leader]") {
    Cluster cluster(2);
    discover(cluster, 1, 40, 1'000);
    cluster.pass(70s);
    for (const model::TargetId id : {0, 1}) {  // left alone
        cluster.targets.at(std::next(cluster.node(1).scraped.begin(), id)->first).series = 2'800;
    }
    cluster.pass(20s);
    CHECK(count(cluster, EventKind::kMoveBegun) == 0);
    CHECK(cluster.leader_part->plan(false).moves.empty());
    const size_t moves = cluster.leader_part->plan(true).moves.size();
    CHECK(moves > 1);
    bool applied = false;
    cluster.leader_part->apply_plan(
        true, [&](const base::Result<EditAnswer>& answer) { applied = answer.value().applied; });
    cluster.deliver();
    CHECK(applied);
    CHECK(cluster.table.moves() == moves);
    CHECK(count(cluster, EventKind::kMoveBegun) == moves);
    CHECK(count(cluster, EventKind::kPlanApplied) == 1);
    cluster.pass(10s);
    CHECK(count(cluster, EventKind::kMoveDone) == moves);
}

TEST_CASE("a plan by command with nothing to do says so", "[shard][leader]") {
    Cluster cluster(2);
    cluster.pass(5s);
    std::optional<EditAnswer> got;
    cluster.leader_part->apply_plan(
        false, [&](const base::Result<EditAnswer>& answer) { got = answer.value(); });
    cluster.deliver();
    REQUIRE(got);
    CHECK(!got->applied);
    CHECK(got->reason.empty());
}

TEST_CASE(
    "scrapes that nobody made at the end of a move are counted from when the old owner fell "
    "silent",
    "[shard][leader]") {
    Cluster cluster(2);
    discover(cluster, 1, 2, 100);
    cluster.pass(70s);
    const size_t from = cluster.scrapers(1).at(0);
    const auto to = static_cast<NodeNumber>(3 - from);
    CHECK(edit(cluster,
               EditPlan{.expected = cluster.table.epoch(),
                        .now_s = static_cast<uint32_t>(cluster.clock.now_ms() / 1000),
                        .edits = {StartMove{.target = 1, .to = to}}})
              .applied);
    cluster.node(to).unable.insert(1);
    cluster.node(from).kill();
    cluster.pass(10s);
    CHECK(count(cluster, EventKind::kMoveDone) == 1);
    CHECK(cluster.leader_part->counters().missed_slots > 0);
    CHECK(cluster.leader_part->counters().missed_slots < 10);
    CHECK(last_text(cluster, EventKind::kMoveDone).find("may be missing") != std::string::npos);
}

TEST_CASE("a node that is added on trial gets its share, and nothing is changed",
          "[shard][leader]") {
    Cluster cluster(3);
    discover(cluster, 1, 24, 1'000);
    cluster.pass(70s);
    const Epoch epoch = cluster.table.epoch();
    const auto trial = cluster.leader_part->what_if().run({.add_nodes = 1});
    REQUIRE(trial);
    CHECK(trial.value().complete);
    REQUIRE(trial.value().nodes.size() == 4);
    CHECK(trial.value().nodes[0].series_before == 8'000);
    CHECK(trial.value().nodes[3].id == "new-1");
    CHECK(trial.value().nodes[3].series_budget == 30'000);
    CHECK(trial.value().nodes[3].series_before == 0);
    CHECK(trial.value().nodes[3].targets_after >= 5);
    uint64_t after = 0;
    for (const TrialNode& node : trial.value().nodes) {
        after += node.series_after;
    }
    CHECK(after == 24'000);
    CHECK(trial.value().moves.size() == trial.value().nodes[3].targets_after);
    CHECK(cluster.table.epoch() == epoch);
    CHECK(cluster.table.nodes().size() == 3);
}

TEST_CASE("draining, losing and growing on trial", "[shard][leader]") {
    Cluster cluster(3);
    discover(cluster, 1, 24, 1'000);
    cluster.pass(70s);
    const auto drained = cluster.leader_part->what_if().run({.drain = {"n2"}});
    REQUIRE(drained);
    CHECK(drained.value().nodes[1].targets_after == 0);
    CHECK(drained.value().moves.size() == 8);
    const auto lost = cluster.leader_part->what_if().run({.lose = {"n1", "n3"}});
    REQUIRE(lost);
    CHECK(lost.value().nodes[1].series_after == 24'000);
    const auto grown = cluster.leader_part->what_if().run({.grow = {{"job", 5.0}}});
    REQUIRE(grown);
    CHECK(grown.value().nodes[0].series_before == 8'000);
    CHECK(grown.value().nodes[0].series_after == 40'000);
    CHECK(grown.value().needed_nodes == 5);
    CHECK(grown.value().over_budget.size() == 3);
}

TEST_CASE("what cannot be tried out is refused with what there is", "[shard][leader]") {
    Cluster cluster(2);
    discover(cluster, 1, 2, 100);
    cluster.pass(5s);
    const auto check = [&](const Scenario& scenario, base::Code code, const std::string& word) {
        const auto trial = cluster.leader_part->what_if().run(scenario);
        REQUIRE(!trial);
        CHECK(trial.error().code() == code);
        CHECK(trial.error().message().find(word) != std::string::npos);
    };
    check({.drain = {"nobody"}}, base::Code::kNotFound, "n1, n2");
    check({.lose_zones = {"z"}}, base::Code::kNotFound, "zones: none");
    check({.grow = {{"other", 2.0}}}, base::Code::kNotFound, "there are: job");
    check({.grow = {{"job", -1.0}}}, base::Code::kInvalid, "factor");
    check({.add_nodes = kTrialNodesMax + 1}, base::Code::kLimit, "at most");
}
