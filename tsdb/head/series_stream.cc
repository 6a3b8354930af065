#include "tsdb/head/series_stream.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <ranges>

#include "base/sync.h"
#include "tsdb/block/chunk_cutting.h"
#include "tsdb/head/chunk_entry.h"

namespace tsdb {
namespace {

// Chains of segments are walked side by side: a step of one does not wait for that of another.
template <class Records>
void fetch_open_chunks(Records&& records) {
    std::array<const ChunkSegment*, SeriesStream::kLockedSeries> walked;
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
    files_.clear();
    batch.symbols = pin_ == nullptr
                        ? std::shared_ptr<const model::SymbolTable>(head_.symbols())
                        : std::shared_ptr<const model::SymbolTable>(pin_, head_.symbols().get());
    while (batch.series.empty() && at_ < slots_.size()) {
        TRY(context_.check());
        TRY(read_entries(std::min(batch_series_, slots_.size() - at_), batch));
        for (const Entry& entry : entries_) {
            if (!entry.wanted) {
                continue;
            }
            if (options_.limit != 0 && given_ == options_.limit) {
                at_ = slots_.size();
                break;
            }
            ++given_;
            batch.series.push_back(
                {.id = entry.ref, .labels = entry.labels, .chunks = entry.chunks()});
        }
    }
    if (batch.arena.capacity_bytes() > kBatchBytes && batch_series_ > kLockedSeries) {
        batch_series_ /= 2;
    }
    const auto held = static_cast<int64_t>(batch.arena.capacity_bytes());
    if (context_.budget != nullptr && held > reservation_.bytes()) {
        TRY(reservation_.grow(held - reservation_.bytes()));
    }
    return !batch.series.empty();
}

base::Status SeriesStream::read_entries(size_t count, model::SeriesBatch& batch) {
    constexpr size_t kFilesAhead = 8;  // series whose chunks in files are asked for
    find_entries(count);
    list_by_partition();
    const std::span<Entry* const> all(by_partition_);
    for (size_t from = 0, to = 0; from < all.size(); from = to) {
        while (to < all.size() && to - from < kLockedSeries &&
               all[to]->series.partition == all[from]->series.partition) {
            ++to;
        }
        read_group(all.subspan(from, to - from), batch);
    }
    for (size_t i = 0; i < all.size(); ++i) {
        if (i + kFilesAhead < all.size() && !all[i + kFilesAhead]->in_files.empty()) {
            const ChunkPlace newest = all[i + kFilesAhead]->in_files.back();
            if (const ChunkFile* const file = file_of(newest, batch)) {
                file->prefetch(newest);
            }
        }
        TRY(read_files(*all[i], batch));
        TRY(cut_deleted(*all[i], batch));
        if (all[i]->wanted) {
            all[i]->labels = labels_of(all[i]->slot, batch);
        }
    }
    return base::success();
}

void SeriesStream::find_entries(size_t count) {
    entries_.resize(count);
    for (size_t i = 0; i < count; ++i) {
        head_.prefetch_slot(slots_[at_ + i]);
    }
    for (size_t i = 0; i < count; ++i) {
        const uint32_t slot = slots_[at_ + i];
        entries_[i] = {.slot = slot, .series = head_.at(slot)};
        __builtin_prefetch(entries_[i].series.record);
        head_.prefetch_labels(slot);
    }
    at_ += count;
}

void SeriesStream::list_by_partition() {
    std::array<size_t, Head::kPartitions + 1> from{};
    size_t there = 0;
    for (const Entry& entry : entries_) {
        if (entry.series.record != nullptr) {
            ++from[entry.series.partition + 1U];
            ++there;
        }
    }
    std::partial_sum(from.begin(), from.end(), from.begin());
    by_partition_.resize(there);
    for (Entry& entry : entries_) {
        if (entry.series.record != nullptr) {
            by_partition_[from[entry.series.partition]++] = &entry;
        }
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
        read_memory(*entry, partition.places(*entry->series.record), batch);
    }
}

void SeriesStream::read_memory(Entry& entry,
                               std::span<const ChunkPlace> places,
                               model::SeriesBatch& batch) {
    const SeriesRecord& series = *entry.series.record;
    size_t closed = 0;
    int64_t oldest = series.has_open() ? series.min_t : INT64_MAX;
    for (const ClosedChunk* chunk = series.closed; chunk != nullptr; chunk = chunk->older) {
        ++closed;
        oldest = chunk->min_t;
    }
    if (oldest > options_.min_t) {
        entry.in_files = batch.arena.copy(places);
    }
    if (!options_.skip_chunks) {
        entry.first = entry.in_files.size() + closed + (series.has_open() ? 1 : 0);
        entry.room = batch.arena.allocate<model::ChunkView>(entry.first);
    }
    if (series.has_open() && is_asked(entry, series.min_t, series.chunk.t)) {
        entry.wanted = true;
        if (!options_.skip_chunks) {
            put_open(entry, batch);
        }
    }
    // Newest first, until a chunk begins before the range: all that follow end before it does.
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
        put(entry, chunk->encoding(), chunk->bytes(), chunk->min_t, chunk->max_t());
    }
}

void SeriesStream::put_open(Entry& entry, model::SeriesBatch& batch) const {
    const SeriesRecord& series = *entry.series.record;
    if (series.is(SeriesRecord::kHistograms)) {
        const model::HistogramChunkWriter& writer = series.histograms->writer;
        const auto bytes = batch.arena.copy(writer.bytes());
        put(entry, writer.encoding(), bytes, series.min_t, series.chunk.t);
        return;
    }
    const size_t size = series.chunk.bytes();
    const auto room = batch.arena.allocate<uint8_t>(open_chunk_room(size));
    copy_open_chunk(series, room.data());
    put(entry, model::Encoding::kXor, room.first(size), series.min_t, series.chunk.t);
}

// Without the partition's lock: the disk may be asked.
base::Status SeriesStream::read_files(Entry& entry, model::SeriesBatch& batch) {
    if (entry.wanted && options_.skip_chunks) {
        return base::success();
    }
    for (size_t i = entry.in_files.size(); i-- > 0;) {
        const ChunkFile* const file = file_of(entry.in_files[i], batch);
        if (file == nullptr) {
            break;  // it went with what is in blocks
        }
        const auto read = file->read(entry.ref, entry.in_files[i]);
        if (!read) {
            return base::context(base::Status(base::fail(read.error())),
                                 "read a chunk of the head");
        }
        const FiledChunk& chunk = read.value();
        if (chunk.max_t < options_.min_t) {
            break;
        }
        if (!is_asked(entry, chunk.min_t, chunk.max_t)) {
            continue;
        }
        entry.wanted = true;
        if (options_.skip_chunks) {
            break;
        }
        put(entry, chunk.encoding, chunk.bytes, chunk.min_t, chunk.max_t);
    }
    return base::success();
}

const ChunkFile* SeriesStream::file_of(ChunkPlace place, model::SeriesBatch& batch) {
    const uint32_t number = place_file(place);
    const auto known = std::ranges::find(files_, number, &OpenFile::number);
    if (known != files_.end()) {
        return known->file;
    }
    auto file = head_.files()->file(place);
    files_.push_back({.number = number, .file = file.get()});
    if (file != nullptr) {
        batch.pins.push_back(std::move(file));
    }
    return files_.back().file;
}

base::Status SeriesStream::cut_deleted(Entry& entry, model::SeriesBatch& batch) {
    if (begins_too_early(entry)) [[unlikely]] {
        block::Intervals hidden(entry.deleted.begin(), entry.deleted.end());
        block::add_interval(hidden, {INT64_MIN, options_.from - 1});
        entry.deleted = batch.arena.copy(std::span<const block::Interval>(hidden));
    }
    const bool touched = !entry.deleted.empty() &&
                         std::ranges::any_of(entry.chunks(), [&](const model::ChunkView& chunk) {
                             return block::overlaps(entry.deleted, chunk.min_t, chunk.max_t);
                         });
    if (!touched) {
        return base::success();
    }
    chunks_.clear();
    for (const model::ChunkView& chunk : entry.chunks()) {
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
    entry.room = batch.arena.allocate<model::ChunkView>(chunks_.size());
    entry.first = 0;
    std::ranges::copy(chunks_, entry.room.begin());
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
