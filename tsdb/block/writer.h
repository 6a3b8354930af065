// Writing a block: chunks, index, meta.json, tombstones, checksums; published as a whole or not at
// all. source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/file.h"
#include "base/memory_reserve.h"
#include "base/result.h"
#include "model/chunk.h"
#include "model/storage.h"
#include "tsdb/block/chunk_segments.h"
#include "tsdb/block/meta.h"

namespace tsdb::block {

// Streams a block into `<data folder>/<ULID>.tmp-for-creation/` and renames it when it is whole.
// Memory: 4 bytes a symbol, 16 to 43 a label value (a pair of name and value), buffers of 256 KiB,
// and while publishing postings gathered in passes over the series written, at most
// Options::postings_bytes at a time.
//   order     every add_symbol() before the first add_series()
//   errors    kNoSpace, kIo: the block is given up, as after any error: every later call returns
//             the same; kInvalid: symbols, labels, series or chunks out of order; kLimit: more than
//             the format can hold (4 GiB of symbols, of label values; 64 GiB of series)
//   threads   one
//   lifetime  one that was not published removes its folder when it goes
class BlockWriter {
  public:
    struct Options {
        uint64_t segment_bytes = uint64_t{512} << 20;  // of one chunk file, at most
        uint64_t postings_bytes = uint64_t{64} << 20;  // of one pass; a longer list takes a pass of
                                                       // its own and no memory
        base::MemoryReserve* memory = nullptr;         // counts what is taken; null: nobody does
    };

    // Bytes that writing such a block takes at most, to the growth of its tables for a moment.
    //   labels  of all series together
    [[nodiscard]] static uint64_t memory_max(uint64_t symbols,
                                             uint64_t pairs,
                                             uint64_t labels,
                                             uint64_t postings_bytes);

    // data_folder  exists
    [[nodiscard]] static base::Result<std::unique_ptr<BlockWriter>> create(
        base::Files& files,
        const base::Path& data_folder,
        const Ulid& ulid,
        const Options& options);
    ~BlockWriter();
    BlockWriter(const BlockWriter&) = delete;
    BlockWriter& operator=(const BlockWriter&) = delete;

    // Ascending by bytes, unique; every name and value of every series. "" is added by itself.
    // The first symbol added has number 1 (0 is ""), unless it is "" itself.
    [[nodiscard]] base::Status add_symbol(std::string_view symbol);
    //   labels  of symbol numbers, in the order of their names, no empty value; series ascend by
    //           labels
    //   chunks  by min_t, not overlapping; not empty
    [[nodiscard]] base::Status add_series(std::span<const model::LabelSymbols> labels,
                                          std::span<const ChunkInput> chunks);
    // Finishes the files, syncs them, publishes the folder. Once.
    //   meta     times, level, sources (empty: the block itself), parents, hints; ulid and stats
    //            are filled in
    //   returns  the meta as written; nothing when there was no series: no block is made then
    [[nodiscard]] base::Result<std::optional<BlockMeta>> publish(BlockMeta meta);

  private:
    struct Parts;
    explicit BlockWriter(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

inline constexpr std::string_view kCreationSuffix = ".tmp-for-creation";
inline constexpr std::string_view kDeletionSuffix = ".tmp-for-deletion";

}  // namespace tsdb::block
