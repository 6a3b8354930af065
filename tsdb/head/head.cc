#include "tsdb/head/head.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tsdb {
namespace {

void lower_to(std::atomic<int64_t>& value, int64_t candidate) {
    int64_t now = value.load(std::memory_order_relaxed);
    while (candidate < now && !value.compare_exchange_weak(now, candidate)) {
    }
}

void raise_to(std::atomic<int64_t>& value, int64_t candidate) {
    int64_t now = value.load(std::memory_order_relaxed);
    while (candidate > now && !value.compare_exchange_weak(now, candidate)) {
    }
}

// INT64_MIN: nobody knows without looking into files.
int64_t oldest_in_memory(const SeriesRecord& series) {
    if (series.places != PlaceLists::kEmpty) {
        return INT64_MIN;
    }
    if (series.closed != nullptr) {
        const ClosedChunk* chunk = series.closed;
        while (chunk->older != nullptr) {
            chunk = chunk->older;
        }
        return chunk->min_t;
    }
    return series.has_open() ? series.min_t : INT64_MAX;
}

}  // namespace

Head::Head(base::Budget& budget, const ChunkRules& rules, ChunkFiles* files)
    : memory_(budget),
      rules_(rules),
      files_(files),
      exemplars_(memory_),
      block_pool_(memory_),
      late_(memory_),
      catalog_(memory_),
      slots_(memory_),
      tombstones_(memory_) {
    for (size_t i = 0; i < kPartitions; ++i) {
        partitions_.push_back(std::make_unique<Partition>(memory_, block_pool_));
    }
}

base::Result<model::SeriesHandle> Head::resolve(const model::Labels& labels,
                                                uint64_t hash,
                                                model::Origin origin,
                                                bool* created) {
    bool is_new = false;
    uint32_t check = 0;
    TRY(const uint32_t slot, find_or_create(labels, hash, origin, 0, check, is_new));
    if (created != nullptr) {
        *created = is_new;
    }
    return model::SeriesHandle{.slot = slot, .check = check};
}

base::Result<uint32_t> Head::restore(const model::Labels& labels, uint64_t ref) {
    raise_to_ref(ref);
    bool is_new = false;
    uint32_t check = 0;
    return find_or_create(labels, labels.hash(), model::origin_of(labels), ref, check, is_new);
}

// ref 0: the next one, and the budget has a say.
base::Result<uint32_t> Head::find_or_create(const model::Labels& labels,
                                            uint64_t hash,
                                            model::Origin origin,
                                            uint64_t ref,
                                            uint32_t& check,
                                            bool& created) {
    const bool replayed = ref != 0;
    const auto reserve = [&]() -> base::Result<uint32_t> {
        if (!replayed) {
            TRY(memory_.probe(kNewSeriesBytes));
            ref = last_ref_.fetch_add(1, std::memory_order_relaxed) + 1;
        }
        if (ref > kSeriesRefMax) {
            return base::fail(base::Code::kLimit, "series ref", ref, "is beyond 2^40");
        }
        return reserve_slot();
    };
    const auto publish_slot = [&](uint32_t slot, LabelsRef set) {
        publish(slot, origin, ref, !replayed);
        if (!replayed) {
            const base::MutexLock lock(new_mutex_);
            new_series_.push_back({.ref = ref, .labels = set});
            series_created_.fetch_add(1, std::memory_order_relaxed);
        }
    };
    const auto found = [&](uint32_t slot) { check = slots_.get(slot).record->ref_low; };
    return catalog_.find_or_create(labels, hash, reserve, publish_slot, found, created);
}

base::Result<uint32_t> Head::reserve_slot() {
    const base::MutexLock lock(free_mutex_);
    if (!free_slots_.empty()) {
        const uint32_t slot = free_slots_.back();
        free_slots_.pop_back();
        return slot;
    }
    const uint32_t slot = next_slot_.load(std::memory_order_relaxed);
    if (slot >= SlotTable::kSlotsMax) {
        return base::fail(base::Code::kLimit, "the head holds", slot, "series: no more fit");
    }
    next_slot_.store(slot + 1, std::memory_order_release);
    return slot;
}

void Head::publish(uint32_t slot, model::Origin origin, uint64_t ref, bool fresh) {
    const auto number = static_cast<uint16_t>(origin % kPartitions);
    SeriesRecord* record;
    {
        Partition& partition = *partitions_[number];
        const base::MutexLock lock(partition.mutex());
        record = partition.create(ref);
        record->set(SeriesRecord::kFresh, fresh);
    }
    slots_.set(slot, {.record = record, .partition = number});
    series_.fetch_add(1, std::memory_order_relaxed);
}

