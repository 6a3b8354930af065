// A bump allocator: many small spans with one lifetime, freed together, blocks kept for the next
// round.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace base {

// Spans handed out stay where they are until reset() or destruction. Not thread-safe.
class Arena {
  public:
    static constexpr size_t kBlockBytes = 64 * 1024;

    Arena() = default;
    Arena(Arena&&) = default;
    Arena& operator=(Arena&&) = default;

    // `count` objects, not initialised; trivially destructible types only.
    template <class T>
    [[nodiscard]] std::span<T> allocate(size_t count) {
        static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);
        return {reinterpret_cast<T*>(raw(count * sizeof(T), alignof(T))), count};
    }

    template <class T>
    [[nodiscard]] std::span<T> copy(std::span<const T> from) {
        const std::span<T> to = allocate<T>(from.size());
        if (!from.empty()) {
            std::memcpy(to.data(), from.data(), from.size_bytes());
        }
        return to;
    }

    [[nodiscard]] std::string_view copy(std::string_view text) {
        const auto to = copy(std::span<const char>(text));
        return {to.data(), to.size()};
    }

    // Forgets everything handed out; keeps the memory.
    void reset() {
        block_ = 0;
        used_ = 0;
    }

    // Bytes held, for accounting.
    [[nodiscard]] size_t capacity_bytes() const { return capacity_; }

  private:
    struct Block {
        std::unique_ptr<std::byte[]> bytes;
        size_t size;
    };

    std::byte* raw(size_t bytes, size_t alignment) {
        while (block_ < blocks_.size()) {
            const size_t at = (used_ + alignment - 1) & ~(alignment - 1);
            if (at + bytes <= blocks_[block_].size) {
                used_ = at + bytes;
                return blocks_[block_].bytes.get() + at;
            }
            ++block_;
            used_ = 0;
        }
        const size_t size = bytes > kBlockBytes ? bytes : kBlockBytes;
        blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
        capacity_ += size;
        used_ = bytes;
        return blocks_.back().bytes.get();
    }

    std::vector<Block> blocks_;
    size_t block_ = 0;
    size_t used_ = 0;
    size_t capacity_ = 0;
};

}  // namespace base
