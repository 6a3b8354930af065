// The configuration's bytes, what makes one valid, and what one change may do.
#include "shard/raft/configuration.h"

#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"
#include "test/support/seed.h"

namespace raft_test {

namespace {

base::Code refusal(const Configuration& from, const Configuration& to) {
    const auto checked = check_change(from, to);
    return checked ? base::Code::kInternal : checked.error().code();
}

}  // namespace

TEST_CASE("raft: a configuration comes back from its bytes", "[shard][raft]") {
    const auto check = [](const Configuration& configuration) {
        const auto back = decode_configuration(encode(configuration));
        REQUIRE(back);
        CHECK(back.value() == configuration);
    };
    check(group_of({1}));
    check(group_of({1, 2, 3}, {9, 10}));
    check({.members = {{.id = UINT64_MAX, .role = Role::kVoter, .address = ""}}});
    check({.members = {{.id = 1, .address = std::string(kAddressBytesMax, 'a')}}});
    check({});
    CHECK(encode(group_of({1})) == std::string("\x01\x01\0\0\0\0\0\0\0\x01\x01\x05node1", 17));
}

TEST_CASE("raft: bytes that are no configuration are named corrupt", "[shard][raft]") {
    const auto check = [](const std::string& bytes) {
        const auto decoded = decode_configuration(bytes);
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().code() == base::Code::kCorrupt);
    };
    const std::string good = encode(group_of({1, 2}, {3}));
    for (size_t length = 0; length < good.size(); ++length) {
        check(good.substr(0, length));
    }
    check(good + "x");
    check("\x02" + good.substr(1));
    check(encode(group_of({}, {1, 2})));  // no voter
    check(encode({.members = {{.id = 2, .address = ""}, {.id = 1, .address = ""}}}));
    check(encode({.members = {{.id = 2, .address = ""}, {.id = 2, .address = ""}}}));
    check(encode({.members = {{.id = kNobody, .address = ""}}}));
    check(encode({.members = {{.id = 1, .role = static_cast<Role>(3), .address = ""}}}));
    check(encode({.members = {{.id = 1, .address = std::string(kAddressBytesMax + 1, 'a')}}}));
    check(encode(group_of({1, 2, 3, 4, 5, 6, 7, 8})));
    check(encode(group_of({1}, {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17})));
}

TEST_CASE("raft: random bytes are read without harm", "[shard][raft]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const std::string good = encode(group_of({1, 2, 3}, {4}));
    for (int i = 0; i < 20000; ++i) {
        std::string bytes = good;
        for (uint64_t changes = random.below(4); changes > 0; --changes) {
            bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
        }
        const auto decoded = decode_configuration(bytes);
        if (decoded) {
            CHECK(encode(decoded.value()) == bytes);
        }
    }
}

TEST_CASE("raft: a change makes one difference", "[shard][raft]") {
    const Configuration from = group_of({1, 2, 3}, {4});
    const auto good = [&](const Configuration& to) { CHECK(check_change(from, to)); };
    const auto bad = [&](const Configuration& to) {
        CHECK(refusal(from, to) == base::Code::kInvalid);
    };
    good(group_of({1, 2, 3, 5}, {4}));
    good(group_of({1, 2, 3}, {4, 5}));
    good(group_of({1, 2, 3}));
    good(group_of({2, 3}, {4}));
    good(group_of({1, 2, 3, 4}));
    good(group_of({1, 2}, {3, 4}));
    Configuration moved = from;
    moved.members[2].address = "elsewhere";
    good(moved);

    bad(from);
    bad(group_of({1, 2, 3, 4, 5}));
    bad(group_of({2, 3}));
    bad(group_of({1, 2, 5}, {4}));
    moved.members[2].role = Role::kLearner;
    bad(moved);
    bad({});
    CHECK(refusal(group_of({1}), {}) == base::Code::kInvalid);
    CHECK(refusal(group_of({1}, {2}), group_of({}, {1, 2})) == base::Code::kInvalid);
    CHECK(refusal(group_of({1, 2, 3, 4, 5, 6, 7}), group_of({1, 2, 3, 4, 5, 6, 7, 8})) ==
          base::Code::kInvalid);
}

TEST_CASE("raft: configurations come off with their entries", "[shard][raft]") {
    Configurations held(1, group_of({1}));
    held.push(4, group_of({1, 2}));
    held.push(6, group_of({1, 2, 3}));
    CHECK(held.at(1) == group_of({1}));
    CHECK(held.at(3) == group_of({1}));
    CHECK(held.at(4) == group_of({1, 2}));
    CHECK(held.at(9) == group_of({1, 2, 3}));
    held.truncate(6);
    CHECK(held.newest() == group_of({1, 2}));
    CHECK(held.newest_index() == 4);
    held.push(7, group_of({2}));
    CHECK(held.has_voter(1, 6));
    CHECK_FALSE(held.has_voter(1, 7));
    held.cut(5);
    CHECK(held.at(5) == group_of({1, 2}));
    held.reset(20, group_of({3}));
    CHECK(held.newest_index() == 20);
}

}  // namespace raft_test
