#include "tsdb/head/symbols.h"

#include "base/check.h"
#include "base/checksum.h"

namespace tsdb {
namespace {

uint32_t hash_of(std::string_view text) {
    return static_cast<uint32_t>(base::hash64(text));
}

}  // namespace

Symbols::Symbols(HeadMemory& memory) : memory_(memory), arena_(memory, HeadPart::kSymbols) {}

Symbols::~Symbols() = default;

uint32_t Symbols::intern(std::string_view text) {
    const uint32_t hash = hash_of(text);
    const base::MutexLock lock(mutex_);
    if (const auto* const cell = locate(text, hash); cell != nullptr) {
        return cell->entry;
    }
    const uint32_t symbol = store(text);
    if (const int64_t grown = cells_.insert(hash, symbol); grown != 0) {
        memory_.add(HeadPart::kSymbols, grown);
    }
    text_bytes_ += text.size();
    return symbol;
}

uint32_t Symbols::find(std::string_view text) const {
    const uint32_t hash = hash_of(text);
    const base::MutexLock lock(mutex_);
    const auto* const cell = locate(text, hash);
    return cell == nullptr ? kNone : cell->entry;
}

void Symbols::retain(std::span<const uint32_t> symbols) {
    const base::MutexLock lock(mutex_);
    for (const uint32_t symbol : symbols) {
        uint8_t& uses = arena_.at(symbol)[kUsesAt];
        if (uses == kManyUses) {
            ++many_uses_[symbol];
        } else {
            ++uses;
        }
    }
}

void Symbols::release(std::span<const uint32_t> symbols, std::vector<uint32_t>& forgotten) {
    const base::MutexLock lock(mutex_);
    for (const uint32_t symbol : symbols) {
        if (!take_use(symbol)) {
            forget(symbol);
            forgotten.push_back(symbol);
        }
    }
}

void Symbols::recycle(std::span<const uint32_t> symbols) {
    const base::MutexLock lock(mutex_);
    for (const uint32_t symbol : symbols) {
        const std::string_view of_symbol = text(symbol);
        const auto* const end =
            reinterpret_cast<const uint8_t*>(of_symbol.data()) + of_symbol.size();
        arena_.recycle(symbol, static_cast<size_t>(end - arena_.at(symbol)));
    }
}

size_t Symbols::size() const {
    const base::MutexLock lock(mutex_);
    return cells_.size();
}

size_t Symbols::text_bytes() const {
    const base::MutexLock lock(mutex_);
    return text_bytes_;
}

CellTable::Cell* Symbols::locate(std::string_view wanted, uint32_t hash) const {
    return cells_.locate(hash, [&](uint32_t symbol) { return text(symbol) == wanted; });
}

uint32_t Symbols::store(std::string_view text) {
    SKEIN_CHECK(text.size() <= kTextMax, "label text too long", text.size());
    const bool is_long = text.size() >= kLongText;
    const auto size = static_cast<uint32_t>(text.size());
    const size_t header = is_long ? kHeader + sizeof size : kHeader;
    const uint32_t symbol = arena_.allocate(header + text.size());
    uint8_t* const at = arena_.at(symbol);
    at[kSizeAt] = static_cast<uint8_t>(is_long ? kLongText : size);
    at[kUsesAt] = 0;
    if (is_long) {
        std::memcpy(at + kHeader, &size, sizeof size);
    }
    if (!text.empty()) {
        std::memcpy(at + header, text.data(), text.size());
    }
    return symbol;
}

bool Symbols::take_use(uint32_t symbol) {
    uint8_t& uses = arena_.at(symbol)[kUsesAt];
    SKEIN_CHECK(uses > 0, "symbol released more often than retained", symbol);
    if (uses == kManyUses) {
        if (const auto more = many_uses_.find(symbol); more != many_uses_.end()) {
            if (--more->second == 0) {
                many_uses_.erase(more);
            }
            return true;
        }
    }
    return --uses > 0;
}

void Symbols::forget(uint32_t symbol) {
    const std::string_view of_symbol = text(symbol);
    const auto* const cell = cells_.locate(
        hash_of(of_symbol), [symbol](uint32_t candidate) { return candidate == symbol; });
    SKEIN_CHECK(cell != nullptr, "symbol is not in the table", symbol);
    text_bytes_ -= of_symbol.size();
    if (const int64_t grown = cells_.erase(cell); grown != 0) {
        memory_.add(HeadPart::kSymbols, grown);
    }
}

}  // namespace tsdb