void Head::raise_to_ref(uint64_t ref) {
    uint64_t now = last_ref_.load(std::memory_order_relaxed);
    while (ref > now && !last_ref_.compare_exchange_weak(now, ref)) {
    }
}

std::vector<NewSeries> Head::take_new_series() {
    const base::MutexLock lock(new_mutex_);
    return std::exchange(new_series_, {});
}

void Head::log_again(uint32_t slot) {
    const base::MutexLock lock(new_mutex_);
    new_series_.push_back({.ref = slots_.get(slot).record->ref(), .labels = catalog_.ref_of(slot)});
}

void Head::return_new_series(std::vector<NewSeries> series) {
    const base::MutexLock lock(new_mutex_);
    series.insert(series.end(), new_series_.begin(), new_series_.end());
    new_series_ = std::move(series);
}

int64_t Head::min_valid_time(int64_t first_t) const {
    const int64_t newest = max_time();
    const int64_t from = min_time() > newest ? first_t : newest;
    const int64_t window = rules_.range_ms / 2;
    const int64_t window_start = from < INT64_MIN + window ? INT64_MIN : from - window;
    return std::max(window_start, floor_.load(std::memory_order_acquire));
}

Admission Head::apply_histogram(const HeadHistogram& sample, int64_t min_valid_t) {
    SeriesRecord& series = *sample.series.record;
    Partition& partition = *partitions_[sample.series.partition];
    const base::MutexLock lock(partition.mutex());
    const auto append = [&](const auto& histogram) REQUIRES_LOCK(partition.mutex()) {
        const Admission admission = admit_histogram(series, sample.t, histogram, min_valid_t);
        if (admission == Admission::kAppend) {
            chunks_.fetch_add(partition.append_histogram(series, sample.t, histogram, rules_),
                              std::memory_order_relaxed);
        }
        return admission;
    };
    return sample.integer != nullptr ? append(*sample.integer) : append(*sample.floating);
}

void Head::extend(int64_t min_t, int64_t max_t) {
    lower_to(min_t_, min_t);
    lower_to(min_t_since_, min_t);
    raise_to(max_t_, max_t);
}

bool Head::rename_empty(uint32_t slot, uint64_t ref) {
    const SlotEntry entry = slots_.get(slot);
    Partition& partition = *partitions_[entry.partition];
    const base::MutexLock lock(partition.mutex());
    if (entry.record->has_samples()) {
        return false;
    }
    entry.record->set_ref(ref);
    return true;
}

void Head::restore_chunk(uint32_t slot, ChunkPlace place, int64_t max_t) {
    const SlotEntry entry = slots_.get(slot);
    Partition& partition = *partitions_[entry.partition];
    const base::MutexLock lock(partition.mutex());
    SeriesRecord& series = *entry.record;
    const bool first = !series.has_samples();
    if (partition.add_place(series, place)) {
        series.chunk.t = first ? max_t : std::max(series.chunk.t, max_t);
        chunks_.fetch_add(1, std::memory_order_relaxed);
    }
}

void Head::forget_samples(uint32_t slot) {
    const SlotEntry entry = slots_.get(slot);
    Partition& partition = *partitions_[entry.partition];
    const base::MutexLock lock(partition.mutex());
    chunks_.fetch_sub(partition.empty(*entry.record), std::memory_order_relaxed);
}

void Head::set_out_of_order(uint32_t slot, bool on) {
    const SlotEntry entry = slots_.get(slot);
    const base::MutexLock lock(partitions_[entry.partition]->mutex());
    entry.record->set(SeriesRecord::kOutOfOrder, on);
}

base::Status Head::file_chunks(size_t at_least) {
    if (files_ == nullptr) {
        return base::success();
    }
    size_t waiting = 0;
    for (const auto& partition : partitions_) {
        const base::MutexLock lock(partition->mutex());
        waiting += partition->closed_bytes();
    }
    if (waiting == 0 || waiting < at_least) {
        return base::success();
    }
    for (const auto& partition : partitions_) {
        TRY(base::context(file_partition(*partition), "write complete chunks to their files"));
    }
    return base::success();
}

// The lock is held for memory work only: nobody but this thread changes the lists.
base::Status Head::file_partition(Partition& partition) {
    std::vector<FilingChunk> filing;
    {
        const base::MutexLock lock(partition.mutex());
        if (partition.closed_bytes() == 0) {
            return base::success();
        }
        partition.list_closed(filing);
    }
    for (size_t from = 0; from < filing.size();) {
        const size_t to = std::min(filing.size(), from + kFilingChunksMax);
        for (size_t i = from; i < to; ++i) {
            FilingChunk& entry = filing[i];
            TRY(entry.place,
                files_->append(entry.series->ref(),
                               entry.chunk->min_t,
                               entry.chunk->max_t(),
                               entry.chunk->encoding(),
                               false,
                               entry.chunk->bytes()));
        }
        TRY(files_->flush());
        const base::MutexLock lock(partition.mutex());
        partition.filed(filing.begin() + static_cast<std::ptrdiff_t>(from),
                        filing.begin() + static_cast<std::ptrdiff_t>(to));
        from = to;
    }
    return base::success();
}

