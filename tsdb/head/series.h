// One series of the head: 64 bytes, one cache line.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "model/histogram_chunk.h"
#include "model/sample.h"
#include "model/storage.h"
#include "model/xor_chunk.h"
#include "tsdb/head/chunk_slab.h"
#include "tsdb/head/closed_chunks.h"
#include "tsdb/head/place_lists.h"

namespace tsdb {

inline constexpr uint64_t kSeriesRefMax = (uint64_t{1} << 40) - 1;

// An open chunk of histograms.
struct OpenHistograms {
    model::HistogramChunkWriter writer;
    size_t accounted = 0;  // bytes, as told to the head's memory
    bool planned = false;  // its end was computed from its first quarter
};

//   threads  everything is written by the thread that applies commits, under the partition's lock;
//            that thread alone may read it without. ref() never changes once the head serves.
struct alignas(64) SeriesRecord {
    enum Flag : uint8_t {
        kHistograms = 1,  // the last sample was a histogram; an open chunk is OpenHistograms
        kFresh = 2,       // made since the last cut: not to be removed for having no samples
        kOutOfOrder = 4,  // has samples in the out-of-order store
        kFree = 8,        // no series
        kSwept = 16,      // emptied; nothing may be appended any more
    };

    // The open chunk's encoder. t stays that of the last sample when a chunk is closed, and so do
    // bits of a float. Its tail padding holds the next members.
    [[no_unique_address]] model::XorState chunk;
    uint8_t flags = 0;
    uint8_t ref_high = 0;
    uint32_t ref_low = 0;
    int64_t min_t = 0;  // of the open chunk

    union {
        ChunkSegment* tail = nullptr;  // last segment of the open chunk; null: no open chunk
        OpenHistograms* histograms;    // by kHistograms
        SeriesRecord* next_free;       // by kFree
    };

    const ClosedChunk* closed = nullptr;             // complete, not yet in a file; newest first
    PlaceLists::Handle places = PlaceLists::kEmpty;  // those in files
    uint32_t next_at = 0;                            // when the open chunk is cut, ms after min_t

    // The series' id in the write-ahead log, never used again for another one.
    [[nodiscard]] uint64_t ref() const { return uint64_t{ref_high} << 32 | ref_low; }

    void set_ref(uint64_t ref) {
        ref_low = static_cast<uint32_t>(ref);
        ref_high = static_cast<uint8_t>(ref >> 32);
    }

    [[nodiscard]] bool is(Flag flag) const { return (flags & flag) != 0; }

    void set(Flag flag, bool on) {
        flags = static_cast<uint8_t>(on ? flags | flag : flags & ~flag);
    }

    [[nodiscard]] bool has_open() const { return tail != nullptr; }

    // In order.
    [[nodiscard]] bool has_samples() const {
        return has_open() || closed != nullptr || places != PlaceLists::kEmpty;
    }
};

static_assert(sizeof(SeriesRecord) == 64);

// Bytes that copy_open_chunk() writes to: whole segments.
[[nodiscard]] constexpr size_t open_chunk_room(size_t bytes) {
    constexpr size_t kSegment = ChunkSegment::kBytes;
    return bytes == 0 ? kSegment : (bytes + kSegment - 1) / kSegment * kSegment;
}

// Copies the open chunk of floats, complete with its count: series.chunk.bytes() bytes. Under the
// partition's lock.
//   to  room for open_chunk_room(series.chunk.bytes())
void copy_open_chunk(const SeriesRecord& series, uint8_t* to);

// What a sample meets at its series.
enum class Admission : uint8_t { kAppend, kSame, kOutOfOrder, kDuplicate, kOutOfBounds };

// Prometheus' rules (3.2): later than the last sample; the same sample again is nothing; what is
// older is out of bounds when the whole head has gone on, out of order otherwise.
//   min_valid_t  the oldest time the head accepts
//   same         whether a sample at the time of the last one repeats it; only then called
template <class Same>
[[nodiscard]] inline Admission admit_with(const SeriesRecord& series,
                                          int64_t t,
                                          int64_t min_valid_t,
                                          const Same& same) {
    if (t >= min_valid_t) [[likely]] {
        if (t > series.chunk.t || !series.has_samples()) [[likely]] {
            return Admission::kAppend;
        }
        if (t == series.chunk.t) {
            return same() ? Admission::kSame : Admission::kDuplicate;
        }
        return Admission::kOutOfOrder;
    }
    return Admission::kOutOfBounds;
}

[[nodiscard]] inline Admission admit(const SeriesRecord& series,
                                     int64_t t,
                                     uint64_t bits,
                                     int64_t min_valid_t) {
    return admit_with(series, t, min_valid_t, [&] {
        return !series.is(SeriesRecord::kHistograms) && bits == series.chunk.bits;
    });
}

template <class AnyHistogram>
[[nodiscard]] inline Admission admit_histogram(const SeriesRecord& series,
                                               int64_t t,
                                               const AnyHistogram& histogram,
                                               int64_t min_valid_t) {
    return admit_with(series, t, min_valid_t, [&] {
        return series.is(SeriesRecord::kHistograms) && series.has_open() &&
               series.histograms->writer.last_equals(histogram);
    });
}

[[nodiscard]] inline std::optional<model::RejectReason> reject_reason(Admission admission) {
    switch (admission) {
        case Admission::kAppend:
        case Admission::kSame:
            return std::nullopt;
        case Admission::kOutOfOrder:
            return model::RejectReason::kOutOfOrder;
        case Admission::kDuplicate:
            return model::RejectReason::kDuplicateTimestamp;
        case Admission::kOutOfBounds:
            return model::RejectReason::kOutOfBounds;
    }
    return std::nullopt;
}

}  // namespace tsdb
