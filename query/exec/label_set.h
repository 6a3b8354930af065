// Labels inside a running query: symbols of one table per query, strings only on output.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/arena.h"
#include "model/labels.h"
#include "model/storage.h"

namespace query::exec {

using Symbol = uint32_t;

// The symbols that every query knows, in this order.
inline constexpr Symbol kEmptySymbol = 0;       // ""
inline constexpr Symbol kMetricNameSymbol = 1;  // __name__
inline constexpr Symbol kTypeSymbol = 2;        // __type__
inline constexpr Symbol kUnitSymbol = 3;        // __unit__
inline constexpr Symbol kBucketSymbol = 4;      // le

struct LabelPair {
    Symbol name = kEmptySymbol;
    Symbol value = kEmptySymbol;

    bool operator==(const LabelPair&) const = default;
};

// A view of label pairs sorted by the text of their names; the memory is the query's arena.
class LabelSet {
  public:
    LabelSet() = default;

    LabelSet(const LabelPair* pairs, size_t size) : pairs_(pairs), size_(size) {}

    [[nodiscard]] const LabelPair* begin() const { return pairs_; }

    [[nodiscard]] const LabelPair* end() const { return pairs_ + size_; }

    [[nodiscard]] size_t size() const { return size_; }

    // kEmptySymbol when there is no such label.
    [[nodiscard]] Symbol get(Symbol name) const;
    [[nodiscard]] uint64_t hash() const;
    bool operator==(const LabelSet& other) const;

  private:
    const LabelPair* pairs_ = nullptr;
    size_t size_ = 0;
};

struct LabelSetHash {
    size_t operator()(const LabelSet& labels) const { return labels.hash(); }
};

template <class Value>
using LabelSetMap = std::unordered_map<LabelSet, Value, LabelSetHash>;

// The symbols and label sets of one query. Threads: one. Everything handed out lives as long as it.
class LabelTable {
  public:
    LabelTable();
    LabelTable(const LabelTable&) = delete;
    LabelTable& operator=(const LabelTable&) = delete;

    [[nodiscard]] Symbol intern(std::string_view text);

    [[nodiscard]] std::string_view text(Symbol symbol) const { return texts_[symbol]; }

    [[nodiscard]] std::string_view metric_name(LabelSet labels) const {
        return text(labels.get(kMetricNameSymbol));
    }

    // The labels of a series as its source has them, in the symbols of `symbols`. Texts stay with
    // the source, which is kept; they are looked at for as long as the table is used.
    [[nodiscard]] LabelSet import(std::span<const model::LabelSymbols> labels,
                                  const std::shared_ptr<const model::SymbolTable>& symbols);

    // Of them only those with these names.
    [[nodiscard]] LabelSet import(std::span<const model::LabelSymbols> labels,
                                  const std::shared_ptr<const model::SymbolTable>& symbols,
                                  std::span<const Symbol> names);

    // Of them all but the metadata, and the metric's name apart.
    [[nodiscard]] LabelSet import_without_metadata(
        std::span<const model::LabelSymbols> labels,
        const std::shared_ptr<const model::SymbolTable>& symbols,
        Symbol& metric);

    // Copies pairs that are sorted already.
    [[nodiscard]] LabelSet store(std::span<const LabelPair> sorted);
    // Sorts by name, drops empty values, copies.
    [[nodiscard]] LabelSet store_unsorted(std::vector<LabelPair>& pairs);

    // Without __name__, __type__ and __unit__; `labels` itself when it has none of them.
    [[nodiscard]] LabelSet without_metadata(LabelSet labels);
    [[nodiscard]] LabelSet keep(LabelSet labels, std::span<const Symbol> names);
    [[nodiscard]] LabelSet remove(LabelSet labels, std::span<const Symbol> names);
    // An empty value removes the label.
    [[nodiscard]] LabelSet with(LabelSet labels, Symbol name, Symbol value);

    [[nodiscard]] model::Labels to_labels(LabelSet labels) const;
    // What to_labels() will hold, about.
    [[nodiscard]] size_t text_bytes(LabelSet labels) const;
    // As labels compare: names and values as bytes in turn; the shorter set first.
    [[nodiscard]] int compare(LabelSet a, LabelSet b) const;

    // Bytes held, for accounting.
    [[nodiscard]] size_t capacity_bytes() const;

  private:
    static constexpr size_t kBytesPerSparseSymbol = 64;    // of a hash table's node and bucket
    static constexpr uint32_t kPagedSymbolsMax = 1 << 24;  // beyond it, symbols map by hash
    static constexpr size_t kPageSymbols = 128;

    // How the symbols of one source's table map to ours; 0 stands for not yet. A source's symbols
    // may lie far apart: pages are there where a query has met some, in the arena.
    struct Import {
        std::shared_ptr<const model::SymbolTable> symbols;
        std::vector<Symbol*> pages;
        std::unordered_map<uint32_t, Symbol> sparse;
    };

    // A symbol that is there: where it is found.
    struct Slot {
        uint32_t hash = 0;
        Symbol symbol = kNoSymbol;
    };

    static constexpr Symbol kNoSymbol = UINT32_MAX;
    static constexpr size_t kFirstSlots = 64;

    // The symbol of `text`; a new one's text is copied, or stays where it is.
    [[nodiscard]] Symbol intern(std::string_view text, bool copy);
    // Twice as many slots.
    void spread();

    [[nodiscard]] Import& import_of(const std::shared_ptr<const model::SymbolTable>& symbols);
    Symbol translate(Import& import, uint32_t symbol);
    [[nodiscard]] Symbol& place_of(Import& import, uint32_t symbol);

    base::Arena arena_;
    std::deque<std::string_view> texts_;  // does not move when it grows
    std::vector<Slot> slots_;             // by hash, open; at most three quarters full
    std::vector<std::unique_ptr<Import>> imports_;
    Import* last_import_ = nullptr;
    std::vector<LabelPair> scratch_;
};

}  // namespace query::exec
