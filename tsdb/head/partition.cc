#include "tsdb/head/partition.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"

namespace tsdb {
namespace {

// What a part of a chunk has come to tells where it should end, so that chunks divide what is left
// of the range evenly.
//   part  of the full chunk that is there, 0 … 1
int64_t planned_end(int64_t start, int64_t now, int64_t end, double part) {
    const double chunks =
        static_cast<double>(end - start) * part / static_cast<double>(now - start + 1);
    if (chunks <= 1) {
        return end;
    }
    return static_cast<int64_t>(static_cast<double>(start) +
                                static_cast<double>(end - start) / std::floor(chunks));
}

void plan_end(SeriesRecord& series, double part) {
    const int64_t end =
        planned_end(series.min_t, series.chunk.t, series.min_t + series.next_at, part);
    series.next_at = static_cast<uint32_t>(end - series.min_t);
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
        plan_end(series, 0.25);
    }
    return t >= series.min_t + int64_t{series.next_at} || chunk.count >= rules.samples * 2;
}

bool must_cut_histograms(SeriesRecord& series, int64_t t, const ChunkRules& rules) {
    const model::HistogramChunkWriter& writer = series.histograms->writer;
    const size_t bytes = writer.bytes().size();
    if (bytes >= ChunkRules::kHistogramBytes / 4 && !series.histograms->planned) {
        series.histograms->planned = true;
        plan_end(series, static_cast<double>(bytes) / ChunkRules::kHistogramBytes);
    }
    const bool full =
        t >= series.min_t + int64_t{series.next_at} || bytes >= 2 * ChunkRules::kHistogramBytes;
    return full && (writer.count() >= ChunkRules::kHistogramSamplesMin ||
                    t >= range_end(series.min_t, rules.range_ms));
}

}  // namespace

Partition::~Partition() {
    const base::MutexLock lock(mutex_);
    each([&](SeriesRecord& series) {
        if (series.is(SeriesRecord::kHistograms) && series.has_open()) {
            delete series.histograms;
        }
    });
    for (SeriesRecord* block : blocks_) {
        std::free(block);
    }
}

SeriesRecord* Partition::create(uint64_t ref) {
    SeriesRecord* place = nullptr;
    if (free_ != nullptr) {
        place = free_;
        free_ = place->next_free;
    } else {
        if (used_ == kRecordsPerBlock) {
            constexpr size_t kBytes = kRecordsPerBlock * sizeof(SeriesRecord);
            void* const block = std::aligned_alloc(alignof(SeriesRecord), kBytes);
            SKEIN_CHECK(block != nullptr, "out of memory");
            blocks_.push_back(static_cast<SeriesRecord*>(block));
            memory_.add(HeadPart::kRecords, kBytes);
            used_ = 0;
        }
        place = blocks_.back() + used_;
        ++used_;
    }
    auto* const record = new (place) SeriesRecord;
    record->set_ref(ref);
    return record;
}

uint32_t Partition::empty(SeriesRecord& series) {
    uint32_t chunks = static_cast<uint32_t>(places_.get(series.places).size());
    places_.clear(series.places);
    if (series.closed != nullptr) {
        std::erase(waiting_, &series);
    }
    for (const ClosedChunk* chunk = series.closed; chunk != nullptr; ++chunks) {
        const ClosedChunk* const older = chunk->older;
        closed_bytes_ -= chunk->size;
        closed_.drop(chunk);
        chunk = older;
    }
    series.closed = nullptr;
    if (series.has_open()) {
        ++chunks;
        if (series.is(SeriesRecord::kHistograms)) {
            free_histograms(series);
        } else {
            slab_.free(series.tail);
        }
        series.tail = nullptr;
    }
    return chunks;
}

void Partition::recycle(SeriesRecord& series) {
    SKEIN_DCHECK(!series.has_samples(), "series not empty", series.ref());
    series.flags = SeriesRecord::kFree;
    series.next_free = free_;
    free_ = &series;
}

