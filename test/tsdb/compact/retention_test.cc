#include <vector>

#include <catch2/catch.hpp>

#include "test/tsdb/compact/planned_blocks.h"
#include "tsdb/compact/planner.h"

using namespace test_support;  // NOLINT(google-build-using-namespace)
using tsdb::beyond_retention;
using tsdb::PlannedBlock;

namespace {

using Numbers = std::vector<unsigned>;

// Five blocks of 20 ms and 100 bytes; the first is the oldest.
std::vector<PlannedBlock> five_blocks() {
    std::vector<PlannedBlock> blocks;
    for (unsigned n : {3U, 1U, 5U, 2U, 4U}) {
        blocks.push_back(sized(planned(n, 20 * n - 20, 20 * n), 100));
    }
    return blocks;
}

}  // namespace

TEST_CASE("retention by time counts from the newest block's end", "[tsdb][compact]") {
    const auto expired = [](int64_t duration_ms) {
        const auto out = beyond_retention(five_blocks(), {.duration_ms = duration_ms});
        CHECK(out.by_size.empty());
        return numbers(out.by_time);
    };
    CHECK(expired(0).empty());
    CHECK(expired(81).empty());
    CHECK(expired(80) == Numbers{1});
    CHECK(expired(61) == Numbers{1});
    CHECK(expired(60) == Numbers{2, 1});
    CHECK(expired(1) == Numbers{4, 3, 2, 1});  // the newest always stays
}

TEST_CASE("retention by time does not count from blocks of the future", "[tsdb][compact]") {
    const auto expired = [](int64_t present_t) {
        const auto out =
            beyond_retention(five_blocks(), {.duration_ms = 20, .present_t = present_t});
        return numbers(out.by_time);
    };
    CHECK(expired(100) == Numbers{4, 3, 2, 1});
    CHECK(expired(80) == Numbers{3, 2, 1});
    CHECK(expired(79) == Numbers{2, 1});
    CHECK(expired(59) == Numbers{1});
    CHECK(expired(20).empty());
    CHECK(expired(-1).empty());
    auto blocks = five_blocks();
    blocks.push_back(sized(planned(9, 4'000'000, 4'000'020), 100));
    CHECK(numbers(beyond_retention(blocks, {.duration_ms = 60, .present_t = 100}).by_time) ==
          Numbers{2, 1});
}

TEST_CASE("retention by size adds up from the newest block on, the head first", "[tsdb][compact]") {
    const auto expired = [](uint64_t bytes, uint64_t head_bytes) {
        const auto out =
            beyond_retention(five_blocks(), {.bytes = bytes, .head_bytes = head_bytes});
        CHECK(out.by_time.empty());
        return numbers(out.by_size);
    };
    CHECK(expired(0, 1'000'000).empty());
    CHECK(expired(500, 0).empty());
    CHECK(expired(499, 0) == Numbers{1});
    CHECK(expired(500, 1) == Numbers{1});
    CHECK(expired(250, 50) == Numbers{3, 2, 1});
    CHECK(expired(1, 0) == Numbers{5, 4, 3, 2, 1});
    CHECK(expired(100, 200) == Numbers{5, 4, 3, 2, 1});
}

TEST_CASE("retention by size lets all go that is older than the first block that does not fit",
          "[tsdb][compact]") {
    const std::vector<PlannedBlock> blocks{sized(planned(1, 0, 20), 1),
                                           sized(planned(2, 20, 40), 1000),
                                           sized(planned(3, 40, 60), 10)};
    const auto expired = beyond_retention(blocks, {.bytes = 100});
    CHECK(numbers(expired.by_size) == Numbers{2, 1});
}

TEST_CASE("a block beyond both retentions is counted once, by time", "[tsdb][compact]") {
    const auto expired = beyond_retention(five_blocks(), {.duration_ms = 60, .bytes = 200});
    CHECK(numbers(expired.by_time) == Numbers{2, 1});
    CHECK(numbers(expired.by_size) == Numbers{3});
    const auto nothing = beyond_retention({}, {.duration_ms = 60, .bytes = 200});
    CHECK(nothing.by_time.empty());
    CHECK(nothing.by_size.empty());
}

TEST_CASE("blocks that another was made of, and deletable ones, are superseded",
          "[tsdb][compact]") {
    PlannedBlock child = planned(9, 0, 60);
    child.meta.parents = {{ulid(1), 0, 20}, {ulid(2), 20, 40}, {ulid(77), 40, 60}};
    PlannedBlock empty = planned(4, 60, 80);
    empty.meta.deletable = true;
    const std::vector<PlannedBlock> blocks{
        planned(1, 0, 20), planned(2, 20, 40), planned(3, 40, 60), empty, child};
    CHECK(numbers(tsdb::superseded(blocks)) == Numbers{1, 2, 4});
    CHECK(tsdb::superseded({}).empty());
}
