// Every label name and value of the head, once; a symbol is its place in an arena.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/sync.h"
#include "model/storage.h"
#include "tsdb/head/block_arena.h"
#include "tsdb/head/cell_table.h"

namespace tsdb {

// A symbol lives as long as somebody uses it. The last release() forgets it: its text is not found
// any more but still read by who has the symbol, until recycle() gives its bytes to other texts.
//   threads  any; text() takes no lock. Between intern() and retain() the caller sees to it that
//            nobody releases the same symbol
class Symbols final : public model::SymbolTable {
  public:
    static constexpr uint32_t kNone = UINT32_MAX;
    static constexpr size_t kTextMax = size_t{16} << 20;  // bytes of one name or value

    explicit Symbols(HeadMemory& memory);
    ~Symbols() override;

    [[nodiscard]] std::string_view text(uint32_t symbol) const override {
        const uint8_t* at = arena_.at(symbol);
        uint32_t size = at[kSizeAt];
        if (size < kLongText) [[likely]] {
            return {reinterpret_cast<const char*>(at + kHeader), size};
        }
        std::memcpy(&size, at + kHeader, sizeof size);
        return {reinterpret_cast<const char*>(at + kHeader + sizeof size), size};
    }

    // The text's symbol, made if need be: without a use at first. `text` is at most kTextMax long.
    [[nodiscard]] uint32_t intern(std::string_view text) EXCLUDES_LOCK(mutex_);
    // The text's symbol, or kNone.
    [[nodiscard]] uint32_t find(std::string_view text) const EXCLUDES_LOCK(mutex_);

    // One use more of each; a symbol may be in the list several times.
    void retain(std::span<const uint32_t> symbols) EXCLUDES_LOCK(mutex_);
    // One use less of each, retained before. Those without any left are forgotten and added to
    // `forgotten`.
    void release(std::span<const uint32_t> symbols, std::vector<uint32_t>& forgotten)
        EXCLUDES_LOCK(mutex_);
    // The bytes of forgotten symbols are free. Nobody may look at them any more.
    void recycle(std::span<const uint32_t> symbols) EXCLUDES_LOCK(mutex_);

    // Texts that can be found.
    [[nodiscard]] size_t size() const EXCLUDES_LOCK(mutex_);
    // Their bytes.
    [[nodiscard]] size_t text_bytes() const EXCLUDES_LOCK(mutex_);

  private:
    // In the arena: the length in a byte, the uses in a byte, four bytes of length if the first is
    // kLongText, the text.
    static constexpr uint32_t kLongText = 255;
    static constexpr size_t kSizeAt = 0;
    static constexpr size_t kUsesAt = 1;
    static constexpr size_t kHeader = 2;
    // As many uses, and what many_uses_ says on top.
    static constexpr uint8_t kManyUses = 255;

    [[nodiscard]] CellTable::Cell* locate(std::string_view wanted, uint32_t hash) const
        REQUIRES_LOCK(mutex_);
    [[nodiscard]] uint32_t store(std::string_view text) REQUIRES_LOCK(mutex_);
    void forget(uint32_t symbol) REQUIRES_LOCK(mutex_);
    // Whether there was another use left.
    [[nodiscard]] bool take_use(uint32_t symbol) REQUIRES_LOCK(mutex_);

    HeadMemory& memory_;
    BlockArena arena_;  // changed under mutex_
    mutable base::Mutex mutex_;
    CellTable cells_ GUARDED_BY(mutex_);
    std::unordered_map<uint32_t, uint32_t> many_uses_ GUARDED_BY(mutex_);
    size_t text_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace tsdb
