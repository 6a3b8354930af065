// From the write-ahead log's series refs to something small, while it is replayed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace tsdb {

// Refs lie densely, so pages of them are looked up directly. What was never set is T(). Not
// thread-safe.
template <class T>
class RefTable {
  public:
    void set(uint64_t ref, const T& value) {
        const uint64_t page = ref / kPageRefs;
        if (page >= kPagesMax) {
            far_[ref] = value;
            return;
        }
        if (page >= pages_.size()) {
            pages_.resize(std::max<size_t>(page + 1, pages_.size() * 2));
        }
        if (pages_[page] == nullptr) {
            pages_[page] = std::make_unique<T[]>(kPageRefs);
        }
        pages_[page][ref % kPageRefs] = value;
    }

    [[nodiscard]] T get(uint64_t ref) const {
        const uint64_t page = ref / kPageRefs;
        if (page < pages_.size()) [[likely]] {
            return pages_[page] == nullptr ? T() : pages_[page][ref % kPageRefs];
        }
        const auto at = far_.find(ref);
        return at == far_.end() ? T() : at->second;
    }

  private:
    static constexpr uint64_t kPageRefs = 4096;
    static constexpr uint64_t kPagesMax = uint64_t{1} << 20;  // refs beyond 2^32 are kept apart

    std::vector<std::unique_ptr<T[]>> pages_;
    std::unordered_map<uint64_t, T> far_;
};

}  // namespace tsdb
