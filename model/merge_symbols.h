// One numbering for the symbols of several sources: equal texts have equal numbers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "model/storage.h"

namespace model {

// Numbers ascend in the order of intern(); texts are copied and stay for as long as the table.
//   threads  one interns; others may meanwhile ask for the text of a number that they were handed
class MergedSymbols final : public SymbolTable {
  public:
    MergedSymbols();

    [[nodiscard]] std::string_view text(uint32_t symbol) const override;
    // The number of the text.
    [[nodiscard]] uint32_t intern(std::string_view text);

    // For accounting.
    [[nodiscard]] size_t bytes() const;

  private:
    // Texts lie in blocks that double in size and never move.
    static constexpr uint32_t kFirstBlock = 256;
    static constexpr size_t kBlocks = 25;

    struct Slot {
        uint32_t hash = 0;
        uint32_t number = kNone;
    };

    static constexpr uint32_t kNone = UINT32_MAX;

    struct Place {
        uint32_t block;
        uint32_t at;
    };

    [[nodiscard]] static Place place_of(uint32_t number);
    void add(std::string_view text);
    void grow();

    base::Arena arena_;
    std::array<std::unique_ptr<std::string_view[]>, kBlocks> blocks_;
    uint32_t count_ = 0;
    std::vector<Slot> slots_;  // by hash, open; at most three quarters full
};

// How the symbols of one source's present table map to merged ones. Threads: one.
class SymbolImport {
  public:
    // Forgets what it knows when the table is another one than before.
    void use(std::shared_ptr<const SymbolTable> table);

    [[nodiscard]] uint32_t merged(uint32_t symbol, MergedSymbols& symbols) {
        const size_t page = symbol / kPage;
        if (page < pages_.size() && pages_[page] != nullptr) [[likely]] {
            if (const uint32_t known = (*pages_[page])[symbol % kPage]; known != 0) [[likely]] {
                return known - 1;
            }
        }
        return import(symbol, symbols);
    }

    // For accounting.
    [[nodiscard]] size_t bytes() const;

  private:
    static constexpr size_t kPage = 128;       // symbols
    using Page = std::array<uint32_t, kPage>;  // merged number + 1; 0: not yet

    uint32_t import(uint32_t symbol, MergedSymbols& symbols);

    std::shared_ptr<const SymbolTable> table_;
    std::vector<std::unique_ptr<Page>> pages_;
    size_t used_ = 0;  // pages that are there
};

}  // namespace model
