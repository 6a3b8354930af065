// The write-ahead log on bytes that are not what was written: torn tails, flipped bits, garbage.
// source: docs/formats/wal.md, what is read after damage
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "base/random.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/tsdb/wal/log_text.h"

namespace {

using tsdb::WalCompression;
namespace wal = tsdb::wal;

// A segment, and where the bytes of each record end: the record is whole when they are there.
struct Written {
    std::string bytes;
    std::vector<std::string> records;
    std::vector<size_t> ends;

    [[nodiscard]] size_t begin(size_t record) const {
        const size_t at = record == 0 ? 0 : ends[record - 1];
        const size_t page_rest = wal::kPageBytes - at % wal::kPageBytes;
        return page_rest < wal::kFragmentHeaderBytes ? at + page_rest : at;
    }
};

// Records as a scrape leaves them: series, samples, now and then a large one.
Written write_segment(base::Random& random, WalCompression compression, size_t bytes) {
    test_support::MemoryFiles files;
    Written out;
    const auto writer = wal_test::open_writer(files, {.compression = compression});
    uint64_t refs = 0;
    for (size_t size = 0; size < bytes;) {
        std::vector<uint64_t> fresh(random.below(20));
        std::ranges::generate(fresh, [&] { return ++refs; });
        std::vector<wal_test::Point> points;
        for (uint64_t i = random.below(random.below(20) == 0 ? 9000 : 200); i > 0; --i) {
            points.push_back({.ref = 1 + random.below(refs + 1),
                              .t = static_cast<int64_t>(random.below(1u << 30))});
        }
        for (const std::string& record :
             {wal_test::series_record(fresh), wal_test::samples_record(points)}) {
            REQUIRE(wal_test::log(*writer, {record}));
            size = files.stat("/wal/00000000").value().size;
            out.records.push_back(record);
            out.ends.push_back(size);
        }
    }
    out.bytes = files.content("/wal/00000000");
    return out;
}

struct Read {
    std::vector<std::string_view> matched;  // of the records written, in order
    size_t first = 0;                       // of them
    uint64_t foreign = 0;                   // records that were never written, or not in that order
    std::vector<wal::Damage> damages;
};

// Reads, and tells which of the records came back. Those looked at begin at number `from`.
Read read(base::ByteView bytes, const std::vector<std::string>& records, size_t from = 0) {
    Read out;
    base::ZstdDecoder zstd;
    wal::SegmentReader reader(0, bytes, zstd);
    base::ByteView record;
    size_t next = from;
    while (reader.next(record)) {
        const auto at = std::find(
            records.begin() + static_cast<std::ptrdiff_t>(next), records.end(), record.text());
        if (at == records.end()) {
            ++out.foreign;
            continue;
        }
        out.matched.push_back(*at);
        next = static_cast<size_t>(at - records.begin()) + 1;
    }
    out.damages = reader.damages();
    return out;
}

// What is wrong with a segment cut to `length` bytes; empty when it reads as it must. Reading
// begins at the page `from_page`, whose first record is number `first`.
std::string torn_fault(const Written& written, size_t from_page, size_t first, size_t length) {
    const size_t start = from_page * wal::kPageBytes;
    // A copy, so that a read past the end is seen.
    const std::vector<uint8_t> part(written.bytes.begin() + static_cast<std::ptrdiff_t>(start),
                                    written.bytes.begin() + static_cast<std::ptrdiff_t>(length));
    const Read got = read(part, written.records, first);
    const auto whole = static_cast<size_t>(
        std::upper_bound(written.ends.begin(), written.ends.end(), length) - written.ends.begin());
    if (got.foreign != 0 || got.matched.size() != whole - std::min(whole, first)) {
        return "records";
    }
    for (const wal::Damage& damage : got.damages) {
        // The page may begin with the end of a record.
        if (damage.offset != 0 && (!damage.torn || damage.offset + damage.bytes != part.size())) {
            return "damage: " + damage.reason;
        }
    }
    return "";
}

// Tears the last `tail` bytes of a segment at `count` places, or everywhere.
void check_torn(WalCompression compression, size_t tail, std::optional<uint64_t> count) {
    const uint64_t seed = test_support::test_seed();
    base::SeededRandom random(seed);
    const Written written = write_segment(random, compression, tail + 4 * wal::kPageBytes);
    const size_t from = written.bytes.size() - tail;
    const uint64_t cuts = count ? *count : tail + 1;
    for (uint64_t cut = 0; cut < cuts; ++cut) {
        const size_t length = from + (count ? random.below(tail + 1) : cut);
        // Read is from the page in which the second record before the cut ends, not all from the
        // beginning; some are read from there.
        const auto whole = std::upper_bound(written.ends.begin(), written.ends.end(), length) -
                           written.ends.begin();
        const size_t page =
            cut % 4000 == 0 ? 0 : written.ends[static_cast<size_t>(whole) - 2] / wal::kPageBytes;
        const size_t start = page * wal::kPageBytes;
        auto first = static_cast<size_t>(whole);
        while (first > 0 && written.begin(first - 1) >= start) {
            --first;
        }
        const std::string fault = torn_fault(written, page, first, length);
        if (!fault.empty()) {
            FAIL("seed " << seed << " torn at " << length << ": " << fault);
        }
    }
}

// Which records have a byte of theirs in the stretch.
std::pair<size_t, size_t> records_in(const Written& written, size_t from, size_t to) {
    const auto at = [&](size_t offset) {
        return static_cast<size_t>(
            std::upper_bound(written.ends.begin(), written.ends.end(), offset) -
            written.ends.begin());
    };
    return {at(from), std::min(at(to), written.records.size() - 1) + 1};
}

// Flips `count` bits, one at a time.
void check_flips(uint64_t count) {
    const uint64_t seed = test_support::test_seed();
    base::SeededRandom random(seed);
    uint64_t lost = 0;
    for (const auto compression :
         {WalCompression::kNone, WalCompression::kSnappy, WalCompression::kZstd}) {
        const Written written = write_segment(random, compression, 8 * wal::kPageBytes);
        std::string bytes = written.bytes;
        for (uint64_t round = 0; round < count / 3; ++round) {
            const size_t at = random.below(bytes.size());
            const auto bit = static_cast<char>(1 << random.below(8));
            bytes[at] = static_cast<char>(bytes[at] ^ bit);
            const Read got = read(bytes, written.records);
            bytes[at] = static_cast<char>(bytes[at] ^ bit);
            CAPTURE(seed, at, static_cast<int>(compression));
            if (got.foreign != 0) {
                FAIL("a record that was never written, at " << at);
            }
            if (got.matched.size() == written.records.size()) {
                continue;  // harmless
            }
            ++lost;
            // Lost is only what touches the page, and it is told.
            const size_t page = at / wal::kPageBytes * wal::kPageBytes;
            const auto [first, last] = records_in(written, page, page + wal::kPageBytes - 1);
            size_t survivors = 0;
            for (const std::string_view record : got.matched) {
                const auto number = static_cast<size_t>(
                    std::find_if(written.records.begin(),
                                 written.records.end(),
                                 [&](const auto& one) { return one.data() == record.data(); }) -
                    written.records.begin());
                survivors += number < first || number >= last ? 1 : 0;
            }
            const size_t outside = written.records.size() - (last - first);
            if (got.damages.empty() || survivors != outside) {
                FAIL("flip at " << at << ": " << survivors << " of " << outside
                                << " records outside the page, " << got.damages.size()
                                << " damages told");
            }
        }
    }
    CHECK(lost > 0);
}

}  // namespace

