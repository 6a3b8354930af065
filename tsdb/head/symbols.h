// Every label name and value of the head, once; a symbol is its place in an arena.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/sync.h"
#include "model/storage.h"
#include "tsdb/head/block_arena.h"

namespace tsdb {

// Texts only get more: a table is replaced as a whole when the head is cut, so that readers that
// hold the old one go on.
//   threads  any; text() takes no lock
class Symbols final : public model::SymbolTable {
  public:
    static constexpr uint32_t kNone = UINT32_MAX;
    static constexpr size_t kTextMax = size_t{16} << 20;  // bytes of one name or value

    explicit Symbols(HeadMemory& memory);
    ~Symbols() override;

    [[nodiscard]] std::string_view text(uint32_t symbol) const override {
        const uint8_t* at = arena_.at(symbol);
        uint32_t size = at[0];
        if (size < kLongText) [[likely]] {
            return {reinterpret_cast<const char*>(at + 1), size};
        }
        std::memcpy(&size, at + 1, sizeof size);
        return {reinterpret_cast<const char*>(at + 1 + sizeof size), size};
    }

    // The text's symbol, made if need be. `text` is at most kTextMax long.
    [[nodiscard]] uint32_t intern(std::string_view text) EXCLUDES_LOCK(mutex_);
    // The text's symbol, or kNone.
    [[nodiscard]] uint32_t find(std::string_view text) const EXCLUDES_LOCK(mutex_);

    [[nodiscard]] size_t size() const EXCLUDES_LOCK(mutex_);
    // Bytes of all texts.
    [[nodiscard]] size_t text_bytes() const EXCLUDES_LOCK(mutex_);

  private:
    static constexpr uint32_t kLongText = 255;  // length byte: four bytes of length follow

    struct Cell {
        uint32_t symbol = kNone;
        uint32_t hash = 0;
    };

    [[nodiscard]] size_t locate(std::string_view text, uint32_t hash) const REQUIRES_LOCK(mutex_);
    [[nodiscard]] uint32_t store(std::string_view text) REQUIRES_LOCK(mutex_);
    void grow() REQUIRES_LOCK(mutex_);

    HeadMemory& memory_;
    BlockArena arena_;
    mutable base::Mutex mutex_;
    std::vector<Cell> cells_ GUARDED_BY(mutex_);  // open addressing, a power of two
    size_t size_ GUARDED_BY(mutex_) = 0;
    size_t text_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace tsdb
