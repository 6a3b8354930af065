#include "tsdb/head/series_stream.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "base/sync.h"
#include "tsdb/block/chunk_cutting.h"

namespace tsdb {
namespace {

// Chains of segments are walked side by side: a step of one does not wait for that of another.
template <class Records>
void fetch_open_chunks(Records&& records) {
    std::array<const ChunkSegment*, SeriesStream::kBatchSeries> walked;
    size_t count = 0;
    for (const SeriesRecord* record : records) {
        if (record->has_open() && !record->is(SeriesRecord::kHistograms)) {
            walked[count++] = record->tail;
            __builtin_prefetch(record->tail);
        }
    }
    while (count != 0) {
        size_t left = 0;
        for (size_t i = 0; i < count; ++i) {
            if (const ChunkSegment* before = walked[i]->before; before != nullptr) {
                __builtin_prefetch(before);
                walked[left++] = before;
            }
        }
        count = left;
    }
}

int64_t oldest_time(const ClosedChunk* chunk) {
    while (chunk->older != nullptr) {
        chunk = chunk->older;
    }
    return chunk->min_t;
}

}  // namespace

SeriesStream::SeriesStream(const Head& head,
                           std::vector<uint32_t> slots,
                           const Options& options,
                           const model::QueryContext& context,
                           std::shared_ptr<const void> pin)
    : head_(head),
      slots_(std::move(slots)),
      options_(options),
      context_(context),
      pin_(std::move(pin)),
      deleted_(head.tombstones().current()) {
    if (context_.budget != nullptr) {
        reservation_ = base::Reservation(*context_.budget);
    }
}

base::Result<bool> SeriesStream::next(model::SeriesBatch& batch) {
    batch.clear();
    pinned_ = nullptr;
    pinned_file_ = nullptr;
    batch.symbols = pin_ == nullptr
                        ? std::shared_ptr<const model::SymbolTable>(head_.symbols())
                        : std::shared_ptr<const model::SymbolTable>(pin_, head_.symbols().get());
    while (batch.series.empty() && at_ < slots_.size()) {
        TRY(context_.check());
        const size_t count = std::min(kBatchSeries, slots_.size() - at_);
        read_entries(count, batch);
        for (Entry& entry : entries_) {
            TRY(read_files(entry, batch));
            TRY(cut_deleted(entry, batch));
            if (!entry.wanted) {
                continue;
            }
            if (options_.limit != 0 && given_ == options_.limit) {
                at_ = slots_.size();
                break;
            }
            ++given_;
            batch.series.push_back(
                {.id = entry.ref, .labels = labels_of(entry.slot, batch), .chunks = entry.chunks});
        }
    }
    const auto held = static_cast<int64_t>(batch.arena.capacity_bytes());
    if (context_.budget != nullptr && held > reservation_.bytes()) {
        TRY(reservation_.grow(held - reservation_.bytes()));
    }
    return !batch.series.empty();
}

void SeriesStream::read_entries(size_t count, model::SeriesBatch& batch) {
    entries_.assign(count, Entry());
    by_partition_.clear();
    for (size_t i = 0; i < count; ++i) {
        head_.prefetch_slot(slots_[at_ + i]);
    }
    for (size_t i = 0; i < count; ++i) {
        Entry& entry = entries_[i];
        entry.slot = slots_[at_ + i];
        entry.series = head_.at(entry.slot);
        __builtin_prefetch(entry.series.record);
        head_.prefetch_labels(entry.slot);
        if (entry.series.record != nullptr) {
            by_partition_.push_back(&entry);
        }
    }
    at_ += count;
    const auto partition_of = [](const Entry* entry) { return entry->series.partition; };
    std::ranges::stable_sort(by_partition_, {}, partition_of);
    const std::span<Entry* const> all(by_partition_);
    for (size_t from = 0, to = 0; from < all.size(); from = to) {
        while (to < all.size() && partition_of(all[to]) == partition_of(all[from])) {
            ++to;
        }
        read_group(all.subspan(from, to - from), batch);
    }
}

void SeriesStream::read_group(std::span<Entry* const> group, model::SeriesBatch& batch) {
    Partition& partition = head_.partition(group.front()->series.partition);
    const base::MutexLock lock(partition.mutex());
    if (!options_.skip_chunks) {
        fetch_open_chunks(
            group | std::views::transform([](const Entry* entry) { return entry->series.record; }));
    }
    for (Entry* entry : group) {
        entry->ref = entry->series.record->ref();
        if (deleted_ != nullptr) [[unlikely]] {
            entry->deleted = deleted_->of(entry->ref);
        }
        read_memory(*entry, batch);
        entry->in_files = batch.arena.copy(partition.places(*entry->series.record));
    }
}

// Newest first, until a chunk begins before the range: all that follow end before it does.
void SeriesStream::read_memory(Entry& entry, model::SeriesBatch& batch) {
    const SeriesRecord& series = *entry.series.record;
    chunks_.clear();
    const auto add = [&](model::Encoding encoding,
                         std::span<const uint8_t> bytes,
                         int64_t min_t,
                         int64_t max_t) {
        chunks_.push_back({.encoding = encoding,
                           .source = options_.source,
                           .bytes = bytes,
                           .min_t = min_t,
                           .max_t = max_t});
    };
    if (series.has_open() && is_asked(entry, series.min_t, series.chunk.t)) {
        entry.wanted = true;
        if (options_.skip_chunks) {
            return;
        }
        if (series.is(SeriesRecord::kHistograms)) {
            const model::HistogramChunkWriter& writer = series.histograms->writer;
            add(writer.encoding(), batch.arena.copy(writer.bytes()), series.min_t, series.chunk.t);
        } else {
            const auto bytes = batch.arena.allocate<uint8_t>(series.chunk.bytes());
            copy_open_chunk(series, bytes.data());
            add(model::Encoding::kXor, bytes, series.min_t, series.chunk.t);
        }
    }
    for (const ClosedChunk* chunk = series.closed;
         chunk != nullptr && chunk->max_t() >= options_.min_t;
         chunk = chunk->older) {
        if (!is_asked(entry, chunk->min_t, chunk->max_t())) {
            continue;
        }
        entry.wanted = true;
        if (options_.skip_chunks) {
            return;
        }
        pin(chunk, batch);
        add(chunk->encoding(), chunk->bytes(), chunk->min_t, chunk->max_t());
    }
    std::ranges::reverse(chunks_);
    entry.in_memory = batch.arena.copy(std::span<const model::ChunkView>(chunks_));
    entry.chunks = entry.in_memory;
    const bool oldest_is_older = series.closed == nullptr
                                     ? series.has_open() && series.min_t <= options_.min_t
                                     : oldest_time(series.closed) <= options_.min_t;
    entry.files_matter = !oldest_is_older;
}

// Without the partition's lock: the disk may be asked.
base::Status SeriesStream::read_files(Entry& entry, model::SeriesBatch& batch) {
    if (!entry.files_matter || (entry.wanted && options_.skip_chunks)) {
        return base::success();
    }
    const ChunkFiles& files = *head_.files();
    chunks_.clear();
    for (size_t i = entry.in_files.size(); i-- > 0;) {
        auto read = files.read(entry.ref, entry.in_files[i]);
        if (!read) {
            if (!files.has(entry.in_files[i])) {
                break;  // its file went with what is in blocks
            }
            return base::context(base::Status(base::fail(read.error())),
                                 "read a chunk of the head");
        }
        ChunkFiles::Pinned& pinned = read.value();
        const FiledChunk& chunk = pinned.chunk;
        if (chunk.max_t < options_.min_t) {
            break;
        }
        if (!is_asked(entry, chunk.min_t, chunk.max_t)) {
            continue;
        }
        entry.wanted = true;
        if (options_.skip_chunks) {
            return base::success();
        }
        if (pinned.pin.get() != pinned_file_) {
            pinned_file_ = pinned.pin.get();
            batch.pins.push_back(std::move(pinned.pin));
        }
        chunks_.push_back({.encoding = chunk.encoding,
                           .source = options_.source,
                           .bytes = chunk.bytes,
                           .min_t = chunk.min_t,
                           .max_t = chunk.max_t});
    }
    if (chunks_.empty()) {
        return base::success();
    }
    std::ranges::reverse(chunks_);
    chunks_.insert(chunks_.end(), entry.in_memory.begin(), entry.in_memory.end());
    entry.chunks = batch.arena.copy(std::span<const model::ChunkView>(chunks_));
    return base::success();
}

base::Status SeriesStream::cut_deleted(Entry& entry, model::SeriesBatch& batch) {
    if (begins_too_early(entry)) [[unlikely]] {
        block::Intervals hidden(entry.deleted.begin(), entry.deleted.end());
        block::add_interval(hidden, {INT64_MIN, options_.from - 1});
        entry.deleted = batch.arena.copy(std::span<const block::Interval>(hidden));
    }
    const bool touched = std::ranges::any_of(entry.chunks, [&](const model::ChunkView& chunk) {
        return block::overlaps(entry.deleted, chunk.min_t, chunk.max_t);
    });
    if (!touched) {
        return base::success();
    }
    chunks_.clear();
    for (const model::ChunkView& chunk : entry.chunks) {
        if (!block::overlaps(entry.deleted, chunk.min_t, chunk.max_t)) {
            chunks_.push_back(chunk);
            continue;
        }
        TRY(base::context(block::cut_chunk(chunk, entry.deleted, batch.arena, chunks_),
                          "cut deleted samples out of a chunk of the head"));
    }
    std::erase_if(chunks_, [&](const model::ChunkView& chunk) {
        return !in_range(chunk.min_t, chunk.max_t);
    });
    entry.chunks = batch.arena.copy(std::span<const model::ChunkView>(chunks_));
    entry.wanted = !chunks_.empty();
    return base::success();
}

void SeriesStream::pin(const ClosedChunk* chunk, model::SeriesBatch& batch) {
    const void* const block = ClosedChunks::block_address(chunk);
    if (block == pinned_) {
        return;
    }
    pinned_ = block;
    batch.pins.push_back(ClosedChunks::pin(chunk));
}

std::span<const model::LabelSymbols> SeriesStream::labels_of(uint32_t slot,
                                                             model::SeriesBatch& batch) const {
    const LabelSet set = head_.labels_of(slot);
    const auto labels = batch.arena.allocate<model::LabelSymbols>(set.names.size());
    for (size_t i = 0; i < labels.size(); ++i) {
        labels[i] = {.name = set.names[i], .value = set.values[i]};
    }
    return labels;
}

}  // namespace tsdb
