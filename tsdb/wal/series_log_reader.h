// Looking series up in the side log, for the samples that a replay cannot place.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/compress.h"
#include "base/file.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/series_blocks.h"

namespace tsdb::wal {

// Reads the log once when made, and holds 48 bytes per block of some hundred series.
//   threads  one
class SeriesLogReader {
  public:
    // newest_segment  of the write-ahead log, before a new one is begun; nothing: it has none
    // What cannot be read is passed over: there is no error.
    SeriesLogReader(base::Files& files,
                    const base::Path& folder,
                    std::optional<uint32_t> newest_segment);

    // Whether the log was kept up to the newest segment of the write-ahead log. If not, someone
    // else wrote segments and may have given references again: nothing is found, and the log is to
    // be begun anew, with the series that the replay found.
    [[nodiscard]] bool trusted() const { return trusted_; }

    // The series that a sample in the segment belongs to; valid until the next call. Of several
    // with the reference, the newest that was logged by then.
    //   segment  of a checkpoint: the last one it covers
    [[nodiscard]] std::optional<SeriesEntry> find(uint64_t ref, uint32_t segment);

    // No new series may get a reference up to this one; 0 when the log is empty.
    [[nodiscard]] uint64_t greatest_ref() const { return greatest_ref_; }

    [[nodiscard]] uint64_t entries() const { return entries_; }

    [[nodiscard]] uint64_t damaged_bytes() const { return damaged_bytes_; }

  private:
    static constexpr size_t kCachedBlocks = 8;
    static constexpr size_t kMissesMax = size_t{1} << 20;  // references remembered as not there

    // Where a block is, and the references it spans.
    struct Place {
        uint64_t least_ref = 0;
        uint64_t greatest_ref = 0;
        uint64_t reach = 0;   // the greatest reference of this and all places before
        uint64_t offset = 0;  // in the file
        uint32_t stored = 0;  // bytes
        uint32_t file = 0;    // in paths_
        uint32_t segment = 0;
        uint32_t order = 0;  // in the log: the greater, the newer
    };

    struct Cached {
        std::optional<uint32_t> order;  // of the block in it
        std::string text;
        std::vector<SeriesEntry> entries;  // by reference, then as logged
    };

    void read(base::ByteView file);
    [[nodiscard]] const Cached& load(const Place& place);
    [[nodiscard]] std::optional<SeriesEntry> find_in(const Place& place, uint64_t ref);

    base::Files& files_;
    std::vector<base::Path> paths_;
    std::vector<Place> places_;  // by least_ref
    std::optional<uint32_t> last_segment_;
    uint64_t greatest_ref_ = 0;
    uint64_t entries_ = 0;
    uint64_t damaged_bytes_ = 0;
    bool trusted_ = false;
    base::ZstdDecoder zstd_;
    std::array<Cached, kCachedBlocks> cached_;
    size_t next_cached_ = 0;
    std::vector<const Place*> candidates_;
    std::unordered_set<uint64_t> misses_;
};

}  // namespace tsdb::wal
