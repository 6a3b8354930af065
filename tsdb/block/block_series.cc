#include "tsdb/block/block_series.h"

#include <algorithm>
#include <utility>

#include "model/labels.h"
#include "tsdb/block/chunk_cutting.h"

namespace tsdb::block {

BlockSeries::BlockSeries(std::shared_ptr<const Block> block,
                         std::vector<SeriesId> ids,
                         const Options& options,
                         const model::QueryContext& context)
    : block_(std::move(block)),
      symbols_(block_, &block_->index()),
      ids_(std::move(ids)),
      options_(options),
      context_(context) {
    if (context_.budget != nullptr) {
        reservation_ = base::Reservation(*context_.budget);
    }
}

base::Result<bool> BlockSeries::next(model::SeriesBatch& batch) {
    batch.clear();
    batch.symbols = symbols_;
    while (batch.series.empty() && at_ < ids_.size()) {
        TRY(context_.check());
        if (base::Status filled = fill(batch); !filled.has_value()) {
            batch.series.clear();
            if (filled.error().code() == base::Code::kCorrupt) {
                block_->report_damage(filled.error());
            }
            return base::fail(std::move(filled).error());
        }
    }
    if (batch.series.empty()) {
        return false;
    }
    batch.pins.push_back(block_);
    const auto held = static_cast<int64_t>(batch.arena.capacity_bytes());
    if (context_.budget != nullptr && held > reservation_.bytes()) {
        TRY(reservation_.grow(held - reservation_.bytes()));
    }
    return true;
}

base::Status BlockSeries::fill(model::SeriesBatch& batch) {
    const size_t wanted = std::exchange(batch_series_, kBatchSeries);
    for (size_t read = 0; read < wanted && at_ < ids_.size();) {
        uint64_t most = std::min<uint64_t>(kAhead, wanted - read);
        if (options_.limit != 0) {
            if (given_ == options_.limit) {
                at_ = ids_.size();
                break;
            }
            most = std::min(most, options_.limit - given_);
        }
        TRY(const size_t count, read_entries(static_cast<size_t>(most)));
        read += count;
        for (size_t i = 0; i < count; ++i) {
            TRY(add_series(entries_[i], batch));
        }
    }
    return base::success();
}

base::Result<size_t> BlockSeries::read_entries(size_t most) {
    const size_t count = std::min(most, ids_.size() - at_);
    for (size_t i = 0; i < count; ++i) {
        Entry& entry = entries_[i];
        entry.id = ids_[at_++];
        auto read = block_->index().series(entry.id, entry.labels, &entry.metas);
        if (!read.has_value()) {
            return base::fail(base::context(std::move(read), block_->index_path()).error());
        }
        for (const ChunkMeta& meta : entry.metas) {
            if (in_range(meta) && !options_.skip_chunks) {
                block_->prefetch(meta.ref);
            }
        }
    }
    return count;
}

base::Status BlockSeries::add_series(const Entry& entry, model::SeriesBatch& batch) {
    if (!in_shard(entry)) {
        return base::success();
    }
    TRY(const bool wanted, read_chunks(entry, batch));
    if (!wanted) {
        return base::success();
    }
    ++given_;
    batch.series.push_back(
        {.id = entry.id,
         .labels = batch.arena.copy(std::span<const model::LabelSymbols>(entry.labels)),
         .chunks = batch.arena.copy(std::span<const model::ChunkView>(chunks_))});
    return base::success();
}

bool BlockSeries::in_range(const ChunkMeta& meta) const {
    return meta.min_t <= options_.max_t && meta.max_t >= options_.min_t;
}

base::Result<bool> BlockSeries::read_chunks(const Entry& entry, model::SeriesBatch& batch) {
    const std::span<const Interval> intervals = deleted(entry.id);
    chunks_.clear();
    for (const ChunkMeta& meta : entry.metas) {
        if (!in_range(meta) || covers(intervals, meta.min_t, meta.max_t)) {
            continue;
        }
        if (options_.skip_chunks) {
            return true;
        }
        TRY(read_chunk(meta, intervals, batch));
    }
    return !chunks_.empty();
}

base::Status BlockSeries::read_chunk(const ChunkMeta& meta,
                                     std::span<const Interval> intervals,
                                     model::SeriesBatch& batch) {
    TRY(const ChunkBytes chunk, block_->chunk(meta.ref));
    const model::ChunkView view{.encoding = chunk.encoding,
                                .source = options_.source,
                                .bytes = chunk.bytes,
                                .min_t = meta.min_t,
                                .max_t = meta.max_t};
    if (overlaps(intervals, meta.min_t, meta.max_t)) {
        return base::context(cut_chunk(view, intervals, batch.arena, chunks_), block_->folder());
    }
    chunks_.push_back(view);
    return base::success();
}

std::span<const Interval> BlockSeries::deleted(SeriesId id) const {
    const Tombstones& tombstones = block_->tombstones();
    if (tombstones.empty()) {
        return {};
    }
    const auto at = tombstones.find(id);
    return at == tombstones.end() ? std::span<const Interval>() : at->second;
}

bool BlockSeries::in_shard(const Entry& entry) const {
    if (options_.shard_count <= 1) {
        return true;
    }
    std::vector<model::LabelView> views;
    views.reserve(entry.labels.size());
    for (const model::LabelSymbols& label : entry.labels) {
        views.push_back({.name = symbols_->text(label.name), .value = symbols_->text(label.value)});
    }
    const uint64_t hash = model::Labels::from_unsorted(std::move(views)).stable_hash();
    return hash % options_.shard_count == options_.shard_index;
}

}  // namespace tsdb::block
