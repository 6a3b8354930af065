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

// The chunk's byte at which the last segment starts. A segment that is exactly full is the last one
// until the next sample comes.
size_t tail_origin(const SeriesRecord& series) {
    const size_t bytes = series.chunk.bytes();
    return bytes == 0 ? 0 : (bytes - 1) / ChunkSegment::kBytes * ChunkSegment::kBytes;
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
    if (!model::xor_append(
            series.chunk, series.tail->bytes, tail_origin(series), ChunkSegment::kBytes, t, bits)) {
        append_over_segments(series, t, bits);
    }
    return begun;
}

// The sample does not fit into the last segment: it goes through a buffer into it and a new one.
void Partition::append_over_segments(SeriesRecord& series, int64_t t, uint64_t bits) {
    const size_t origin = tail_origin(series);
    const size_t first = series.chunk.position >> 3;  // byte that changes
    uint8_t buffer[model::kXorSampleBytesMax + 1] = {};
    const bool shared = first < origin + ChunkSegment::kBytes;
    if (shared) {
        buffer[0] = series.tail->bytes[first - origin];
    }
    const bool fits = model::xor_append(series.chunk, buffer, first, sizeof buffer, t, bits);
    SKEIN_CHECK(fits, "sample larger than any can be");
    const size_t here = origin + ChunkSegment::kBytes - first;
    std::memcpy(series.tail->bytes + (first - origin), buffer, here);
    series.tail = slab_.allocate(series.tail);
    std::memcpy(series.tail->bytes, buffer + here, series.chunk.bytes() - first - here);
}

void Partition::open_chunk(SeriesRecord& series, int64_t t, const ChunkRules& rules) {
    series.tail = slab_.allocate(nullptr);
    series.chunk.count = 0;
    series.chunk.position = 0;
    series.min_t = t;
    series.next_at = static_cast<uint32_t>(range_end(t, rules.range_ms) - t);
}

void Partition::close_chunk(SeriesRecord& series) {
    uint8_t bytes[ChunkRules::kBytesMax + model::kXorSampleBytesMax];
    copy_open_chunk(series, bytes);
    series.closed = closed_.add(series.closed,
                                model::Encoding::kXor,
                                series.min_t,
                                series.chunk.t,
                                {bytes, series.chunk.bytes()});
    slab_.free(series.tail);
    series.tail = nullptr;
}

void copy_open_chunk(const SeriesRecord& series, uint8_t* to) {
    size_t end = series.chunk.bytes();
    size_t origin = tail_origin(series);
    for (const ChunkSegment* segment = series.tail; segment != nullptr; segment = segment->before) {
        std::memcpy(to + origin, segment->bytes, end - origin);
        end = origin;
        origin -= segment->before != nullptr ? ChunkSegment::kBytes : 0;
    }
    model::xor_finish(to, series.chunk.count);
}

}  // namespace tsdb
