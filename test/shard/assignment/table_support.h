// Short ways to tables, for their tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "shard/assignment/edits.h"
#include "shard/assignment/table.h"

namespace test_support {

inline shard::EditAnswer apply(shard::Table& table, const shard::Edit& edit) {
    return table.apply(shard::encode(edit));
}

// What is expected to succeed.
inline shard::EditAnswer must(shard::Table& table, const shard::Edit& edit) {
    shard::EditAnswer answer = apply(table, edit);
    INFO(answer.reason);
    REQUIRE(answer.applied);
    return answer;
}

// What is expected to be refused, and to leave the table as it was. returns  the reason
inline std::string must_not(shard::Table& table, const shard::Edit& edit) {
    const std::string before = table.snapshot();
    const shard::EditAnswer answer = apply(table, edit);
    CHECK_FALSE(answer.applied);
    CHECK(answer.epoch == table.epoch());
    CHECK(table.snapshot() == before);
    return answer.reason;
}

inline shard::PutNode node(std::string id, uint64_t budget = 1000) {
    return {std::move(id), 0, "host:10901", "", budget, 1};
}

// A table with nodes 1 .. count, called n1, n2, …
inline shard::Table table_of(size_t count) {
    shard::Table table;
    for (size_t i = 1; i <= count; ++i) {
        REQUIRE(must(table, node("n" + std::to_string(i))).node == i);
    }
    return table;
}

constexpr uint32_t kNow = 1'700'000'000;

// A plan for the table as it is, at `now_s`, with jobs "a" and "b".
inline shard::EditPlan plan(const shard::Table& table,
                            std::vector<shard::PlanEdit> parts,
                            uint32_t now_s = kNow) {
    return {table.epoch(), now_s, {"a", "b"}, std::move(parts)};
}

inline std::vector<shard::NodeNumber> owners(const shard::Table& table, model::TargetId id) {
    std::vector<shard::NodeNumber> nodes;
    if (const auto target = table.target(id)) {
        for (const shard::Owner& owner : target->owners) {
            nodes.push_back(owner.node);
        }
    }
    return nodes;
}

}  // namespace test_support
