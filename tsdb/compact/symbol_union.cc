#include "tsdb/compact/symbol_union.h"

#include <string_view>

#include "tsdb/compact/errors.h"

namespace tsdb {
namespace {

using block::Block;

// Walks one block's symbols.
class SymbolCursor {
  public:
    SymbolCursor(const Block& block, std::vector<uint32_t>& numbers)
        : block_(block), numbers_(numbers) {
        numbers_.resize(block.index().symbols());
        load();
    }

    [[nodiscard]] bool at_end() const { return position_ == numbers_.size(); }

    [[nodiscard]] std::string_view text() const { return text_; }

    [[nodiscard]] const Block& block() const { return block_; }

    // Gives the present symbol its number and goes on.
    void take(uint32_t number) {
        numbers_[position_++] = number;
        load();
    }

  private:
    void load() {
        if (!at_end()) {
            text_ = block_.index().text(static_cast<uint32_t>(position_));
        }
    }

    const Block& block_;
    std::vector<uint32_t>& numbers_;
    size_t position_ = 0;
    std::string_view text_;
};

// The one with the smallest symbol; nullptr when all are at their end.
const SymbolCursor* smallest(std::span<const SymbolCursor> cursors) {
    const SymbolCursor* found = nullptr;
    for (const SymbolCursor& cursor : cursors) {
        if (!cursor.at_end() && (found == nullptr || cursor.text() < found->text())) {
            found = &cursor;
        }
    }
    return found;
}

}  // namespace

base::Result<SymbolNumbers> unite_symbols(std::span<const std::shared_ptr<const Block>> blocks,
                                          block::BlockWriter& writer,
                                          const std::stop_token& stop) {
    SymbolNumbers numbers(blocks.size());
    std::vector<SymbolCursor> cursors;
    cursors.reserve(blocks.size());
    for (size_t i = 0; i < blocks.size(); ++i) {
        cursors.emplace_back(*blocks[i], numbers[i]);
    }
    // "" is number 0 in every new block, and needs no adding.
    std::string_view last;
    uint32_t number = 0;
    while (const SymbolCursor* const found = smallest(cursors)) {
        TRY(check_not_stopped(stop));
        const std::string_view text = found->text();
        if (text < last || (text == last && !text.empty())) {
            return fail_in(found->block(),
                           base::Error(base::Code::kCorrupt, "symbols are not in order"));
        }
        if (!text.empty()) {
            TRY(writer.add_symbol(text));
            ++number;
        }
        last = text;
        for (SymbolCursor& cursor : cursors) {
            if (!cursor.at_end() && cursor.text() == text) {
                cursor.take(number);
            }
        }
    }
    return numbers;
}

}  // namespace tsdb
