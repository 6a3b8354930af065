#include "tsdb/block/tombstones.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/block/checksums.h"
#include "tsdb/block/format.h"

namespace tsdb::block {
namespace {

constexpr uint32_t kMagic = 0x0130ba30;
constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 5;

// Whether `earlier` ends before `later` begins, with at least one millisecond between them.
bool apart(const Interval& earlier, const Interval& later) {
    return earlier.max_t < later.min_t && earlier.max_t + 1 < later.min_t;
}

// The first interval that does not end before t.
auto first_ending_at(std::span<const Interval> intervals, int64_t t) {
    return std::partition_point(
        intervals.begin(), intervals.end(), [t](const Interval& one) { return one.max_t < t; });
}

}  // namespace

void add_interval(Intervals& intervals, Interval interval) {
    const auto from =
        std::partition_point(intervals.begin(), intervals.end(), [&](const Interval& one) {
            return apart(one, interval);
        });
    const auto to = std::partition_point(
        from, intervals.end(), [&](const Interval& one) { return !apart(interval, one); });
    if (from == to) {
        intervals.insert(from, interval);
        return;
    }
    from->min_t = std::min(from->min_t, interval.min_t);
    from->max_t = std::max((to - 1)->max_t, interval.max_t);
    intervals.erase(from + 1, to);
}

bool covers(std::span<const Interval> intervals, int64_t min_t, int64_t max_t) {
    const auto one = first_ending_at(intervals, max_t);
    return one != intervals.end() && one->min_t <= min_t;
}

bool overlaps(std::span<const Interval> intervals, int64_t min_t, int64_t max_t) {
    const auto one = first_ending_at(intervals, min_t);
    return one != intervals.end() && one->min_t <= max_t;
}

bool contains(std::span<const Interval> intervals, int64_t t) {
    return overlaps(intervals, t, t);
}

base::Result<Tombstones> parse_tombstones(base::ByteView file) {
    if (file.size() < kHeaderBytes + kCrcBytes || base::load_be<uint32_t>(file.data()) != kMagic) {
        return base::fail(base::Code::kCorrupt, "no tombstones file");
    }
    if (file[kHeaderBytes - 1] != kVersion) {
        return base::fail(base::Code::kUnsupported,
                          "unknown version of a tombstones file",
                          int{file[kHeaderBytes - 1]});
    }
    const size_t end = file.size() - kCrcBytes;
    const base::ByteView stones = file.part(kHeaderBytes, end - kHeaderBytes);
    if (base::crc32c(stones) != base::load_be<uint32_t>(file.data() + end)) {
        return base::fail(base::Code::kCorrupt, "tombstones do not fit their checksum");
    }
    Tombstones tombstones;
    base::ByteReader reader(stones);
    while (reader.ok() && reader.remaining() != 0) {
        const uint64_t series = reader.uvarint();
        const int64_t min_t = reader.varint();
        const int64_t max_t = reader.varint();
        if (!reader.ok() || min_t > max_t) {
            return base::fail(base::Code::kCorrupt, "a malformed tombstone of series", series);
        }
        add_interval(tombstones[series], {min_t, max_t});
    }
    return tombstones;
}

std::string to_bytes(const Tombstones& tombstones) {
    std::string out;
    base::ByteWriter writer(out);
    writer.be32(kMagic);
    writer.u8(kVersion);
    for (const auto& [series, intervals] : tombstones) {
        for (const Interval& interval : intervals) {
            writer.uvarint(series);
            writer.varint(interval.min_t);
            writer.varint(interval.max_t);
        }
    }
    writer.be32(base::crc32c(writer.written(kHeaderBytes)));
    writer.finish();
    return out;
}

base::Status write_tombstones(base::Files& files,
                              const base::Path& folder,
                              const Tombstones& tombstones) {
    return base::context(replace_block_file(files, folder, kTombstonesFile, to_bytes(tombstones)),
                         "write tombstones");
}

}  // namespace tsdb::block
