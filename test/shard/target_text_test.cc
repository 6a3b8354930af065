#include "shard/target_text.h"

#include <catch2/catch.hpp>

using shard::parse_target;
using shard::target_text;

TEST_CASE("a target's id is 16 hexadecimal digits, and read back", "[shard]") {
    CHECK(target_text(0xabc) == "0000000000000abc");
    CHECK(parse_target("0000000000000abc") == 0xabc);
    CHECK(parse_target("abc") == 0xabc);
    CHECK(parse_target(target_text(UINT64_MAX)) == UINT64_MAX);
}

TEST_CASE("what is no target's id is refused", "[shard]") {
    for (const char* text : {"", "0", "0x1", "ABC", "g", "-1", "00000000000000001", " 1"}) {
        CAPTURE(text);
        CHECK(!parse_target(text));
    }
}
