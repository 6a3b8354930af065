#include "tsdb/head/series_stream.h"

#include <algorithm>

#include "base/sync.h"

namespace tsdb {

SeriesStream::SeriesStream(const Head& head,
                           std::vector<uint32_t> slots,
                           const Options& options,
                           const model::QueryContext& context)
    : head_(head), slots_(std::move(slots)), options_(options), context_(context) {
    if (context_.budget != nullptr) {
        reservation_ = base::Reservation(*context_.budget);
    }
}

base::Result<bool> SeriesStream::next(model::SeriesBatch& batch) {
    batch.clear();
    pinned_ = nullptr;
    batch.symbols = head_.symbols();
    while (batch.series.empty() && at_ < slots_.size()) {
        TRY(context_.check());
        const size_t count = std::min(kBatchSeries, slots_.size() - at_);
        entries_.clear();
        for (size_t i = 0; i < count; ++i) {
            entries_.push_back(
                {.series = head_.at(slots_[at_ + i]), .chunks = {}, .wanted = false});
        }
        at_ += count;
        for (size_t from = 0, to = 0; from < count; from = to) {
            while (to < count && entries_[to].series.partition == entries_[from].series.partition) {
                ++to;
            }
            read_run(std::span(entries_).subspan(from, to - from), batch);
        }
        for (const Entry& entry : entries_) {
            if (!entry.wanted) {
                continue;
            }
            if (options_.limit != 0 && given_ == options_.limit) {
                at_ = slots_.size();
                break;
            }
            ++given_;
            batch.series.push_back({.id = entry.series.record->ref(),
                                    .labels = labels_of(entry.series, batch),
                                    .chunks = entry.chunks});
        }
    }
    const auto held = static_cast<int64_t>(batch.arena.capacity_bytes());
    if (context_.budget != nullptr && held > reservation_.bytes()) {
        TRY(reservation_.grow(held - reservation_.bytes()));
    }
    return !batch.series.empty();
}

// All series of the run are of one partition.
void SeriesStream::read_run(std::span<Entry> run, model::SeriesBatch& batch) {
    Partition& partition = head_.partition(run.front().series.partition);
    const base::MutexLock lock(partition.mutex());
    for (Entry& entry : run) {
        if (entry.series.record != nullptr) {
            read_chunks(entry, batch);
        }
    }
}

void SeriesStream::read_chunks(Entry& entry, model::SeriesBatch& batch) {
    const SeriesRecord& series = *entry.series.record;
    chunks_.clear();
    if (series.has_open() && in_range(series.min_t, series.chunk.t)) {
        entry.wanted = true;
        if (!options_.skip_chunks) {
            const auto bytes = batch.arena.allocate<uint8_t>(series.chunk.bytes());
            copy_open_chunk(series, bytes.data());
            chunks_.push_back({.encoding = model::Encoding::kXor,
                               .source = options_.source,
                               .bytes = bytes,
                               .min_t = series.min_t,
                               .max_t = series.chunk.t});
        }
    }
    for (const ClosedChunk* chunk = series.closed;
         chunk != nullptr && chunk->max_t() >= options_.min_t;
         chunk = chunk->older) {
        if (!in_range(chunk->min_t, chunk->max_t())) {
            continue;
        }
        entry.wanted = true;
        if (options_.skip_chunks) {
            return;
        }
        pin(chunk, batch);
        chunks_.push_back({.encoding = chunk->encoding,
                           .source = options_.source,
                           .bytes = chunk->bytes(),
                           .min_t = chunk->min_t,
                           .max_t = chunk->max_t()});
    }
    std::ranges::reverse(chunks_);
    entry.chunks = batch.arena.copy(std::span<const model::ChunkView>(chunks_));
}

void SeriesStream::pin(const ClosedChunk* chunk, model::SeriesBatch& batch) {
    const void* const block = ClosedChunks::block_address(chunk);
    if (block == pinned_) {
        return;
    }
    pinned_ = block;
    batch.pins.push_back(ClosedChunks::pin(chunk));
}

std::span<const model::LabelSymbols> SeriesStream::labels_of(const SlotEntry& series,
                                                             model::SeriesBatch& batch) const {
    const LabelSet set = head_.label_sets().get(series.record->labels);
    const auto labels = batch.arena.allocate<model::LabelSymbols>(set.names.size());
    for (size_t i = 0; i < labels.size(); ++i) {
        labels[i] = {.name = set.names[i], .value = set.values[i]};
    }
    return labels;
}

}  // namespace tsdb
