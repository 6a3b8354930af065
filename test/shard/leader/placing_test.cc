#include "shard/leader/placing.h"

#include <set>

#include <catch2/catch.hpp>

using namespace shard;

namespace {

constexpr uint32_t kNow = 2'000'000;

struct Fixture {
    explicit Fixture(int nodes, uint64_t budget = 30'000) {
        apply(FoundCluster{.cluster_id = "c"});
        for (int i = 1; i <= nodes; ++i) {
            add_node(budget);
        }
    }

    void add_node(uint64_t budget = 30'000, const std::string& zone = {}) {
        ++count;
        apply(PutNode{.id = "n" + std::to_string(count),
                      .member = static_cast<uint64_t>(count),
                      .address = "x:" + std::to_string(count),
                      .zone = zone,
                      .series_budget = budget});
    }

    void apply(const Edit& edit) {
        const EditAnswer answer = table.apply(encode(edit));
        INFO(answer.reason);
        REQUIRE(answer.applied);
    }

    // Works out a plan and carries it out, moves and all.
    Placing round(std::vector<WantedTarget> fresh = {}, std::vector<model::TargetId> gone = {}) {
        Placing placing = plan(std::move(fresh), std::move(gone));
        if (!placing.edits.edits.empty()) {
            apply(placing.edits);
        }
        std::vector<PlanEdit> ends;
        table.for_each_move([&](const TargetView& target) {
            ends.push_back(FinishMove{.target = target.id, .epoch = target.move->epoch});
        });
        if (finishing && !ends.empty()) {
            apply(EditPlan{.expected = table.epoch(), .now_s = now_s, .edits = ends});
        }
        now_s += 60;
        return placing;
    }

    Placing plan(std::vector<WantedTarget> fresh = {}, std::vector<model::TargetId> gone = {}) {
        return place({.table = table,
                      .loads = loads,
                      .unable = unable,
                      .fresh = fresh,
                      .gone = gone,
                      .node =
                          [this](const NodeRecord& node) {
                              NodeView view;
                              if (empties.contains(node.number)) {
                                  view.use = NodeUse::kEmpties;
                              } else if (lost.contains(node.number)) {
                                  view.use = NodeUse::kGone;
                              }
                              if (foreign.contains(node.number)) {
                                  view.foreign_jobs = {"job"};
                              }
                              return view;
                          },
                      .replicas = [this](std::string_view) { return replicas; },
                      .now_s = now_s},
                     options);
    }

    // Targets first .. last of one size, as they are discovered.
    [[nodiscard]] std::vector<WantedTarget> targets(model::TargetId first,
                                                    model::TargetId last,
                                                    uint64_t series = 10'045) {
        std::vector<WantedTarget> wanted;
        for (model::TargetId id = first; id <= last; ++id) {
            wanted.push_back({.id = id, .job = "job"});
            loads.told(1, 0, {.id = id, .series = series, .up = true});
        }
        return wanted;
    }

    [[nodiscard]] std::map<NodeNumber, int> owned() const {
        std::map<NodeNumber, int> counts;
        table.for_each_target([&](const TargetView& target) {
            for (const Owner& owner : target.owners) {
                ++counts[owner.node];
            }
        });
        return counts;
    }

    int count = 0;
    Table table;
    LoadView loads{LoadViewOptions{}};
    UnableMarks unable;
    PlacingOptions options;
    std::set<NodeNumber> empties, lost, foreign;
    uint8_t replicas = 1;
    uint32_t now_s = kNow;
    bool finishing = true;
};

}  // namespace

TEST_CASE("six targets of the demo are placed two and two and two, and three nodes are needed",
          "[shard][leader]") {
    Fixture at(3);
    at.options.planner.full = true;
    const Placing placing = at.round(at.targets(1, 6));
    CHECK(at.owned() == std::map<NodeNumber, int>{{1, 2}, {2, 2}, {3, 2}});
    CHECK(placing.needed_nodes == 3);
    CHECK(placing.moves.size() == 6);
    CHECK(at.plan().edits.edits.size() == 6);  // their sizes, which the table does not have yet
    at.round();
    CHECK(at.plan().edits.edits.empty());
}

