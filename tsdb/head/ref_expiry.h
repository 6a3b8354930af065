// Series refs that no series of the head has any more, but samples in the write-ahead log may.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace tsdb {

// A checkpoint keeps a ref's series record until every segment is gone that may hold samples of it.
// Not thread-safe.
class RefExpiry {
  public:
    // No segment after `segment` has samples of the refs.
    void add(uint32_t segment, std::vector<uint64_t> refs) {
        if (refs.empty()) {
            return;
        }
        std::ranges::sort(refs);
        batches_.push_back({.segment = segment, .refs = std::move(refs)});
    }

    // Whether segments after `last` may hold samples of the ref.
    [[nodiscard]] bool may_occur_after(uint32_t last, uint64_t ref) const {
        return std::ranges::any_of(batches_, [&](const Batch& batch) {
            return batch.segment > last && std::ranges::binary_search(batch.refs, ref);
        });
    }

    // Segments up to `last` are gone.
    void forget(uint32_t last) {
        std::erase_if(batches_, [&](const Batch& batch) { return batch.segment <= last; });
    }

  private:
    struct Batch {
        uint32_t segment = 0;
        std::vector<uint64_t> refs;  // sorted
    };

    std::deque<Batch> batches_;
};

}  // namespace tsdb
