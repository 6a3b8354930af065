// A block's index, mapped. source: docs/formats/block.md, after Prometheus 3.14 (index format 2)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "model/matcher.h"
#include "model/storage.h"
#include "tsdb/block/postings.h"

namespace tsdb::block {

// Where a chunk lies: segment (from 0) << 32 | offset of its length.
using ChunkRef = uint64_t;

struct ChunkMeta {
    int64_t min_t = 0;
    int64_t max_t = 0;  // inclusive
    ChunkRef ref = 0;
};

// Checks the table of contents, the symbol table and the postings offset table when opened; entries
// of series and postings when they are read. In memory: the offset of every 8th symbol and every
// 32nd entry of the postings table.
//   threads  any; the bytes outlive it
class IndexReader final : public model::SymbolTable {
  public:
    // errors  kCorrupt, kUnsupported: a version other than 2 or 3
    [[nodiscard]] static base::Result<std::unique_ptr<IndexReader>> open(base::ByteView bytes);
    ~IndexReader() override;

    // A symbol's text; "" for a number there is none of.
    [[nodiscard]] std::string_view text(uint32_t symbol) const override;
    [[nodiscard]] uint32_t symbols() const;

    // Sorted.
    [[nodiscard]] std::vector<std::string_view> label_names() const;
    // The symbol of a text. Threads: any.
    [[nodiscard]] std::optional<uint32_t> find(std::string_view text) const;
    // Sorted. errors  kCorrupt
    [[nodiscard]] base::Result<std::vector<std::string_view>> label_values(
        std::string_view name) const;

    // Empty when there is no such label. errors  kCorrupt
    [[nodiscard]] base::Result<PostingsView> postings(std::string_view name,
                                                      std::string_view value) const;
    [[nodiscard]] base::Result<PostingsView> all_postings() const;

    // Series that all matchers match, ascending (which is the order of their labels); an absent
    // label counts as "". errors  kCorrupt, and the context's
    [[nodiscard]] base::Result<std::vector<SeriesId>> match(
        std::span<const model::Matcher> matchers, const model::QueryContext& context) const;

    // The values of a label that the series of `ids` have, sorted, at most `limit` of them (0:
    // all).
    //   errors  kCorrupt, and the context's
    [[nodiscard]] base::Result<std::vector<std::string_view>> label_values_of(
        std::string_view name,
        std::span<const SeriesId> ids,
        uint64_t limit,
        const model::QueryContext& context) const;

    // Reads the series' labels and chunks (cleared first; null: not wanted).
    //   labels  ascending by name; symbols that text() knows
    //   errors  kCorrupt: no such entry, or its checksum fails
    [[nodiscard]] base::Status series(SeriesId id,
                                      std::vector<model::LabelSymbols>& labels,
                                      std::vector<ChunkMeta>* chunks) const;

  private:
    struct Tables;
    explicit IndexReader(std::unique_ptr<Tables> tables);
    std::unique_ptr<Tables> tables_;
};

}  // namespace tsdb::block
