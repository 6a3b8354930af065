// One series of the head: 64 bytes, one cache line.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "model/storage.h"
#include "model/xor_chunk.h"
#include "tsdb/head/chunk_slab.h"
#include "tsdb/head/closed_chunks.h"
#include "tsdb/head/label_sets.h"

namespace tsdb {

inline constexpr uint64_t kSeriesRefMax = (uint64_t{1} << 40) - 1;

//   threads  ref and labels: any, once the slot is published. Everything else is written by the
//            thread that applies commits, under the partition's lock; that thread alone may read it
//            without.
struct alignas(64) SeriesRecord {
    // The open chunk's encoder. t and bits stay those of the last sample when a chunk is closed.
    // Its tail padding holds the next members.
    [[no_unique_address]] model::XorState chunk;
    uint8_t unused = 0;
    uint8_t ref_high = 0;
    uint32_t ref_low = 0;
    int64_t min_t = 0;                    // of the open chunk
    ChunkSegment* tail = nullptr;         // last segment of the open chunk; null: no open chunk
    const ClosedChunk* closed = nullptr;  // newest first
    LabelsRef labels = 0;
    uint32_t next_at = 0;  // when the open chunk is cut, ms after min_t

    // The series' id in the write-ahead log, never used again for another one.
    [[nodiscard]] uint64_t ref() const { return uint64_t{ref_high} << 32 | ref_low; }

    [[nodiscard]] bool has_open() const { return tail != nullptr; }

    [[nodiscard]] bool has_samples() const { return has_open() || closed != nullptr; }
};

static_assert(sizeof(SeriesRecord) == 64);

// Copies the open chunk, complete with its count, into series.chunk.bytes() bytes. Under the
// partition's lock.
void copy_open_chunk(const SeriesRecord& series, uint8_t* to);

// What a sample meets at its series.
enum class Admission : uint8_t { kAppend, kSame, kOutOfOrder, kDuplicate, kOutOfBounds };

// Prometheus' rules (3.2): later than the last sample; the same sample again is nothing; what is
// older is out of bounds when the whole head has gone on, out of order otherwise.
//   min_valid_t  the oldest time the head accepts
[[nodiscard]] inline Admission admit(const SeriesRecord& series,
                                     int64_t t,
                                     uint64_t bits,
                                     int64_t min_valid_t) {
    if (t >= min_valid_t) [[likely]] {
        if (t > series.chunk.t || !series.has_samples()) [[likely]] {
            return Admission::kAppend;
        }
        if (t == series.chunk.t) {
            return bits == series.chunk.bits ? Admission::kSame : Admission::kDuplicate;
        }
        return Admission::kOutOfOrder;
    }
    return Admission::kOutOfBounds;
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
