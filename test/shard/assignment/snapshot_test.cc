#include "shard/assignment/snapshot.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/checksum.h"
#include "test/shard/assignment/table_support.h"
#include "test/support/seed.h"

using namespace shard;
using namespace test_support;
using base::Code;

namespace {

Table full_table() {
    Table table = table_of(5);
    must(table, FoundCluster{"cluster"});
    must(table, PutNode{"n5", 0xabcdef, "h:1", "zone", UINT64_MAX, 9});
    must(table, SetAdmin{4, Admin::kMaintenance, -77});
    must(table, Pause{true});
    must(table,
         plan(table,
              {Assign{0, 0, 1, {1}},
               Assign{500, 1, 2, {1, 2}},
               Assign{501, 1, 2, {3, kNoNode, 5}},
               Assign{UINT64_MAX, 0, 255, {1, 2, 3, 4, 5, 0, 0, 0}},
               Assign{40, 0, 0, {kNoNode}},
               Assign{41, 0, 0, {2, 3}}}));
    must(table, plan(table, {StartMove{500, 1, 4}, StartMove{0, 0, 2}}, kNow + 1));
    must(table, plan(table, {Forget{41, kNow + 600}, Assign{42, 0, 0, {1}}}, kNow + 2));
    must(table, StartTakeover{3, {1, 2}});
    must(table, StartTakeover{4, {5}});
    return table;
}

// With a checksum that fits.
std::string sealed(std::string body) {
    const uint32_t checksum = base::crc32c(base::ByteView(body));
    base::ByteWriter(body).be32(checksum);
    return body;
}

}  // namespace

TEST_CASE("a table comes back from its snapshot", "[shard][table]") {
    const Table table = full_table();
    Table back = table_of(2);
    REQUIRE(back.restore(table.snapshot()).has_value());
    CHECK(back.snapshot() == table.snapshot());
    CHECK(back.fingerprint() == table.fingerprint());
    CHECK(back.cluster_id() == "cluster");
    CHECK(back.epoch() == table.epoch());
    CHECK(back.paused());
    CHECK(back.targets() == 6);
    CHECK(std::equal(back.nodes().begin(), back.nodes().end(), table.nodes().begin()));
    CHECK(std::equal(back.jobs().begin(), back.jobs().end(), table.jobs().begin()));
    CHECK(std::equal(back.takeovers().begin(), back.takeovers().end(), table.takeovers().begin()));
    CHECK(back.tombstone(41) == table.tombstone(41));
    table.for_each_target([&](const TargetView& target) {
        const auto other = back.target(target.id);
        REQUIRE(other.has_value());
        CHECK(other->job == target.job);
        CHECK(other->weight == target.weight);
        CHECK(std::equal(other->owners.begin(),
                         other->owners.end(),
                         target.owners.begin(),
                         target.owners.end()));
        REQUIRE((other->move == nullptr) == (target.move == nullptr));
        CHECK((target.move == nullptr || *other->move == *target.move));
    });
    // Numbers that were given are not given again.
    CHECK(must(back, node("n6")).node == 6);
}

TEST_CASE("an empty table has a snapshot", "[shard][table]") {
    Table table = full_table();
    REQUIRE(table.restore(Table().snapshot()).has_value());
    CHECK(table.snapshot() == Table().snapshot());
    CHECK(table.targets() == 0);
}

TEST_CASE("the bytes of a snapshot are those of docs/formats/table.md", "[shard][table]") {
    Table table;
    must(table, FoundCluster{"c"});
    must(table, PutNode{"n", 0x1122334455667788, "a:1", "z", 300, 2});
    must(table, plan(table, {Assign{0x80, 0, 9, {1}}, Assign{0x81, 0, 10, {0, 1}}}));
    must(table, plan(table, {Forget{0x81, 5}}));
    const std::string body = std::string("SKTB\x01", 5) +
                             std::string(
                                 "\x03\x00\x01"
                                 "c",
                                 4) +
                             std::string("\x02\x01\x01\x01n\x11\x22\x33\x44\x55\x66\x77\x88", 13) +
                             std::string(
                                 "\x03"
                                 "a:1\x01z\xac\x02\x01\x00\x02",
                                 11) +
                             std::string(
                                 "\x00\x01\x01"
                                 "a",
                                 4) +
                             std::string("\xff\xff\xff\xff\x01\x80\x01\x00\x09\x01\x01\x00", 12) +
                             std::string("\x00\x01\x81\x01\x00\x00\x00\x05\x01\x01", 10);
    CHECK(base::to_hex(table.snapshot()) == base::to_hex(sealed(body)));
}

TEST_CASE("a torn or damaged snapshot is refused and leaves the table", "[shard][table]") {
    const std::string bytes = full_table().snapshot();
    Table table = table_of(1);
    const std::string before = table.snapshot();
    for (size_t length = 0; length < bytes.size(); ++length) {
        CHECK_FALSE(table.restore(bytes.substr(0, length)).has_value());
    }
    for (size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] ^= 0x10;
        CHECK_FALSE(table.restore(damaged).has_value());
    }
    CHECK_FALSE(table.restore(bytes + '\0').has_value());
    CHECK(table.snapshot() == before);
    CHECK_FALSE(table.take_change().everything);
}

TEST_CASE("a newer program's snapshot says so", "[shard][table]") {
    std::string bytes = Table().snapshot();
    bytes.resize(bytes.size() - 4);
    bytes[4] = 2;
    const auto status = Table().restore(sealed(bytes));
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code() == Code::kUnsupported);
}

TEST_CASE("a damaged snapshot whose checksum fits is refused or a good table", "[shard][table]") {
    const auto seed = test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    std::string body = full_table().snapshot();
    body.resize(body.size() - 4);
    size_t accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string damaged = body;
        for (uint64_t flips = 1 + random.below(3); flips != 0; --flips) {
            damaged[random.below(damaged.size())] ^= static_cast<char>(1 << random.below(8));
        }
        if (random.below(10) == 0) {
            damaged.resize(random.below(damaged.size()));
        }
        Table table;
        if (table.restore(sealed(damaged)).has_value()) {
            ++accepted;
            const std::string bytes = table.snapshot();
            Table again;
            REQUIRE(again.restore(bytes).has_value());
            REQUIRE(again.snapshot() == bytes);
        }
    }
    CHECK(accepted > 100);
}
