// Chunks found in chunks_head, until the write-ahead log tells whose they are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "tsdb/head/chunk_files.h"
#include "tsdb/head/memory.h"
#include "tsdb/head/place_lists.h"
#include "tsdb/head/ref_table.h"

namespace tsdb {

// By series ref: where its chunks lie, and when the last one ends. Not thread-safe.
class RestoredChunks {
  public:
    explicit RestoredChunks(HeadMemory& memory) : places_(memory) {}

    struct Found {
        PlaceLists::Handle places = PlaceLists::kEmpty;
        int64_t min_t = INT64_MAX;
        int64_t max_t = INT64_MIN;
    };

    // Chunks of a series come in the order of their times; others (of a file written again after a
    // failure) are left out: what they hold is in the write-ahead log too.
    void add(const FiledChunk& chunk) {
        Found found = found_.get(chunk.series_ref);
        if (found.places != PlaceLists::kEmpty && chunk.min_t <= found.max_t) {
            return;
        }
        const bool first = found.places == PlaceLists::kEmpty;
        if (places_.add(found.places, chunk.place)) {
            series_ += first ? 1 : 0;
            found.min_t = std::min(found.min_t, chunk.min_t);
            found.max_t = chunk.max_t;
            found_.set(chunk.series_ref, found);
            ++chunks_;
        }
    }

    // The series' chunks, once: afterwards it has none. The places are valid until the next take().
    struct Taken {
        std::span<const ChunkPlace> places;
        int64_t min_t = INT64_MAX;
        int64_t max_t = INT64_MIN;
    };

    [[nodiscard]] bool has(uint64_t ref) const {
        return found_.get(ref).places != PlaceLists::kEmpty;
    }

    [[nodiscard]] Taken take(uint64_t ref) {
        if (taken_ != PlaceLists::kEmpty) {
            places_.clear(taken_);
        }
        const Found found = found_.get(ref);
        if (found.places == PlaceLists::kEmpty) {
            return {};
        }
        found_.set(ref, {});
        taken_ = found.places;
        if (--series_ == 0) {
            found_ = {};  // 24 bytes for every ref
        }
        return {.places = places_.get(found.places), .min_t = found.min_t, .max_t = found.max_t};
    }

    [[nodiscard]] uint64_t chunks() const { return chunks_; }

  private:
    PlaceLists places_;
    RefTable<Found> found_;
    PlaceLists::Handle taken_ = PlaceLists::kEmpty;
    uint64_t chunks_ = 0;
    uint64_t series_ = 0;  // whose chunks were not taken
};

}  // namespace tsdb
