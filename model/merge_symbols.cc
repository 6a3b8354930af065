#include "model/merge_symbols.h"

#include <bit>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"

namespace model {
namespace {

constexpr size_t kFirstSlots = 1024;

}  // namespace

MergedSymbols::MergedSymbols() : slots_(kFirstSlots) {}

// Block b holds the numbers kFirstBlock * (2^b - 1) … kFirstBlock * (2^(b+1) - 1) - 1.
MergedSymbols::Place MergedSymbols::place_of(uint32_t number) {
    const uint64_t from_one = uint64_t{number} / kFirstBlock + 1;
    const auto block = static_cast<uint32_t>(std::bit_width(from_one) - 1);
    const uint64_t first = uint64_t{kFirstBlock} * ((uint64_t{1} << block) - 1);
    return {.block = block, .at = static_cast<uint32_t>(number - first)};
}

std::string_view MergedSymbols::text(uint32_t symbol) const {
    const Place place = place_of(symbol);
    const auto& block = blocks_[place.block];
    return block == nullptr ? std::string_view() : block[place.at];
}

uint32_t MergedSymbols::intern(std::string_view text) {
    const auto hash = static_cast<uint32_t>(base::hash64(text));
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    for (; slots_[at].number != kNone; at = (at + 1) & mask) {
        if (slots_[at].hash == hash && this->text(slots_[at].number) == text) {
            return slots_[at].number;
        }
    }
    slots_[at] = {.hash = hash, .number = count_};
    add(text);
    if (size_t{count_} * 4 > slots_.size() * 3) {
        grow();
    }
    return count_ - 1;
}

void MergedSymbols::add(std::string_view text) {
    const Place place = place_of(count_);
    SKEIN_CHECK(place.block < kBlocks, "too many symbols in one merged set", count_);
    if (blocks_[place.block] == nullptr) {
        blocks_[place.block] =
            std::make_unique<std::string_view[]>(size_t{kFirstBlock} << place.block);
    }
    blocks_[place.block][place.at] = arena_.copy(text);
    ++count_;
}

void MergedSymbols::grow() {
    std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    const size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
        if (slot.number == kNone) {
            continue;
        }
        size_t at = slot.hash & mask;
        while (slots_[at].number != kNone) {
            at = (at + 1) & mask;
        }
        slots_[at] = slot;
    }
}

size_t MergedSymbols::bytes() const {
    size_t bytes = arena_.capacity_bytes() + slots_.size() * sizeof(Slot);
    for (size_t i = 0; i < kBlocks && blocks_[i] != nullptr; ++i) {
        bytes += (size_t{kFirstBlock} << i) * sizeof(std::string_view);
    }
    return bytes;
}

void SymbolImport::use(std::shared_ptr<const SymbolTable> table) {
    if (table == table_) {
        return;
    }
    table_ = std::move(table);
    pages_.clear();
    used_ = 0;
}

uint32_t SymbolImport::import(uint32_t symbol, MergedSymbols& symbols) {
    const size_t page = symbol / kPage;
    if (page >= pages_.size()) {
        pages_.resize(page + 1);
    }
    if (pages_[page] == nullptr) {
        pages_[page] = std::make_unique<Page>();
        ++used_;
    }
    const uint32_t number = symbols.intern(table_->text(symbol));
    (*pages_[page])[symbol % kPage] = number + 1;
    return number;
}

size_t SymbolImport::bytes() const {
    return pages_.capacity() * sizeof(pages_[0]) + used_ * sizeof(Page);
}

}  // namespace model
