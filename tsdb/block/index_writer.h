// The index of a block being written. source: docs/formats/block.md, after Prometheus 3.14
// (index format 2)
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/memory_reserve.h"
#include "base/result.h"
#include "model/storage.h"
#include "tsdb/block/block_file.h"
#include "tsdb/block/checksums.h"
#include "tsdb/block/index_reader.h"
#include "tsdb/block/pair_counts.h"

namespace tsdb::block {

// Symbols first, then series, then finish(), which gathers the postings from the series written.
// Memory: 4 bytes a symbol, 16 to 43 a label value, `postings_bytes` in finish(); counted by
// `memory`.
//   errors   of the file system; kInvalid: symbols, labels, series or chunks out of order; kLimit:
//            more than the format can hold. The index is of no use after one.
//   threads  one
class IndexWriter {
  public:
    [[nodiscard]] static base::Result<std::unique_ptr<IndexWriter>> create(
        base::Files& files,
        const base::Path& folder,
        uint64_t postings_bytes,
        base::MemoryReserve* memory);

    // See BlockWriter::memory_max().
    [[nodiscard]] static uint64_t memory_max(uint64_t symbols,
                                             uint64_t pairs,
                                             uint64_t labels,
                                             uint64_t postings_bytes);

    // See BlockWriter::add_symbol().
    [[nodiscard]] base::Status add_symbol(std::string_view symbol);
    // See BlockWriter::add_series(); the chunks' refs ascend over all series.
    [[nodiscard]] base::Status add_series(std::span<const model::LabelSymbols> labels,
                                          std::span<const ChunkMeta> chunks);

    // returns  the sums of the file, synced
    [[nodiscard]] base::Result<FileChecksums> finish();

  private:
    struct TableOfContents {
        uint64_t symbols = 0;
        uint64_t series = 0;
        uint64_t postings = 0;
        uint64_t postings_table = 0;
    };

    IndexWriter(base::Files& files,
                BlockFile file,
                uint64_t postings_bytes,
                base::MemoryReserve* memory);

    // Counts what is held, and `more`.
    void account(size_t more = 0) {
        taken_.set(symbol_offsets_.capacity() * sizeof(uint32_t) + pairs_.bytes() + more);
    }

    [[nodiscard]] base::Status begin();
    [[nodiscard]] base::Status append_symbol(std::string_view symbol);
    [[nodiscard]] base::Status end_symbols();
    [[nodiscard]] base::Status check_labels(std::span<const model::LabelSymbols> labels) const;
    [[nodiscard]] base::Status append_entry();
    [[nodiscard]] base::Status write_postings_table(base::ByteView index,
                                                    const std::vector<PairKey>& keys);
    [[nodiscard]] base::Status write_table_of_contents();

    base::Files& files_;
    BlockFile file_;
    const uint64_t postings_bytes_;
    base::MemoryReserve* const memory_;
    base::TakenMemory taken_;
    TableOfContents toc_;

    std::string last_symbol_;
    std::vector<uint32_t> symbol_offsets_;  // by number, from the section's start
    uint32_t symbols_crc_ = 0;

    std::vector<model::LabelSymbols> last_labels_;
    ChunkRef last_ref_ = 0;
    uint64_t series_ = 0;
    PairCounts pairs_;
    std::string entry_;  // scratch
};

}  // namespace tsdb::block
