// From the write-ahead log's series refs to slots, while it is replayed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace tsdb {

// Refs lie densely, so pages of them are looked up directly. Not thread-safe.
class RefTable {
  public:
    static constexpr uint32_t kNone = UINT32_MAX;

    void set(uint64_t ref, uint32_t slot) {
        const uint64_t page = ref / kPageRefs;
        if (page >= kPagesMax) {
            far_[ref] = slot;
            return;
        }
        if (page >= pages_.size()) {
            pages_.resize(std::max<size_t>(page + 1, pages_.size() * 2));
        }
        if (pages_[page] == nullptr) {
            pages_[page] = std::make_unique_for_overwrite<uint32_t[]>(kPageRefs);
            std::fill_n(pages_[page].get(), kPageRefs, kNone);
        }
        pages_[page][ref % kPageRefs] = slot;
    }

    [[nodiscard]] uint32_t get(uint64_t ref) const {
        const uint64_t page = ref / kPageRefs;
        if (page < pages_.size()) [[likely]] {
            return pages_[page] == nullptr ? kNone : pages_[page][ref % kPageRefs];
        }
        const auto at = far_.find(ref);
        return at == far_.end() ? kNone : at->second;
    }

  private:
    static constexpr uint64_t kPageRefs = 4096;
    static constexpr uint64_t kPagesMax = uint64_t{1} << 20;  // refs beyond 2^32 are kept apart

    std::vector<std::unique_ptr<uint32_t[]>> pages_;
    std::unordered_map<uint64_t, uint32_t> far_;
};

}  // namespace tsdb
