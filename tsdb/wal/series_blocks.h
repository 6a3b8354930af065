// Blocks of the series side log. source: docs/formats/series_log.md
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/bytes.h"
#include "base/compress.h"
#include "base/result.h"
#include "tsdb/wal/record.h"

namespace tsdb::wal {

inline constexpr size_t kSeriesBlockTarget = 64 * 1024;       // bytes of entries; then it is ended
inline constexpr size_t kSeriesEntryMax = size_t{512} << 10;  // bytes; a longer one is left out
inline constexpr size_t kSeriesBlockMax = size_t{1} << 20;    // bytes, stored or not

// A block as it lies in a file.
struct SeriesBlock {
    uint64_t offset = 0;   // in the file
    uint32_t segment = 0;  // of the write-ahead log, when its entries were logged
    uint32_t entries = 0;  // none: a note that the segment was begun
    uint64_t least_ref = 0;
    uint64_t greatest_ref = 0;
    base::ByteView stored;  // the entries, compressed; in the bytes of the file
};

// Gathers entries.
class SeriesBlockBuilder {
  public:
    // entry  at most kSeriesEntryMax bytes of labels
    void add(const SeriesEntry& entry);

    [[nodiscard]] bool empty() const { return entries_ == 0; }

    [[nodiscard]] bool full() const { return out_.position() >= kSeriesBlockTarget; }

    [[nodiscard]] uint32_t entries() const { return entries_; }

    // Appends the block to `out` and is empty again. Without entries it is a note.
    void seal(uint32_t segment, std::string& out);

  private:
    std::string bytes_;
    base::ByteWriter out_{bytes_};
    std::string compressed_;
    base::ZstdEncoder zstd_;
    uint32_t entries_ = 0;
    uint64_t last_ref_ = 0;
    uint64_t least_ref_ = UINT64_MAX;
    uint64_t greatest_ref_ = 0;
};

// Takes the blocks of a file one by one. What is damaged is passed over, up to the next whole
// block.
class SeriesBlockReader {
  public:
    explicit SeriesBlockReader(base::ByteView file) : file_(file) {}

    // False at the end.
    [[nodiscard]] bool next(SeriesBlock& block);

    // Bytes passed over so far.
    [[nodiscard]] uint64_t damaged() const { return damaged_; }

  private:
    [[nodiscard]] bool read_at(size_t position, SeriesBlock& block) const;

    const base::ByteView file_;
    size_t position_ = 0;
    uint64_t damaged_ = 0;
};

// Appends the block's entries to `out`; they point into `text`, which is replaced.
//   errors  kCorrupt; what stood before the fault is in `out`
[[nodiscard]] base::Status decode_series_block(const SeriesBlock& block,
                                               base::ZstdDecoder& zstd,
                                               std::string& text,
                                               std::vector<SeriesEntry>& out);

}  // namespace tsdb::wal
