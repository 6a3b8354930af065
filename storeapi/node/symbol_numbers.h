// The numbers of texts in one stream of frames: each text travels once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "model/merge_symbols.h"
#include "storeapi/wire.h"

namespace storeapi {

// The writing side: numbers ascend in the order of first use. Threads: one.
class SymbolNumbers {
  public:
    // The number of a symbol of the table given to use(). A text that is new goes into `out` with
    // the tag, which has room for what follows only when it is asked for again.
    [[nodiscard]] uint32_t of(uint32_t symbol, char tag, WireWriter& out) {
        return written(import_.merged(symbol, symbols_), tag, out);
    }

    [[nodiscard]] uint32_t of(std::string_view text, char tag, WireWriter& out) {
        return written(symbols_.intern(text), tag, out);
    }

    void use(std::shared_ptr<const model::SymbolTable> table) { import_.use(std::move(table)); }

    // For accounting.
    [[nodiscard]] size_t bytes() const { return symbols_.bytes() + import_.bytes(); }

  private:
    static constexpr size_t kTextOverhead = 16;  // at most, beside the text

    uint32_t written(uint32_t number, char tag, WireWriter& out) {
        if (number == count_) [[unlikely]] {
            const std::string_view text = symbols_.text(number);
            out.need(text.size() + kTextOverhead);
            out.text(tag, text);
            ++count_;
        }
        return number;
    }

    model::MergedSymbols symbols_;
    model::SymbolImport import_;
    uint32_t count_ = 0;  // written so far
};

// Bytes of a packed list of symbols.
[[nodiscard]] size_t packed_size(std::span<const uint32_t> symbols);
// Writes the list, into room of its size and a little.
void put_packed(WireWriter& out, char field, std::span<const uint32_t> symbols);

// The reading side. Threads: one adds; others may use the table meanwhile.
class NumberedSymbols {
  public:
    NumberedSymbols() : table_(std::make_shared<model::MergedSymbols>()) {}

    // Takes the next text; false: it was there before, or there are kNodeSymbolsMax.
    [[nodiscard]] bool add(std::string_view text);

    [[nodiscard]] bool has(uint64_t number) const { return number < count_; }

    // Of a number that it has.
    [[nodiscard]] std::string_view text(uint32_t number) const { return table_->text(number); }

    [[nodiscard]] uint32_t count() const { return count_; }

    [[nodiscard]] const std::shared_ptr<model::MergedSymbols>& table() const { return table_; }

  private:
    std::shared_ptr<model::MergedSymbols> table_;
    uint32_t count_ = 0;
};

}  // namespace storeapi