TEST_CASE("a seventh target is placed over the budget, and a fourth node gets its share",
          "[shard][leader]") {
    Fixture at(3);
    at.options.planner.full = true;
    at.round(at.targets(1, 6));
    const Placing placing = at.round(at.targets(7, 7));
    CHECK(placing.needed_nodes == 4);
    CHECK(placing.over_budget.size() == 1);
    CHECK(at.table.targets() == 7);
    at.options.planner.full = false;
    at.add_node();
    size_t moves = 0;
    for (int i = 0; i < 60; ++i) {
        moves += at.round().moves.size();
    }
    CHECK(moves >= 1);
    CHECK(moves <= 2);
    CHECK(at.owned()[4] >= 1);
}

TEST_CASE("targets of a lost node are assigned to others at once, and others stay",
          "[shard][leader]") {
    Fixture at(3);
    at.round(at.targets(1, 9, 100));
    const auto before = at.owned();
    at.lost = {2};
    const Placing placing = at.round();
    CHECK(placing.moves.size() == static_cast<size_t>(before.at(2)));
    CHECK(at.owned().count(2) == 0);
    CHECK(at.table.moves() == 0);
    for (const ExplainedMove& move : placing.moves) {
        CHECK(move.reason == MoveReason::kOrphan);
    }
}

TEST_CASE("a drained node's targets move, one after another", "[shard][leader]") {
    Fixture at(3);
    at.round(at.targets(1, 9, 100));
    at.empties = {3};
    at.finishing = false;
    const Placing placing = at.round();
    CHECK(at.table.moves() == placing.moves.size());
    CHECK(at.table.moves() > 0);
    at.finishing = true;
    for (int i = 0; i < 10; ++i) {
        at.round();
    }
    CHECK(at.owned().count(3) == 0);
}

TEST_CASE("what is not discovered any more goes, and comes back to where it was",
          "[shard][leader]") {
    Fixture at(3);
    at.round(at.targets(1, 9, 100));
    const NodeNumber owner = at.table.target(5)->owners[0].node;
    at.round({}, {5});
    CHECK(!at.table.target(5).has_value());
    CHECK(at.table.tombstone(5)->owners == std::vector<NodeNumber>{owner});
    at.round(at.targets(5, 5, 100));
    CHECK(at.table.target(5)->owners[0].node == owner);
}

TEST_CASE("a target that was relabelled stays with its owner", "[shard][leader]") {
    Fixture at(3);
    at.round(at.targets(1, 9, 100));
    for (model::TargetId id = 1; id <= 9; ++id) {
        const NodeNumber owner = at.table.target(id)->owners[0].node;
        at.round({{.id = 100 + id, .job = "job", .predecessor = id}}, {id});
        CHECK(at.table.target(100 + id)->owners[0].node == owner);
    }
    CHECK(at.table.targets() == 9);
}

TEST_CASE("replicas lie on different nodes, and their number may change", "[shard][leader]") {
    Fixture at(3);
    at.replicas = 2;
    at.round(at.targets(1, 6, 100));
    const auto check = [&](size_t slots) {
        at.table.for_each_target([&](const TargetView& target) {
            std::set<NodeNumber> nodes;
            for (const Owner& owner : target.owners) {
                CHECK(owner.node != kNoNode);
                nodes.insert(owner.node);
            }
            CHECK(target.owners.size() == slots);
            CHECK(nodes.size() == slots);
        });
    };
    check(2);
    at.replicas = 3;
    at.round();
    check(3);
    at.replicas = 1;
    at.round();
    check(1);
}

TEST_CASE("more replicas than nodes are orphans, which a new node gets", "[shard][leader]") {
    Fixture at(1);
    at.replicas = 2;
    CHECK(at.round(at.targets(1, 4, 100)).unplaced == 4);
    CHECK(at.owned() == std::map<NodeNumber, int>{{kNoNode, 4}, {1, 4}});
    at.add_node();
    for (int i = 0; i < 5; ++i) {
        at.round();
    }
    CHECK(at.owned() == std::map<NodeNumber, int>{{1, 4}, {2, 4}});
}

TEST_CASE("a node whose configuration of the job differs gets none of its targets",
          "[shard][leader]") {
    Fixture at(3);
    at.foreign = {1};
    at.round(at.targets(1, 9, 100));
    CHECK(at.owned().count(1) == 0);
}

TEST_CASE("a node that could not scrape a target does not get it back", "[shard][leader]") {
    Fixture at(2);
    at.unable.add(1, 1, kNow + 1'000);
    at.unable.add(2, 2, kNow + 1'000);
    at.round(at.targets(1, 2, 100));
    CHECK(at.table.target(1)->owners[0].node == 2);
    CHECK(at.table.target(2)->owners[0].node == 1);
}
