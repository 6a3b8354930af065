#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "test/shard/assignment/table_support.h"

using namespace shard;
using namespace test_support;

namespace {

// Nodes 1 .. count with these budgets, in turn.
std::vector<NodeRecord> nodes_of(size_t count, const std::vector<uint64_t>& budgets = {1000}) {
    std::vector<NodeRecord> nodes;
    for (size_t i = 0; i < count; ++i) {
        NodeRecord record;
        record.number = static_cast<NodeNumber>(i + 1);
        record.id = "n" + std::to_string(i + 1);
        record.series_budget = budgets[i % budgets.size()];
        nodes.push_back(record);
    }
    return nodes;
}

NodeNumber owner_of(model::TargetId id,
                    const Takeover& takeover,
                    std::span<const NodeRecord> nodes,
                    const std::vector<Owner>& owners = {{1, 0}},
                    const Move* move = nullptr) {
    return takeover_owner(takeover, TargetView{id, 0, 0, owners, move}, nodes);
}

// A sequence that is spread over all ids, without a generator.
model::TargetId id_of(uint64_t i) {
    return i * 0x9e3779b97f4a7c15;
}

std::map<NodeNumber, size_t> shares(const Takeover& takeover,
                                    std::span<const NodeRecord> nodes,
                                    size_t targets) {
    std::map<NodeNumber, size_t> counts;
    for (size_t i = 0; i < targets; ++i) {
        ++counts[owner_of(id_of(i), takeover, nodes)];
    }
    return counts;
}

}  // namespace

TEST_CASE("every machine comes to these takeovers", "[shard][table]") {
    const auto nodes = nodes_of(6, {1, 100, 200, 300, 50, 0});
    const Takeover takeover{1, 9, {2, 3, 4, 5, 6}};
    std::string chosen;
    for (uint64_t i = 0; i < 64; ++i) {
        chosen += std::to_string(owner_of(id_of(i), takeover, nodes));
    }
    CHECK(chosen == "3444445445245433534343233443234342443343334442445343334343433333");
    const auto equal = nodes_of(6);
    chosen.clear();
    for (uint64_t i = 0; i < 64; ++i) {
        chosen += std::to_string(owner_of(id_of(i), takeover, equal));
    }
    CHECK(chosen == "5455465545655436536363223455264325643363335642545335335625253335");
}

TEST_CASE("nodes of the same budget take over equal shares", "[shard][table]") {
    const auto nodes = nodes_of(11);
    constexpr size_t kTargets = 100'000;
    const auto counts = shares({1, 1, {2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}, nodes, kTargets);
    CHECK(counts.size() == 10);
    for (const auto& [node, count] : counts) {
        CAPTURE(node);
        CHECK(static_cast<double>(count) == Approx(kTargets / 10.0).epsilon(0.04));
    }
}

TEST_CASE("a node takes over in proportion to its budget", "[shard][table]") {
    const auto nodes = nodes_of(5, {1, 100, 200, 300, 400});
    constexpr size_t kTargets = 100'000;
    const auto counts = shares({1, 1, {2, 3, 4, 5}}, nodes, kTargets);
    for (const auto& [node, count] : counts) {
        CAPTURE(node);
        CHECK(static_cast<double>(count) == Approx((node - 1) * kTargets / 10.0).epsilon(0.04));
    }
    // Budgets as large as numbers get, beside none.
    const auto huge = nodes_of(3, {1, UINT64_MAX, 0});
    CHECK(shares({1, 1, {2, 3}}, huge, 1000)[2] == 1000);
}

TEST_CASE("who takes over keeps its targets when another joins or leaves", "[shard][table]") {
    const auto nodes = nodes_of(6);
    const Takeover five{1, 1, {2, 3, 4, 5, 6}}, four{1, 2, {2, 3, 5, 6}};
    for (uint64_t i = 0; i < 2000; ++i) {
        const NodeNumber before = owner_of(id_of(i), five, nodes);
        if (before != 4) {
            REQUIRE(owner_of(id_of(i), four, nodes) == before);
        }
    }
}

TEST_CASE("two silent nodes are taken over independently", "[shard][table]") {
    const auto nodes = nodes_of(12);
    const Takeover first{1, 1, {3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
    const Takeover second{2, 1, first.by};
    size_t same = 0;
    for (uint64_t i = 0; i < 1000; ++i) {
        const std::vector<Owner> owners{{1, 0}, {2, 0}};
        same +=
            owner_of(id_of(i), first, nodes, owners) == owner_of(id_of(i), second, nodes, owners)
                ? 1
                : 0;
    }
    CHECK(same < 150);  // one in ten
}

TEST_CASE("an owner of another slot takes over only when there is nobody else", "[shard][table]") {
    const auto nodes = nodes_of(4);
    const Move move{1, 2, 3, 1, 0};
    for (uint64_t i = 0; i < 200; ++i) {
        CHECK(owner_of(id_of(i), {1, 1, {2, 4}}, nodes, {{1, 0}, {2, 0}}) == 4);
        CHECK(owner_of(id_of(i), {1, 1, {2}}, nodes, {{1, 0}, {2, 0}}) == 2);
        // Who gets another slot counts as its owner.
        CHECK(owner_of(id_of(i), {1, 1, {2, 3, 4}}, nodes, {{1, 0}, {2, 0}}, &move) == 4);
    }
}

TEST_CASE("a slot on its way is taken over by who gets it", "[shard][table]") {
    const auto nodes = nodes_of(4);
    const Move move{0, 1, 3, 1, 0};
    for (uint64_t i = 0; i < 50; ++i) {
        CHECK(owner_of(id_of(i), {1, 1, {2, 3, 4}}, nodes, {{1, 0}}, &move) == 3);
        CHECK(owner_of(id_of(i), {1, 1, {2}}, nodes, {{1, 0}}, &move) == 2);
    }
}

TEST_CASE("nobody takes over what the node does not have, or where nobody is", "[shard][table]") {
    const auto nodes = nodes_of(3);
    CHECK(owner_of(7, {1, 1, {2, 3}}, nodes, {{2, 0}}) == kNoNode);
    CHECK(owner_of(7, {1, 1, {}}, nodes) == kNoNode);
    CHECK(owner_of(7, {1, 1, {8, 9}}, nodes) == kNoNode);
    CHECK(owner_of(7, {kNoNode, 1, {2}}, nodes, {{kNoNode, 0}}) == kNoNode);
}
