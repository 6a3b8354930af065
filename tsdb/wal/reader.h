// Reading the write-ahead log: every whole record, whatever happened to its neighbours.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/compress.h"
#include "base/file.h"
#include "base/result.h"
#include "tsdb/wal/format.h"

namespace tsdb::wal {

// A stretch that could not be read.
struct Damage {
    uint32_t segment = 0;  // of a checkpoint: the last one it covers
    uint64_t offset = 0;   // of its first byte in the segment
    uint64_t bytes = 0;
    bool torn = false;  // the segment ends inside a record: what a crash leaves
    std::string reason;
    bool checkpoint = false;  // it is in the checkpoint, in one of its files
};

// Takes a segment apart. Damage costs the records it touches: reading goes on with the next page,
// at the first fragment that begins a record.
//   pure       no input or output; any bytes are survived
//   lifetime   the segment's bytes outlive it
class SegmentReader {
  public:
    // decoder  borrowed; for records compressed with zstd
    SegmentReader(uint32_t segment, base::ByteView bytes, base::ZstdDecoder& zstd)
        : segment_(segment), bytes_(bytes), zstd_(zstd) {}

    // Passes over records of samples without decompressing or checking what they hold.
    void pass_over_samples() { pass_over_samples_ = true; }

    // The next record, valid until the next call; false at the end.
    [[nodiscard]] bool next(base::ByteView& record);

    // Complete when next() has returned false.
    [[nodiscard]] const std::vector<Damage>& damages() const { return damages_; }

    // Where the last record returned begins.
    [[nodiscard]] uint64_t record_offset() const { return record_start_; }

  private:
    struct Fragment {
        FragmentType type = FragmentType::kPageEnd;
        uint8_t flags = 0;
        base::ByteView data;
    };

    // Reads the fragment at position_ and moves behind it; false at the end or when there is none
    // left in the page, or the page is damaged.
    [[nodiscard]] bool read_fragment(Fragment& fragment);
    [[nodiscard]] bool end_page();
    // Adds the fragment to the record; true when the record is complete.
    [[nodiscard]] bool take(const Fragment& fragment, uint64_t at);
    [[nodiscard]] bool finish(base::ByteView raw, uint8_t flags, base::ByteView& record);
    [[nodiscard]] bool decompress(base::ByteView raw, uint8_t flags, std::string& reason);
    [[nodiscard]] bool lost_its_flag(base::ByteView raw);

    void damage(uint64_t from, uint64_t to, bool torn, std::string reason);
    void skip_page(std::string reason);
    void torn_tail();
    void drop_open(uint64_t to, std::string reason);

    [[nodiscard]] size_t page_rest() const { return kPageBytes - position_ % kPageBytes; }

    const uint32_t segment_;
    const base::ByteView bytes_;
    base::ZstdDecoder& zstd_;
    bool pass_over_samples_ = false;
    size_t position_ = 0;
    bool open_ = false;      // a record has begun and not ended
    uint8_t flags_ = 0;      // of its first fragment
    bool skipping_ = false;  // after damage: fragments of the record lost are passed over
    uint64_t record_start_ = 0;
    std::string assembled_;  // a record in several fragments
    base::ByteView whole_;   // a record in one
    std::string decompressed_;
    std::vector<Damage> damages_;
};

// The segments of a folder, in order.
struct SegmentFile {
    uint32_t number = 0;
    base::Path path;
    uint64_t bytes = 0;  // 0 as well when the file cannot be asked
};

// errors  as Files::list; a folder that is not there has no segments
[[nodiscard]] base::Result<std::vector<SegmentFile>> list_segments(base::Files& files,
                                                                   const base::Path& folder);

// A folder with what was still needed of the segments up to `last_segment`.
struct Checkpoint {
    uint32_t last_segment = 0;
    base::Path path;
};

// The published checkpoints, oldest first; half-written ones are none.
//   errors  as Files::list; a folder that is not there has none
[[nodiscard]] base::Result<std::vector<Checkpoint>> list_checkpoints(base::Files& files,
                                                                     const base::Path& wal_folder);

// The checkpoint that covers most segments, be it whole or not (find_sources() looks into it).
[[nodiscard]] base::Result<std::optional<Checkpoint>> find_checkpoint(base::Files& files,
                                                                      const base::Path& wal_folder);

}  // namespace tsdb::wal