void Head::raise_floor(int64_t min_t) {
    raise_to(floor_, min_t);
}

void Head::begin_at(int64_t min_t) {
    min_t_since_.store(INT64_MAX, std::memory_order_relaxed);
    min_t_.store(min_t, std::memory_order_release);
}

void Head::raise_min_time(int64_t oldest) {
    const int64_t since = min_t_since_.load(std::memory_order_relaxed);
    raise_to(min_t_, std::min(oldest, since));
}

int64_t Head::sweep(uint32_t from, uint32_t to, int64_t min_t, SweptSeries& swept) {
    uint64_t dropped = 0;
    int64_t oldest = INT64_MAX;
    const auto alive = [&](ChunkPlace place) { return files_->has(place); };
    for (uint32_t slot = from; slot < to; ++slot) {
        const SlotEntry entry = slots_.get(slot);
        if (entry.record == nullptr || entry.record->is(SeriesRecord::kSwept)) {
            continue;
        }
        SeriesRecord& series = *entry.record;
        Partition& partition = *partitions_[entry.partition];
        const base::MutexLock lock(partition.mutex());
        const bool over =
            series.has_samples() ? series.chunk.t < min_t : !series.is(SeriesRecord::kFresh);
        series.set(SeriesRecord::kFresh, false);
        if (over && !series.is(SeriesRecord::kOutOfOrder)) {
            dropped += partition.empty(series);
            series.set(SeriesRecord::kSwept, true);
            swept.slots.push_back(slot);
            swept.refs.push_back(series.ref());
            continue;
        }
        if (files_ != nullptr) {
            dropped += partition.drop_places(series, alive);
        }
        oldest = std::min(oldest, std::max(min_t, oldest_in_memory(series)));
    }
    chunks_.fetch_sub(dropped, std::memory_order_relaxed);
    exemplars_.drop(swept.refs);
    return oldest;
}

void Head::recycle(Unlinked&& unlinked) {
    slot_order_.forget();
    const std::vector<uint32_t> slots(unlinked.slots().begin(), unlinked.slots().end());
    std::vector<uint64_t> refs;
    refs.reserve(slots.size());
    for (const uint32_t slot : slots) {
        const SlotEntry entry = slots_.get(slot);
        refs.push_back(entry.record->ref());
        slots_.clear(slot);
        Partition& partition = *partitions_[entry.partition];
        const base::MutexLock lock(partition.mutex());
        partition.recycle(*entry.record);
    }
    for (const auto& partition : partitions_) {
        const base::MutexLock lock(partition->mutex());
        partition->trim();
    }
    forget_new_series(std::move(refs));
    catalog_.recycle(std::move(unlinked));
    series_.fetch_sub(slots.size(), std::memory_order_relaxed);
    series_removed_.fetch_add(slots.size(), std::memory_order_relaxed);
    const base::MutexLock lock(free_mutex_);
    free_slots_.insert(free_slots_.end(), slots.begin(), slots.end());
}

// Some may still wait for the log, if it was never written since: their labels go now.
void Head::forget_new_series(std::vector<uint64_t> refs) {
    const base::MutexLock lock(new_mutex_);
    if (new_series_.empty() || refs.empty()) {
        return;
    }
    std::ranges::sort(refs);
    std::erase_if(new_series_, [&](const NewSeries& series) {
        return std::ranges::binary_search(refs, series.ref);
    });
}

bool Head::of_one_partition(std::span<const HeadSample> samples) {
    return std::ranges::all_of(samples, [&](const HeadSample& sample) {
        return sample.series.partition == samples.front().series.partition;
    });
}

std::vector<HeadSample> Head::sort_by_partition(std::span<const HeadSample> samples) {
    std::array<size_t, kPartitions + 1> from{};
    for (const HeadSample& sample : samples) {
        ++from[sample.series.partition + 1u];
    }
    for (size_t i = 1; i <= kPartitions; ++i) {
        from[i] += from[i - 1];
    }
    std::vector<HeadSample> sorted(samples.size());
    for (const HeadSample& sample : samples) {
        sorted[from[sample.series.partition]++] = sample;
    }
    return sorted;
}

}  // namespace tsdb
