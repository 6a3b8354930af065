// Series refs that no series of the head has any more, but samples in the write-ahead log may.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace tsdb {

// A checkpoint keeps a ref's series record until every segment is gone that may hold samples of it,
// and as long as it takes some of them in itself.
// Not thread-safe.
class RefExpiry {
  public:
    // No segment after `segment` has samples of the refs, and none of those is newer than max_t.
    void add(uint32_t segment, int64_t max_t, std::vector<uint64_t> refs) {
        if (refs.empty()) {
            return;
        }
        std::ranges::sort(refs);
        batches_.push_back({.segment = segment, .max_t = max_t, .refs = std::move(refs)});
    }

    // Whether a checkpoint of the segments up to `last` and the samples from min_t on, or a segment
    // after it, may hold samples of the ref.
    [[nodiscard]] bool may_occur(uint32_t last, int64_t min_t, uint64_t ref) const {
        return std::ranges::any_of(batches_, [&](const Batch& batch) {
            return !batch.over(last, min_t) && std::ranges::binary_search(batch.refs, ref);
        });
    }

    // Segments up to `last` and samples before min_t are gone.
    void forget(uint32_t last, int64_t min_t) {
        std::erase_if(batches_, [&](const Batch& batch) { return batch.over(last, min_t); });
    }

  private:
    struct Batch {
        uint32_t segment = 0;
        int64_t max_t = 0;
        std::vector<uint64_t> refs;  // sorted

        [[nodiscard]] bool over(uint32_t last, int64_t min_t) const {
            return segment <= last && max_t < min_t;
        }
    };

    std::deque<Batch> batches_;
};

}  // namespace tsdb
