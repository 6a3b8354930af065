#include "tsdb/head/out_of_order.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "model/sample.h"
#include "tsdb/head/chunk_entry.h"

namespace tsdb {
namespace {

constexpr size_t kNodeBytes = 64;  // what the map needs for a series beside it, about

template <class AnyHistogram>
bool same_histogram(const AnyHistogram& a, const AnyHistogram& b) {
    return a == b || (model::is_stale(a.sum) && model::is_stale(b.sum));
}

bool same_value(const model::TypedSample& a, const model::TypedSample& b) {
    if (a.integer != nullptr && b.integer != nullptr) {
        return same_histogram(*a.integer, *b.integer);
    }
    if (a.floating != nullptr && b.floating != nullptr) {
        return same_histogram(*a.floating, *b.floating);
    }
    return a.is_float() && b.is_float() &&
           std::bit_cast<uint64_t>(a.v) == std::bit_cast<uint64_t>(b.v);
}

template <class T>
size_t heap_bytes(const std::vector<T>& values) {
    return values.capacity() * sizeof(T);
}

template <class AnyHistogram>
size_t heap_bytes(const AnyHistogram& histogram, size_t buckets) {
    return sizeof(AnyHistogram) + heap_bytes(histogram.positive_spans) +
           heap_bytes(histogram.negative_spans) + heap_bytes(histogram.custom_values) + buckets;
}

size_t histogram_bytes(const model::TypedSample& sample) {
    if (sample.integer != nullptr) {
        const model::Histogram& histogram = *sample.integer;
        return heap_bytes(
            histogram,
            heap_bytes(histogram.positive_deltas) + heap_bytes(histogram.negative_deltas));
    }
    if (sample.floating != nullptr) {
        const model::FloatHistogram& histogram = *sample.floating;
        return heap_bytes(
            histogram,
            heap_bytes(histogram.positive_buckets) + heap_bytes(histogram.negative_buckets));
    }
    return 0;
}

size_t bytes_of(const LateSeries& series) {
    size_t bytes = kNodeBytes + heap_bytes(series.chunks) + heap_bytes(series.open);
    for (const LateChunk& chunk : series.chunks) {
        bytes += chunk.held == nullptr ? 0 : sizeof(model::EncodedChunk) + chunk.held->bytes.size();
    }
    for (const model::TypedSample& sample : series.open) {
        bytes += histogram_bytes(sample);
    }
    return bytes;
}

auto place_in(std::vector<model::TypedSample>& open, int64_t t) {
    return std::ranges::lower_bound(open, t, {}, &model::TypedSample::t);
}

OutOfOrderStore::Meets meets(const std::vector<model::TypedSample>& open,
                             const model::TypedSample& sample) {
    const auto at = std::ranges::lower_bound(open, sample.t, {}, &model::TypedSample::t);
    if (at == open.end() || at->t != sample.t) {
        return OutOfOrderStore::Meets::kNothing;
    }
    return same_value(*at, sample) ? OutOfOrderStore::Meets::kSame
                                   : OutOfOrderStore::Meets::kDuplicate;
}

}  // namespace

OutOfOrderStore::~OutOfOrderStore() {
    for (Shard& shard : shards_) {
        const base::MutexLock lock(shard.mutex);
        for (const auto& [slot, series] : shard.series) {
            memory_.add(HeadPart::kOutOfOrder, -static_cast<int64_t>(series.accounted));
        }
    }
}

OutOfOrderStore::Meets OutOfOrderStore::look(uint32_t slot,
                                             const model::TypedSample& sample) const {
    const Shard& shard = shard_of(slot);
    const base::MutexLock lock(shard.mutex);
    const auto at = shard.series.find(slot);
    return at == shard.series.end() ? Meets::kNothing : meets(at->second.has.open, sample);
}

size_t OutOfOrderStore::open_samples(uint32_t slot) const {
    const Shard& shard = shard_of(slot);
    const base::MutexLock lock(shard.mutex);
    const auto at = shard.series.find(slot);
    return at == shard.series.end() ? 0 : at->second.has.open.size();
}

OutOfOrderStore::Series& OutOfOrderStore::find_or_add(Shard& shard, uint32_t slot, uint64_t ref) {
    const auto [at, added] = shard.series.try_emplace(slot);
    if (added) {
        at->second.has.ref = ref;
        series_.fetch_add(1, std::memory_order_relaxed);
    }
    return at->second;
}

OutOfOrderStore::Meets OutOfOrderStore::insert(uint32_t slot,
                                               uint64_t ref,
                                               model::TypedSample sample) {
    const int64_t t = sample.t;
    {
        Shard& shard = shard_of(slot);
        const base::MutexLock lock(shard.mutex);
        Series& series = find_or_add(shard, slot, ref);
        if (const Meets met = meets(series.has.open, sample); met != Meets::kNothing) {
            return met;
        }
        if (series.has.open.size() == kOpenSamples) {
            close_series(slot, series);
        }
        std::vector<model::TypedSample>& open = series.has.open;
        open.insert(place_in(open, t), std::move(sample));
        account(series);
    }
    extend(t, t);
    return Meets::kNothing;
}

void OutOfOrderStore::close(uint32_t slot) {
    Shard& shard = shard_of(slot);
    const base::MutexLock lock(shard.mutex);
    const auto at = shard.series.find(slot);
    if (at != shard.series.end()) {
        close_series(slot, at->second);
        account(at->second);
    }
}

void OutOfOrderStore::close_series(uint32_t slot, Series& series) {
    if (series.has.open.empty()) {
        return;
    }
    std::vector<model::EncodedChunk> encoded;
    model::encode_samples(series.has.open, kOpenSamples, encoded);
    series.has.open.clear();
    waiting_.push_back(slot);
    for (model::EncodedChunk& chunk : encoded) {
        const int64_t min_t = chunk.min_t;
        const int64_t max_t = chunk.max_t;
        series.has.chunks.push_back(
            {.min_t = min_t,
             .max_t = max_t,
             .ref = series.has.ref,
             .held = std::make_shared<const model::EncodedChunk>(std::move(chunk))});
    }
}

void OutOfOrderStore::forget_open(uint32_t slot) {
    Shard& shard = shard_of(slot);
    const base::MutexLock lock(shard.mutex);
    const auto at = shard.series.find(slot);
    if (at != shard.series.end()) {
        at->second.has.open.clear();
        account(at->second);
    }
}

base::Status OutOfOrderStore::file_held(ChunkFiles& files, std::vector<FiledLateChunk>& filed) {
    const size_t count = std::min(waiting_.size(), kFiledAtOnce);
    std::vector<uint32_t> slots(waiting_.end() - static_cast<std::ptrdiff_t>(count),
                                waiting_.end());
    std::ranges::sort(slots);
    const auto repeated = std::ranges::unique(slots);
    slots.erase(repeated.begin(), repeated.end());
    std::vector<FiledLateChunk> placed;
    TRY(place_held(files, slots, placed));
    if (!placed.empty()) {
        TRY(files.flush());
    }
    waiting_.resize(waiting_.size() - count);
    note_places(placed);
    filed.insert(filed.end(), placed.begin(), placed.end());
    return base::success();
}

// Without the lock while the disk is asked: nobody but this thread changes the lists.
base::Status OutOfOrderStore::place_held(ChunkFiles& files,
                                         std::span<const uint32_t> slots,
                                         std::vector<FiledLateChunk>& placed) {
    LateSeries series;
    for (const uint32_t slot : slots) {
        if (!read(slot, INT64_MIN, INT64_MAX, series)) {
            continue;
        }
        for (const LateChunk& chunk : series.chunks) {
            if (chunk.held == nullptr) {
                continue;
            }
            TRY(const ChunkPlace place,
                files.append(chunk.ref,
                             chunk.min_t,
                             chunk.max_t,
                             chunk.held->encoding,
                             true,
                             base::ByteView(chunk.held->bytes).span()));
            placed.push_back({.slot = slot, .ref = chunk.ref, .place = place});
        }
    }
    return base::success();
}

void OutOfOrderStore::note_places(std::span<const FiledLateChunk> placed) {
    for (size_t at = 0; at < placed.size();) {
        const uint32_t slot = placed[at].slot;
        Shard& shard = shard_of(slot);
        const base::MutexLock lock(shard.mutex);
        Series& series = shard.series[slot];
        for (LateChunk& chunk : series.has.chunks) {
            if (chunk.held != nullptr) {
                chunk.place = placed[at++].place;
                chunk.held = nullptr;
                ++places_[place_file(chunk.place)];
            }
        }
        account(series);
    }
}

void OutOfOrderStore::restore(uint32_t slot, uint64_t ref, LateChunk chunk) {
    extend(chunk.min_t, chunk.max_t);
    ++places_[place_file(chunk.place)];
    Shard& shard = shard_of(slot);
    const base::MutexLock lock(shard.mutex);
    Series& series = find_or_add(shard, slot, ref);
    series.has.chunks.push_back(std::move(chunk));
    account(series);
}

size_t OutOfOrderStore::chunks(uint32_t slot) const {
    const Shard& shard = shard_of(slot);
    const base::MutexLock lock(shard.mutex);
    const auto at = shard.series.find(slot);
    return at == shard.series.end() ? 0 : at->second.has.chunks.size();
}

bool OutOfOrderStore::drop(uint32_t slot, size_t count) {
    Shard& shard = shard_of(slot);
    const base::MutexLock lock(shard.mutex);
    const auto at = shard.series.find(slot);
    if (at == shard.series.end()) {
        return true;
    }
    Series& series = at->second;
    std::vector<LateChunk>& chunks = series.has.chunks;
    count = std::min(count, chunks.size());
    for (size_t i = 0; i < count; ++i) {
        let_place_go(chunks[i]);
    }
    chunks.erase(chunks.begin(), chunks.begin() + static_cast<std::ptrdiff_t>(count));
    if (!chunks.empty() || !series.has.open.empty()) {
        account(series);
        return false;
    }
    memory_.add(HeadPart::kOutOfOrder, -static_cast<int64_t>(series.accounted));
    shard.series.erase(at);
    series_.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

void OutOfOrderStore::let_place_go(const LateChunk& chunk) {
    if (chunk.held == nullptr) {
        --places_[place_file(chunk.place)];
    }
}

void OutOfOrderStore::refresh_times() {
    int64_t min_t = INT64_MAX;
    int64_t max_t = INT64_MIN;
    for (const Shard& shard : shards_) {
        const base::MutexLock lock(shard.mutex);
        for (const auto& [slot, series] : shard.series) {
            for (const LateChunk& chunk : series.has.chunks) {
                min_t = std::min(min_t, chunk.min_t);
                max_t = std::max(max_t, chunk.max_t);
            }
            if (!series.has.open.empty()) {
                min_t = std::min(min_t, series.has.open.front().t);
                max_t = std::max(max_t, series.has.open.back().t);
            }
        }
    }
    min_t_.store(min_t, std::memory_order_release);
    max_t_.store(max_t, std::memory_order_release);
}

bool OutOfOrderStore::read(uint32_t slot, int64_t min_t, int64_t max_t, LateSeries& out) const {
    out.chunks.clear();
    out.open.clear();
    const Shard& shard = shard_of(slot);
    const base::MutexLock lock(shard.mutex);
    const auto at = shard.series.find(slot);
    if (at == shard.series.end()) {
        return false;
    }
    const LateSeries& series = at->second.has;
    out.ref = series.ref;
    for (const LateChunk& chunk : series.chunks) {
        if (chunk.min_t <= max_t && chunk.max_t >= min_t) {
            out.chunks.push_back(chunk);
        }
    }
    const auto from = std::ranges::lower_bound(series.open, min_t, {}, &model::TypedSample::t);
    const auto to = std::ranges::upper_bound(series.open, max_t, {}, &model::TypedSample::t);
    if (from < to) {
        out.open.assign(from, to);
    }
    return !out.chunks.empty() || !out.open.empty();
}

std::vector<uint32_t> OutOfOrderStore::slots() const {
    std::vector<uint32_t> slots;
    for (const Shard& shard : shards_) {
        const base::MutexLock lock(shard.mutex);
        for (const auto& [slot, series] : shard.series) {
            slots.push_back(slot);
        }
    }
    std::ranges::sort(slots);
    return slots;
}

std::bitset<ChunkFiles::kFilesMax> OutOfOrderStore::files_in_use() const {
    std::bitset<ChunkFiles::kFilesMax> used;
    for (size_t i = 0; i < places_.size(); ++i) {
        used[i] = places_[i] != 0;
    }
    return used;
}

void OutOfOrderStore::account(Series& series) {
    const size_t now = sizeof(Series) + bytes_of(series.has);
    memory_.add(HeadPart::kOutOfOrder,
                static_cast<int64_t>(now) - static_cast<int64_t>(series.accounted));
    series.accounted = now;
}

void OutOfOrderStore::extend(int64_t min_t, int64_t max_t) {
    if (min_t < min_time()) {
        min_t_.store(min_t, std::memory_order_release);
    }
    if (max_t > max_time()) {
        max_t_.store(max_t, std::memory_order_release);
    }
}

}  // namespace tsdb
