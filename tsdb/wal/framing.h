// How records become bytes of a segment: compressed, cut into fragments, padded to pages.
// source: docs/formats/wal.md, after the Prometheus WAL
#pragma once

#include <cstdint>
#include <string>

#include "base/byte_view.h"
#include "base/compress.h"
#include "tsdb/options.h"
#include "tsdb/wal/format.h"

namespace tsdb::wal {

// A record as it goes into fragments.
struct PackedRecord {
    std::string bytes;
    uint8_t flag = 0;  // how it is compressed: kSnappyFlag, kZstdFlag or 0
    bool series = false;
};

// Compresses records where that makes them smaller. Not thread-safe.
class RecordPacker {
  public:
    explicit RecordPacker(WalCompression compression) : compression_(compression) {}

    void pack(base::ByteView record, PackedRecord& packed);

  private:
    const WalCompression compression_;
    std::string compressed_;
    base::ZstdEncoder zstd_;
};

// Whether a record of `bytes` that begins at offset `at` ends within the segment: it takes a header
// in every page it touches.
//   segment_size  a multiple of kPageBytes
[[nodiscard]] bool fits_segment(uint64_t at, uint64_t segment_size, size_t bytes);

// Appends the record's fragments to `out`.
//   at  offset in the segment of the byte that comes next in `out`
void append_fragments(const PackedRecord& record, uint64_t at, std::string& out);

// Appends zeros to the end of the page. `at` as above.
void append_padding(uint64_t at, std::string& out);

}  // namespace tsdb::wal
