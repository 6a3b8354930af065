#include "shard/leader/handoffs.h"

#include <set>

#include <catch2/catch.hpp>

using namespace shard;
using namespace std::chrono_literals;

namespace {

constexpr model::TargetId kTarget = 77;
constexpr uint32_t kBegan = 1'000'000;

// Target 77 moves from node 1 to node 2.
struct Fixture {
    Fixture() {
        edit(FoundCluster{.cluster_id = "c"});
        for (const char* id : {"a", "b", "c"}) {
            edit(PutNode{.id = id, .member = static_cast<uint64_t>(id[0]), .address = "x:1"});
        }
        plan({Assign{.target = kTarget, .job = 0, .owners = {1}}}, {"job"});
        plan({StartMove{.target = kTarget, .slot = 0, .to = 2}});
        since = table.epoch();
    }

    void edit(const Edit& one) {
        const EditAnswer answer = table.apply(encode(one));
        INFO(answer.reason);
        REQUIRE(answer.applied);
    }

    void plan(std::vector<PlanEdit> edits, std::vector<std::string> jobs = {}) {
        edit(EditPlan{.expected = table.epoch(),
                      .now_s = kBegan,
                      .jobs = std::move(jobs),
                      .edits = std::move(edits)});
    }

    void scrapes(uint32_t good, uint32_t failed, NodeNumber node = 2) {
        handoffs.heard(node,
                       {.id = kTarget,
                        .since = since,
                        .good = good,
                        .failed = failed,
                        .last_ms = good > 0 ? 5'000 : 0});
    }

    [[nodiscard]] std::optional<HandoffEnd> end(uint32_t after_s = 1) {
        const HandoffView view{
            .silent = [this](NodeNumber node) { return silent.contains(node); },
            .up = [this](model::TargetId, NodeNumber node) -> std::optional<bool> {
                return node == 1 ? up : std::nullopt;
            },
            .interval = [this](model::TargetId) { return interval; },
            .exclusive = [this](const TargetView&) { return exclusive; }};
        decisions = handoffs.decide(table, view, kBegan + after_s);
        return decisions.empty() ? std::nullopt : std::optional(decisions.front().end);
    }

    Table table;
    HandoffOptions options;
    Handoffs handoffs{options};
    Epoch since = 0;
    std::set<NodeNumber> silent;
    std::optional<bool> up = true;
    bool exclusive = false;
    std::chrono::milliseconds interval{15'000};
    std::vector<HandoffDecision> decisions;
};

}  // namespace

TEST_CASE("a move is done after two good scrapes of the new owner", "[shard][leader]") {
    Fixture at;
    CHECK(!at.end());
    at.scrapes(1, 0);
    CHECK(!at.end());
    at.scrapes(2, 0);
    CHECK(at.end() == HandoffEnd::kDone);
    CHECK(at.decisions[0].cut_ms == 5'000);
    CHECK(at.decisions[0].move.epoch == at.since);
    CHECK(finishes(HandoffEnd::kDone));
    CHECK(at.end() == HandoffEnd::kDone);  // until the table knows
    at.plan({FinishMove{.target = kTarget, .epoch = at.since}});
    CHECK(!at.end());
}

TEST_CASE("a move ends when the new owner cannot scrape what the old one can", "[shard][leader]") {
    Fixture at;
    at.scrapes(0, 2);
    CHECK(!at.end());
    at.scrapes(0, 3);
    CHECK(at.end() == HandoffEnd::kUnable);
    CHECK(!finishes(HandoffEnd::kUnable));
    CHECK(marks(HandoffEnd::kUnable));
}

TEST_CASE("a target that is down for both moves all the same", "[shard][leader]") {
    Fixture at;
    at.scrapes(0, 3);
    at.up = false;
    CHECK(at.end() == HandoffEnd::kDown);
    CHECK(finishes(HandoffEnd::kDown));
    at.up.reset();  // the old owner has not said
    CHECK(!at.end());
}

TEST_CASE("when the old owner falls silent the new one has the target at once", "[shard][leader]") {
    Fixture at;
    at.silent = {1};
    CHECK(at.end() == HandoffEnd::kOwnerGone);
    CHECK(finishes(HandoffEnd::kOwnerGone));
}

TEST_CASE("when the new owner falls silent the old one keeps the target", "[shard][leader]") {
    Fixture at;
    at.scrapes(2, 0);
    at.silent = {2};
    CHECK(at.end() == HandoffEnd::kTakerGone);
    CHECK(!finishes(HandoffEnd::kTakerGone));
    CHECK(!marks(HandoffEnd::kTakerGone));
    at.silent = {1, 2};
    CHECK(at.end() == HandoffEnd::kTakerGone);
}

TEST_CASE("the move of an exclusive target is done without a try, if there is somebody to take it",
          "[shard][leader]") {
    Fixture at;
    at.exclusive = true;
    CHECK(at.end() == HandoffEnd::kAlone);
    CHECK(finishes(HandoffEnd::kAlone));
    CHECK(!marks(HandoffEnd::kAlone));
    at.silent = {2};
    CHECK(at.end() == HandoffEnd::kTakerGone);
}

TEST_CASE("a move without an end is given up after ten intervals, and half a minute at least",
          "[shard][leader]") {
    Fixture at;
    CHECK(!at.end(150));
    CHECK(at.end(151) == HandoffEnd::kTimedOut);
    at.interval = 1s;
    CHECK(!at.end(30));
    CHECK(at.end(31) == HandoffEnd::kTimedOut);
    CHECK(marks(HandoffEnd::kTimedOut));
}

TEST_CASE("what was said of another move, or by another node, does not count", "[shard][leader]") {
    Fixture at;
    at.scrapes(2, 0, 3);
    CHECK(!at.end());
    --at.since;
    at.scrapes(2, 0);
    CHECK(!at.end());
    ++at.since;
    at.scrapes(2, 0);
    at.handoffs.forget(2);
    CHECK(!at.end());
}
