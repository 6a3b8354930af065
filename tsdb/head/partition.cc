#include "tsdb/head/partition.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace tsdb {
namespace {

// How far the first quarter of a chunk has come tells where it should end, so that chunks divide
// what is left of the range evenly.
int64_t planned_end(int64_t start, int64_t now, int64_t end) {
    constexpr double kFull = 4;  // now is a quarter of the way
    const double chunks =
        static_cast<double>(end - start) / (static_cast<double>(now - start + 1) * kFull);
    if (chunks <= 1) {
        return end;
    }
    return static_cast<int64_t>(static_cast<double>(start) +
                                static_cast<double>(end - start) / std::floor(chunks));
}

bool must_cut(SeriesRecord& series, int64_t t, const ChunkRules& rules) {
    const model::XorState& chunk = series.chunk;
    if (chunk.bytes() > ChunkRules::kBytesMax - model::kXorSampleBytesMax) {
        return true;
    }
    if (chunk.count == rules.samples / 4) {
        const int64_t end = planned_end(series.min_t, chunk.t, series.min_t + series.next_at);
        series.next_at = static_cast<uint32_t>(end - series.min_t);
    }
    return t >= series.min_t + int64_t{series.next_at} || chunk.count >= rules.samples * 2;
}

}  // namespace

Partition::~Partition() {
    const base::MutexLock lock(mutex_);
    for (SeriesRecord* block : blocks_) {
        std::free(block);
    }
}

SeriesRecord* Partition::create(uint64_t ref, LabelsRef labels) {
    if (used_ == kRecordsPerBlock) {
        constexpr size_t kBytes = kRecordsPerBlock * sizeof(SeriesRecord);
        void* const block = std::aligned_alloc(alignof(SeriesRecord), kBytes);
        SKEIN_CHECK(block != nullptr, "out of memory");
        blocks_.push_back(static_cast<SeriesRecord*>(block));
        memory_.add(HeadPart::kRecords, kBytes);
        used_ = 0;
    }
    auto* const record = new (blocks_.back() + used_) SeriesRecord;
    ++used_;
    record->ref_low = static_cast<uint32_t>(ref);
    record->ref_high = static_cast<uint8_t>(ref >> 32);
    record->labels = labels;
    return record;
}

uint32_t Partition::append(SeriesRecord& series,
                           int64_t t,
                           uint64_t bits,
                           const ChunkRules& rules) {
    uint32_t begun = 0;
    if (series.has_open() && must_cut(series, t, rules)) {
        close_chunk(series);
    }
    if (!series.has_open()) {
        open_chunk(series, t, rules);
        begun = 1;
    }
    while (!model::xor_append(
        series.chunk, series.chunk_bytes, kChunkClasses[series.size_class], t, bits)) {
        grow_chunk(series);
    }
    return begun;
}

void Partition::open_chunk(SeriesRecord& series, int64_t t, const ChunkRules& rules) {
    series.size_class = 0;
    series.chunk_bytes = slab_.allocate(0);
    series.chunk.count = 0;
    series.chunk.position = 0;
    series.min_t = t;
    series.next_at = static_cast<uint32_t>(range_end(t, rules.range_ms) - t);
}

void Partition::close_chunk(SeriesRecord& series) {
    model::xor_finish(series.chunk_bytes, series.chunk.count);
    series.closed = closed_.add(series.closed,
                                model::Encoding::kXor,
                                series.min_t,
                                series.chunk.t,
                                {series.chunk_bytes, series.chunk.bytes()});
    slab_.free(series.chunk_bytes);
    series.chunk_bytes = nullptr;
}

void Partition::grow_chunk(SeriesRecord& series) {
    SKEIN_CHECK(series.size_class + 1u < kChunkClasses.size(), "open chunk too large");
    const auto larger = static_cast<uint8_t>(series.size_class + 1);
    uint8_t* const bytes = slab_.allocate(larger);
    std::memcpy(bytes, series.chunk_bytes, kChunkClasses[series.size_class]);
    slab_.free(series.chunk_bytes);
    series.chunk_bytes = bytes;
    series.size_class = larger;
}

}  // namespace tsdb
