#include "query/exec/label_set.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/checksum.h"

namespace query::exec {
namespace {

// Multiply-and-fold mixing; the input is our own symbols, so no attacker chooses it directly.
uint64_t mix(uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

bool is_metadata(Symbol name) {
    return name == kMetricNameSymbol || name == kTypeSymbol || name == kUnitSymbol;
}

}  // namespace

Symbol LabelSet::get(Symbol name) const {
    for (const LabelPair& pair : *this) {
        if (pair.name == name) {
            return pair.value;
        }
    }
    return kEmptySymbol;
}

uint64_t LabelSet::hash() const {
    uint64_t hash = 0x9e3779b97f4a7c15 + size_;
    for (const LabelPair& pair : *this) {
        hash = mix(hash ^ (uint64_t{pair.name} << 32 | pair.value), 0xd6e8feb86659fd93);
    }
    return hash;
}

bool LabelSet::operator==(const LabelSet& other) const {
    return size_ == other.size_ &&
           (size_ == 0 || std::memcmp(pairs_, other.pairs_, size_ * sizeof(LabelPair)) == 0);
}

LabelTable::LabelTable() : slots_(kFirstSlots) {
    for (const std::string_view text : {"", "__name__", "__type__", "__unit__", "le"}) {
        static_cast<void>(intern(text));
    }
}

Symbol LabelTable::intern(std::string_view text) {
    return intern(text, true);
}

Symbol LabelTable::intern(std::string_view text, bool copy) {
    const auto hash = static_cast<uint32_t>(base::hash64(text));
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    for (; slots_[at].symbol != kNoSymbol; at = (at + 1) & mask) {
        if (slots_[at].hash == hash && texts_[slots_[at].symbol] == text) {
            return slots_[at].symbol;
        }
    }
    const auto symbol = static_cast<Symbol>(texts_.size());
    texts_.push_back(copy ? arena_.copy(text) : text);
    slots_[at] = {hash, symbol};
    if (texts_.size() * 4 > slots_.size() * 3) {
        spread();
    }
    return symbol;
}

void LabelTable::spread() {
    const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    const size_t mask = slots_.size() - 1;
    for (const Slot& slot : before) {
        size_t at = slot.hash & mask;
        while (slot.symbol != kNoSymbol && slots_[at].symbol != kNoSymbol) {
            at = (at + 1) & mask;
        }
        if (slot.symbol != kNoSymbol) {
            slots_[at] = slot;
        }
    }
}

Symbol LabelTable::translate(Import& import, uint32_t symbol) {
    Symbol& ours = place_of(import, symbol);
    if (ours == kEmptySymbol) {
        ours = intern(import.symbols->text(symbol), false);
    }
    return ours;
}

Symbol& LabelTable::place_of(Import& import, uint32_t symbol) {
    if (symbol >= kPagedSymbolsMax) {
        return import.sparse[symbol];
    }
    const size_t number = symbol / kPageSymbols;
    if (number >= import.pages.size()) {
        import.pages.resize(number + 1);
    }
    Symbol*& page = import.pages[number];
    if (page == nullptr) {
        page = arena_.allocate<Symbol>(kPageSymbols).data();
        std::fill_n(page, kPageSymbols, kEmptySymbol);
    }
    return page[symbol % kPageSymbols];
}

LabelTable::Import& LabelTable::import_of(
    const std::shared_ptr<const model::SymbolTable>& symbols) {
    if (last_import_ != nullptr && last_import_->symbols == symbols) {
        return *last_import_;
    }
    const auto found = std::ranges::find_if(
        imports_, [&](const auto& import) { return import->symbols == symbols; });
    if (found != imports_.end()) {
        last_import_ = found->get();
    } else {
        imports_.push_back(std::make_unique<Import>());
        imports_.back()->symbols = symbols;
        last_import_ = imports_.back().get();
    }
    return *last_import_;
}

LabelSet LabelTable::import(std::span<const model::LabelSymbols> labels,
                            const std::shared_ptr<const model::SymbolTable>& symbols) {
    Import& from = import_of(symbols);
    const std::span<LabelPair> pairs = arena_.allocate<LabelPair>(labels.size());
    for (size_t i = 0; i < labels.size(); ++i) {
        pairs[i] = {translate(from, labels[i].name), translate(from, labels[i].value)};
    }
    return {pairs.data(), pairs.size()};
}

LabelSet LabelTable::import(std::span<const model::LabelSymbols> labels,
                            const std::shared_ptr<const model::SymbolTable>& symbols,
                            std::span<const Symbol> names) {
    Import& from = import_of(symbols);
    scratch_.clear();
    for (const model::LabelSymbols& label : labels) {
        const Symbol name = translate(from, label.name);
        if (std::ranges::find(names, name) != names.end()) {
            scratch_.push_back({name, translate(from, label.value)});
        }
    }
    return store(scratch_);
}

LabelSet LabelTable::import_without_metadata(
    std::span<const model::LabelSymbols> labels,
    const std::shared_ptr<const model::SymbolTable>& symbols,
    Symbol& metric) {
    Import& from = import_of(symbols);
    metric = kEmptySymbol;
    scratch_.clear();
    for (const model::LabelSymbols& label : labels) {
        const LabelPair pair = {translate(from, label.name), translate(from, label.value)};
        if (!is_metadata(pair.name)) {
            scratch_.push_back(pair);
        } else if (pair.name == kMetricNameSymbol) {
            metric = pair.value;
        }
    }
    return store(scratch_);
}

size_t LabelTable::capacity_bytes() const {
    size_t bytes = arena_.capacity_bytes() + texts_.size() * sizeof(std::string_view) +
                   slots_.size() * sizeof(Slot);
    for (const auto& import : imports_) {
        bytes += import->pages.capacity() * sizeof(Symbol*) +
                 import->sparse.size() * kBytesPerSparseSymbol;
    }
    return bytes;
}

LabelSet LabelTable::store(std::span<const LabelPair> sorted) {
    const std::span<LabelPair> kept = arena_.copy(sorted);
    return {kept.data(), kept.size()};
}

LabelSet LabelTable::store_unsorted(std::vector<LabelPair>& pairs) {
    std::erase_if(pairs, [](const LabelPair& pair) { return pair.value == kEmptySymbol; });
    std::ranges::sort(pairs, [this](const LabelPair& a, const LabelPair& b) {
        return text(a.name) < text(b.name);
    });
    return store(pairs);
}

LabelSet LabelTable::without_metadata(LabelSet labels) {
    if (std::none_of(labels.begin(), labels.end(), [](const LabelPair& pair) {
            return is_metadata(pair.name);
        })) {
        return labels;
    }
    scratch_.clear();
    std::copy_if(
        labels.begin(), labels.end(), std::back_inserter(scratch_), [](const LabelPair& pair) {
            return !is_metadata(pair.name);
        });
    return store(scratch_);
}

LabelSet LabelTable::keep(LabelSet labels, std::span<const Symbol> names) {
    scratch_.clear();
    std::copy_if(
        labels.begin(), labels.end(), std::back_inserter(scratch_), [&](const LabelPair& pair) {
            return std::ranges::find(names, pair.name) != names.end();
        });
    return store(scratch_);
}

LabelSet LabelTable::remove(LabelSet labels, std::span<const Symbol> names) {
    scratch_.clear();
    std::copy_if(
        labels.begin(), labels.end(), std::back_inserter(scratch_), [&](const LabelPair& pair) {
            return std::ranges::find(names, pair.name) == names.end();
        });
    return store(scratch_);
}

LabelSet LabelTable::with(LabelSet labels, Symbol name, Symbol value) {
    scratch_.clear();
    bool placed = value == kEmptySymbol;
    for (const LabelPair& pair : labels) {
        if (!placed && text(name) <= text(pair.name)) {
            scratch_.push_back({name, value});
            placed = true;
        }
        if (pair.name != name) {
            scratch_.push_back(pair);
        }
    }
    if (!placed) {
        scratch_.push_back({name, value});
    }
    return store(scratch_);
}

model::Labels LabelTable::to_labels(LabelSet labels) const {
    std::vector<model::LabelView> views;
    views.reserve(labels.size());
    for (const LabelPair& pair : labels) {
        views.push_back({text(pair.name), text(pair.value)});
    }
    return model::Labels::from_sorted(views);
}

size_t LabelTable::text_bytes(LabelSet labels) const {
    constexpr size_t kLengths = 2;  // before each text, as Labels pack them
    size_t bytes = 0;
    for (const LabelPair& pair : labels) {
        bytes += text(pair.name).size() + text(pair.value).size() + kLengths;
    }
    return bytes;
}

int LabelTable::compare(LabelSet a, LabelSet b) const {
    const size_t common = std::min(a.size(), b.size());
    for (size_t i = 0; i < common; ++i) {
        const LabelPair& left = a.begin()[i];
        const LabelPair& right = b.begin()[i];
        if (left.name != right.name) {
            return text(left.name) < text(right.name) ? -1 : 1;
        }
        if (left.value != right.value) {
            return text(left.value) < text(right.value) ? -1 : 1;
        }
    }
    return a.size() == b.size() ? 0 : (a.size() < b.size() ? -1 : 1);
}

}  // namespace query::exec