uint32_t Partition::append(SeriesRecord& series,
                           int64_t t,
                           uint64_t bits,
                           const ChunkRules& rules) {
    uint32_t begun = 0;
    if (series.is(SeriesRecord::kHistograms)) [[unlikely]] {
        close_histograms(series);
    } else if (series.has_open() && must_cut(series, t, rules)) {
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

template <class AnyHistogram>
uint32_t Partition::append_histogram(SeriesRecord& series,
                                     int64_t t,
                                     const AnyHistogram& histogram,
                                     const ChunkRules& rules) {
    using Outcome = model::HistogramChunkWriter::Outcome;
    model::ChunkReset reset = model::ChunkReset::kUnknown;
    if (!series.is(SeriesRecord::kHistograms)) {
        if (series.has_open()) {
            close_chunk(series);
        }
        series.set(SeriesRecord::kHistograms, true);
    } else if (series.has_open()) {
        if (must_cut_histograms(series, t, rules)) {
            reset = series.histograms->writer.reset_before(histogram);
        } else {
            const Outcome outcome = series.histograms->writer.append(t, histogram);
            if (outcome == Outcome::kAppended) {
                series.chunk.t = t;
                account(*series.histograms);
                return 0;
            }
            reset = outcome == Outcome::kCutReset ? model::ChunkReset::kReset
                                                  : model::ChunkReset::kUnknown;
        }
        add_closed(series, series.histograms->writer.encoding(), series.histograms->writer.bytes());
    }
    begin_histograms(series, t, histogram, reset, rules);
    return 1;
}

template uint32_t Partition::append_histogram(SeriesRecord&,
                                              int64_t,
                                              const model::Histogram&,
                                              const ChunkRules&);
template uint32_t Partition::append_histogram(SeriesRecord&,
                                              int64_t,
                                              const model::FloatHistogram&,
                                              const ChunkRules&);

template <class AnyHistogram>
void Partition::begin_histograms(SeriesRecord& series,
                                 int64_t t,
                                 const AnyHistogram& histogram,
                                 model::ChunkReset reset,
                                 const ChunkRules& rules) {
    if (!series.has_open()) {
        series.histograms = new OpenHistograms;
    }
    series.histograms->writer.begin(t, histogram, reset);
    series.histograms->planned = false;
    series.chunk.t = t;
    series.min_t = t;
    series.next_at = static_cast<uint32_t>(range_end(t, rules.range_ms) - t);
    account(*series.histograms);
}

void Partition::account(OpenHistograms& open) {
    const size_t now = sizeof(OpenHistograms) + open.writer.memory_bytes();
    memory_.add(HeadPart::kOpenChunks,
                static_cast<int64_t>(now) - static_cast<int64_t>(open.accounted));
    open.accounted = now;
}

void Partition::free_histograms(SeriesRecord& series) {
    memory_.add(HeadPart::kOpenChunks, -static_cast<int64_t>(series.histograms->accounted));
    delete series.histograms;
}

// Of a series that goes on with floats.
void Partition::close_histograms(SeriesRecord& series) {
    if (series.has_open()) {
        add_closed(series, series.histograms->writer.encoding(), series.histograms->writer.bytes());
        free_histograms(series);
        series.tail = nullptr;
    }
    series.set(SeriesRecord::kHistograms, false);
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
    uint8_t bytes[open_chunk_room(ChunkRules::kBytesMax + model::kXorSampleBytesMax)];
    copy_open_chunk(series, bytes);
    add_closed(series, model::Encoding::kXor, {bytes, series.chunk.bytes()});
    slab_.free(series.tail);
    series.tail = nullptr;
}

void Partition::add_closed(SeriesRecord& series,
                           model::Encoding encoding,
                           std::span<const uint8_t> bytes) {
    if (series.closed == nullptr) {
        waiting_.push_back(&series);
    }
    series.closed = closed_.add(series.closed, encoding, series.min_t, series.chunk.t, bytes);
    closed_bytes_ += bytes.size();
}

void Partition::list_closed(std::vector<FilingChunk>& out) const {
    for (SeriesRecord* series : waiting_) {
        if (places_.full(series->places)) {
            continue;  // stays in memory until the next cut
        }
        const size_t from = out.size();
        for (const ClosedChunk* chunk = series->closed; chunk != nullptr; chunk = chunk->older) {
            out.push_back({.series = series, .chunk = chunk});
        }
        std::reverse(out.begin() + static_cast<std::ptrdiff_t>(from), out.end());
    }
}

void Partition::filed(std::vector<FilingChunk>::const_iterator from,
                      std::vector<FilingChunk>::const_iterator to) {
    for (auto at = from; at != to; ++at) {
        SeriesRecord& series = *at->series;
        if (!places_.add(series.places, at->place)) {
            continue;
        }
        // A list of one or two: the oldest is at its end.
        const ClosedChunk* newer = nullptr;
        const ClosedChunk* oldest = series.closed;
        while (oldest->older != nullptr) {
            newer = std::exchange(oldest, oldest->older);
        }
        SKEIN_DCHECK(oldest == at->chunk, "chunks filed out of order", series.ref());
        if (newer == nullptr) {
            series.closed = nullptr;
        } else {
            newer->older = nullptr;
        }
        closed_bytes_ -= oldest->size;
        closed_.drop(oldest);
    }
    std::erase_if(waiting_, [](const SeriesRecord* series) { return series->closed == nullptr; });
}

void copy_open_chunk(const SeriesRecord& series, uint8_t* to) {
    uint8_t* end = to + tail_origin(series) + ChunkSegment::kBytes;
    for (const ChunkSegment* segment = series.tail; segment != nullptr; segment = segment->before) {
        end -= ChunkSegment::kBytes;
        std::memcpy(end, segment->bytes, ChunkSegment::kBytes);
    }
    model::xor_finish(to, series.chunk.count);
}

}  // namespace tsdb
