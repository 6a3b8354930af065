#include "tsdb/compact/compactor.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "tsdb/compact/chunk_merger.h"
#include "tsdb/compact/errors.h"
#include "tsdb/compact/series_cursor.h"
#include "tsdb/compact/symbol_union.h"

namespace tsdb {
namespace {

using base::Status;
using base::success;
using block::Block;
using block::BlockMeta;
using block::BlockWriter;

using Blocks = std::span<const std::shared_ptr<const Block>>;

int64_t last_time(const BlockMeta& meta) {
    return meta.max_t > std::numeric_limits<int64_t>::min() ? meta.max_t - 1 : meta.max_t;
}

// The cursors at the series that comes next, all of the same labels; empty at the end.
void find_next(std::vector<SeriesCursor>& cursors, std::vector<SeriesCursor*>& found) {
    found.clear();
    for (SeriesCursor& cursor : cursors) {
        if (cursor.at_end()) {
            continue;
        }
        const auto order = found.empty() ? std::strong_ordering::less
                                         : compare_labels(cursor.labels(), found.front()->labels());
        if (order == std::strong_ordering::less) {
            found.clear();
        }
        if (order != std::strong_ordering::greater) {
            found.push_back(&cursor);
        }
    }
}

Status merge_series(Blocks blocks,
                    const SymbolNumbers& numbers,
                    ChunkMerger& merger,
                    BlockWriter& writer,
                    const std::stop_token& stop) {
    std::vector<SeriesCursor> cursors;
    cursors.reserve(blocks.size());
    for (size_t i = 0; i < blocks.size(); ++i) {
        cursors.emplace_back(*blocks[i], numbers[i]);
        TRY(cursors.back().next());
    }
    std::vector<SeriesCursor*> found;
    for (find_next(cursors, found); !found.empty(); find_next(cursors, found)) {
        TRY(check_not_stopped(stop));
        merger.begin();
        for (const SeriesCursor* const cursor : found) {
            TRY(merger.add(cursor->block(), cursor->chunks(), cursor->deleted()));
        }
        TRY(const auto chunks, merger.finish());
        if (!chunks.empty()) {
            TRY(writer.add_series(found.front()->labels(), chunks));
        }
        for (SeriesCursor* const cursor : found) {
            TRY(cursor->next());
        }
    }
    return success();
}

bool any_has(std::span<const BlockMeta> metas, std::string_view hint) {
    return std::ranges::any_of(metas, [&](const BlockMeta& meta) { return meta.has_hint(hint); });
}

bool all_have(std::span<const BlockMeta> metas, std::string_view hint) {
    return std::ranges::all_of(metas, [&](const BlockMeta& meta) { return meta.has_hint(hint); });
}

// Of the numbers of all symbols.
uint64_t number_bytes(Blocks blocks) {
    uint64_t bytes = 0;
    for (const auto& block : blocks) {
        bytes += block->index().symbols() * sizeof(uint32_t);
    }
    return bytes;
}

}  // namespace

BlockMeta compacted_meta(std::span<const BlockMeta> metas) {
    SKEIN_CHECK(!metas.empty(), "nothing to compact");
    BlockMeta out;
    out.min_t = metas.front().min_t;
    out.max_t = metas.front().max_t;
    std::set<block::Ulid> sources;
    for (const BlockMeta& meta : metas) {
        out.min_t = std::min(out.min_t, meta.min_t);
        out.max_t = std::max(out.max_t, meta.max_t);
        out.level = std::max(out.level, meta.level);
        sources.insert(meta.sources.begin(), meta.sources.end());
        out.parents.push_back({.ulid = meta.ulid, .min_t = meta.min_t, .max_t = meta.max_t});
    }
    ++out.level;
    out.sources.assign(sources.begin(), sources.end());
    if (all_have(metas, block::kHintOutOfOrder)) {
        out.hints.emplace_back(block::kHintOutOfOrder);
    }
    for (const std::string_view hint : {block::kHintStaleSeries, block::kHintSelectedSeries}) {
        if (any_has(metas, hint)) {
            out.hints.emplace_back(hint);
        }
    }
    return out;
}

base::Result<std::optional<BlockMeta>> compact_blocks(base::Files& files,
                                                      const base::Path& data_folder,
                                                      Blocks blocks,
                                                      const block::Ulid& ulid,
                                                      const CompactionOptions& options,
                                                      const std::stop_token& stop) {
    std::vector<BlockMeta> metas;
    for (const auto& block : blocks) {
        metas.push_back(block->meta());
    }
    BlockMeta meta = compacted_meta(metas);
    TRY(auto writer, BlockWriter::create(files, data_folder, ulid, options.writing));
    base::TakenMemory taken(options.writing.memory);
    taken.set(number_bytes(blocks));
    TRY(const SymbolNumbers numbers, unite_symbols(blocks, *writer, stop));
    ChunkMerger merger(meta.min_t, last_time(meta), options.samples_per_chunk);
    TRY(merge_series(blocks, numbers, merger, *writer, stop));
    TRY(check_not_stopped(stop));
    return writer->publish(std::move(meta));
}

}  // namespace tsdb
