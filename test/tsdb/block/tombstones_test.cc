#include "tsdb/block/tombstones.h"

#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "test/support/seed.h"

using tsdb::block::Interval;
using tsdb::block::Intervals;
using tsdb::block::Tombstones;

namespace {

Intervals joined(std::initializer_list<Interval> from) {
    Intervals intervals;
    for (const Interval& interval : from) {
        tsdb::block::add_interval(intervals, interval);
    }
    return intervals;
}

}  // namespace

TEST_CASE("intervals join what they touch", "[tsdb][block]") {
    CHECK(joined({{1, 2}, {5, 6}}) == Intervals{{1, 2}, {5, 6}});
    CHECK(joined({{5, 6}, {1, 2}}) == Intervals{{1, 2}, {5, 6}});
    CHECK(joined({{1, 2}, {3, 4}}) == Intervals{{1, 4}});
    CHECK(joined({{3, 4}, {1, 2}}) == Intervals{{1, 4}});
    CHECK(joined({{1, 2}, {4, 5}, {7, 9}, {2, 6}}) == Intervals{{1, 9}});
    CHECK(joined({{1, 20}, {4, 5}}) == Intervals{{1, 20}});
    CHECK(joined({{INT64_MIN, INT64_MAX}, {4, 5}}) == Intervals{{INT64_MIN, INT64_MAX}});
    CHECK(joined({{4, INT64_MAX}, {INT64_MIN, 2}}) == Intervals{{INT64_MIN, 2}, {4, INT64_MAX}});
}

TEST_CASE("intervals added in any order are the set of their times", "[tsdb][block]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 200; ++round) {
        constexpr int64_t kTimes = 64;
        std::vector<bool> deleted(kTimes, false);
        Intervals intervals;
        for (uint64_t left = random.below(12); left != 0; --left) {
            const auto from = static_cast<int64_t>(random.below(kTimes));
            const auto to = std::min<int64_t>(kTimes - 1, from + random.below(9));
            tsdb::block::add_interval(intervals, {from, to});
            std::fill(deleted.begin() + from, deleted.begin() + to + 1, true);
        }
        for (int64_t from = 0; from < kTimes; ++from) {
            CHECK(tsdb::block::contains(intervals, from) == deleted[from]);
            const int64_t to = std::min<int64_t>(kTimes - 1, from + random.below(9));
            const auto begin = deleted.begin() + from;
            const auto end = deleted.begin() + to + 1;
            CHECK(tsdb::block::covers(intervals, from, to) ==
                  (std::find(begin, end, false) == end));
            CHECK(tsdb::block::overlaps(intervals, from, to) ==
                  (std::find(begin, end, true) != end));
        }
        for (size_t i = 1; i < intervals.size(); ++i) {
            CHECK(intervals[i - 1].max_t + 1 < intervals[i].min_t);
        }
    }
}

TEST_CASE("an empty tombstones file has nine bytes", "[tsdb][block]") {
    CHECK(base::to_hex(tsdb::block::to_bytes(Tombstones())) == "0130ba300100000000");
    CHECK(tsdb::block::parse_tombstones(tsdb::block::to_bytes(Tombstones())).value().empty());
}

TEST_CASE("tombstones are written as Prometheus reads them", "[tsdb][block]") {
    const Tombstones tombstones{{1, {{-1, 1}}}, {300, {{INT64_MIN, 0}, {2, INT64_MAX}}}};
    const std::string bytes = tsdb::block::to_bytes(tombstones);
    CHECK(base::to_hex(bytes.substr(0, bytes.size() - 4)) ==
          "0130ba3001"
          "010102"
          "ac02ffffffffffffffffff0100"
          "ac0204feffffffffffffffff01");
    CHECK(tsdb::block::parse_tombstones(bytes).value() == tombstones);
}

TEST_CASE("several tombstones of one series are joined when read", "[tsdb][block]") {
    const std::string stones("\x07\x04\x06\x07\x00\x02\x07\x0c\x0e", 9);  // 2..3, 0..1, 6..7
    std::string file = std::string("\x01\x30\xba\x30\x01", 5) + stones;
    const uint32_t crc = base::crc32c(stones);
    for (int shift = 24; shift >= 0; shift -= 8) {
        file += static_cast<char>(crc >> shift);
    }
    CHECK(tsdb::block::parse_tombstones(file).value() == Tombstones{{7, {{0, 3}, {6, 7}}}});
}

TEST_CASE("no flipped bit of a tombstones file goes unnoticed", "[tsdb][block]") {
    const std::string bytes = tsdb::block::to_bytes({{1, {{-1, 1}}}, {300, {{5, 90000}}}});
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
        CAPTURE(bit);
        CHECK_FALSE(tsdb::block::parse_tombstones(flipped));
    }
    for (size_t size = 0; size < bytes.size(); ++size) {
        CHECK_FALSE(tsdb::block::parse_tombstones(bytes.substr(0, size)));
    }
}
