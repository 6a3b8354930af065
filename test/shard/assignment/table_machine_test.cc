#include "shard/assignment/table_machine.h"

#include <catch2/catch.hpp>

#include "test/shard/assignment/table_support.h"

using namespace shard;
using namespace test_support;

TEST_CASE("the machine answers commands, and its snapshot makes another one", "[shard][table]") {
    Table table;
    TableMachine machine(table);
    const auto answer = decode_answer(machine.apply(1, encode(Edit(node("a")))));
    REQUIRE(answer.has_value());
    CHECK(answer.value().applied);
    CHECK(answer.value().node == 1);
    const auto refused = decode_answer(machine.apply(2, encode(Edit(RemoveNode{7}))));
    REQUIRE(refused.has_value());
    CHECK_FALSE(refused.value().applied);
    CHECK(refused.value().reason == "there is no node 7");

    Table other;
    TableMachine second(other);
    REQUIRE(second.restore(*machine.snapshot()).has_value());
    CHECK(other.fingerprint() == table.fingerprint());
    CHECK_FALSE(second.restore("nonsense").has_value());
    CHECK(other.fingerprint() == table.fingerprint());
}
