// Writing a block: chunks, index, meta.json, tombstones, checksums; published as a whole or not at
// all. source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/budget.h"
#include "base/file.h"
#include "base/result.h"
#include "model/chunk.h"
#include "model/storage.h"
#include "tsdb/block/meta.h"

namespace tsdb::block {

// A chunk for a block. `bytes` is the payload, written as it is.
struct ChunkInput {
    model::Encoding encoding = model::Encoding::kNone;
    std::span<const uint8_t> bytes;
    int64_t min_t = 0;
    int64_t max_t = 0;  // inclusive
};

// Streams a block into `<data folder>/<ULID>.tmp-for-creation/` and renames it when it is whole.
// Memory: the symbols' offsets, and postings gathered in passes over the series written, at most
// Options::postings_bytes at a time.
//   order     every add_symbol() before the first add_series()
//   errors    kNoSpace, kIo: the block is given up; kInvalid: series or chunks out of order
//   threads   one
//   lifetime  one that was not published removes its folder when it goes
class BlockWriter {
  public:
    struct Options {
        uint64_t segment_bytes = uint64_t{512} << 20;  // of one chunk file, at most
        uint64_t postings_bytes = uint64_t{64} << 20;  // of one pass, at least 1 MiB
    };

    [[nodiscard]] static base::Result<std::unique_ptr<BlockWriter>> create(
        base::Files& files,
        const base::Path& data_folder,
        const Ulid& ulid,
        const Options& options);
    virtual ~BlockWriter() = default;

    // Ascending by bytes, unique; every name and value of every series. "" is added by itself.
    // The first symbol added has number 1 (0 is ""), unless it is "" itself.
    [[nodiscard]] virtual base::Status add_symbol(std::string_view symbol) = 0;
    // The symbol's number, in the order of add_symbol().
    //   labels  of symbol numbers, in the order of their names; series ascend by labels
    //   chunks  by min_t, not overlapping; not empty
    [[nodiscard]] virtual base::Status add_series(std::span<const model::LabelSymbols> labels,
                                                  std::span<const ChunkInput> chunks) = 0;
    // Finishes the files, syncs them, publishes the folder.
    //   meta     times, level, sources (empty: the block itself), parents, hints; ulid and stats
    //   are
    //            filled in
    //   returns  the meta as written; nothing when there was no series: no block is made then
    [[nodiscard]] virtual base::Result<std::optional<BlockMeta>> publish(BlockMeta meta) = 0;
};

inline constexpr std::string_view kCreationSuffix = ".tmp-for-creation";
inline constexpr std::string_view kDeletionSuffix = ".tmp-for-deletion";

}  // namespace tsdb::block
