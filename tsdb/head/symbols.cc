#include "tsdb/head/symbols.h"

#include <cstring>

#include "base/check.h"
#include "base/checksum.h"

namespace tsdb {
namespace {

constexpr size_t kCellsMin = 1024;

uint32_t hash_of(std::string_view text) {
    return static_cast<uint32_t>(base::hash64(text));
}

}  // namespace

Symbols::Symbols(HeadMemory& memory)
    : memory_(memory), arena_(memory, HeadPart::kSymbols), cells_(kCellsMin) {
    memory_.add(HeadPart::kSymbols, static_cast<int64_t>(kCellsMin * sizeof(Cell)));
}

Symbols::~Symbols() = default;

uint32_t Symbols::intern(std::string_view text) {
    const uint32_t hash = hash_of(text);
    const base::MutexLock lock(mutex_);
    size_t at = locate(text, hash);
    if (cells_[at].symbol != kNone) {
        return cells_[at].symbol;
    }
    if ((size_ + 1) * 4 > cells_.size() * 3) {
        grow();
        at = locate(text, hash);
    }
    const uint32_t symbol = store(text);
    cells_[at] = {.symbol = symbol, .hash = hash};
    ++size_;
    return symbol;
}

uint32_t Symbols::find(std::string_view text) const {
    const uint32_t hash = hash_of(text);
    const base::MutexLock lock(mutex_);
    return cells_[locate(text, hash)].symbol;
}

size_t Symbols::size() const {
    const base::MutexLock lock(mutex_);
    return size_;
}

size_t Symbols::text_bytes() const {
    const base::MutexLock lock(mutex_);
    return text_bytes_;
}

size_t Symbols::locate(std::string_view wanted, uint32_t hash) const {
    const size_t mask = cells_.size() - 1;
    size_t at = hash & mask;
    while (cells_[at].symbol != kNone &&
           (cells_[at].hash != hash || text(cells_[at].symbol) != wanted)) {
        at = (at + 1) & mask;
    }
    return at;
}

uint32_t Symbols::store(std::string_view text) {
    SKEIN_CHECK(text.size() <= kTextMax, "label text too long", text.size());
    const bool is_long = text.size() >= kLongText;
    const auto size = static_cast<uint32_t>(text.size());
    const size_t header = is_long ? 1 + sizeof size : 1;
    const uint32_t symbol = arena_.allocate(header + text.size());
    uint8_t* const at = arena_.at(symbol);
    at[0] = static_cast<uint8_t>(is_long ? kLongText : size);
    if (is_long) {
        std::memcpy(at + 1, &size, sizeof size);
    }
    if (!text.empty()) {
        std::memcpy(at + header, text.data(), text.size());
    }
    text_bytes_ += text.size();
    return symbol;
}

void Symbols::grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    memory_.add(HeadPart::kSymbols, static_cast<int64_t>(old.size() * sizeof(Cell)));
    const size_t mask = cells_.size() - 1;
    for (const Cell& cell : old) {
        if (cell.symbol == kNone) {
            continue;
        }
        size_t at = cell.hash & mask;
        while (cells_[at].symbol != kNone) {
            at = (at + 1) & mask;
        }
        cells_[at] = cell;
    }
}

}  // namespace tsdb