TEST_CASE("wal torn anywhere gives exactly its whole records", "[tsdb][wal][property]") {
    const auto compression =
        GENERATE(WalCompression::kNone, WalCompression::kSnappy, WalCompression::kZstd);
    check_torn(compression, size_t{256} << 10, 1400);
}

TEST_CASE("wal torn at every byte of 256 KiB gives exactly its whole records",
          "[.nightly][tsdb][wal]") {
    const auto compression = GENERATE(WalCompression::kNone, WalCompression::kSnappy);
    check_torn(compression, size_t{256} << 10, std::nullopt);
}

TEST_CASE("wal loses to a flipped bit at most what touches its page", "[tsdb][wal][property]") {
    check_flips(3000);
}

TEST_CASE("wal loses to any of many flipped bits at most what touches its page",
          "[.nightly][tsdb][wal]") {
    check_flips(102'000);
}

TEST_CASE("wal never takes garbage behind its end for records", "[tsdb][wal][property]") {
    const uint64_t seed = test_support::test_seed();
    base::SeededRandom random(seed);
    const Written older = write_segment(random, WalCompression::kSnappy, 6 * wal::kPageBytes);
    const Written written = write_segment(random, WalCompression::kSnappy, 6 * wal::kPageBytes);
    for (int round = 0; round < 1500; ++round) {
        CAPTURE(seed, round);
        const size_t cut = random.below(written.bytes.size());
        const size_t tail = random.below(3 * wal::kPageBytes);
        const auto whole = static_cast<size_t>(
            std::upper_bound(written.ends.begin(), written.ends.end(), cut) - written.ends.begin());
        std::string bytes = written.bytes.substr(0, cut);
        const bool stale = round % 3 == 0;
        if (stale) {
            bytes += older.bytes.substr(std::min(cut, older.bytes.size()), tail);
        } else {
            bytes += std::string(tail, round % 3 == 1 ? '\0' : '\xff');
        }
        const Read got = read(bytes, written.records);
        // All that was whole is there; of the record that was cut, only its own bytes could make
        // it whole again.
        REQUIRE(got.matched.size() >= whole);
        REQUIRE(got.matched.size() <= whole + 1);
        if (!stale) {
            REQUIRE(got.foreign == 0);
            continue;
        }
        // Whole records of the older segment that lie behind are its own, and never mixed.
        REQUIRE(read(bytes, older.records).matched.size() >= got.foreign);
    }
}
