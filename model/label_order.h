// The order of series by their labels, on symbols, and the same with some labels left out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "model/storage.h"

namespace model {

// Labels of a SeriesView for compare_labels().
struct SymbolList {
    std::span<const LabelSymbols> labels;

    [[nodiscard]] size_t size() const { return labels.size(); }

    [[nodiscard]] uint32_t name(size_t i) const { return labels[i].name; }

    [[nodiscard]] uint32_t value(size_t i) const { return labels[i].value; }
};

// Negative, zero or positive: names and values as bytes, in turn; the shorter list first.
//   List     size(), name(i), value(i): symbols; equal texts have equal ones
//   without  symbols of names that are passed over
template <class List>
[[nodiscard]] int compare_labels(const List& left,
                                 const List& right,
                                 const SymbolTable& symbols,
                                 std::span<const uint32_t> without) {
    const auto next = [&](const List& list, size_t i) {
        while (i < list.size() && std::ranges::find(without, list.name(i)) != without.end()) {
            ++i;
        }
        return i;
    };
    size_t i = next(left, 0);
    size_t k = next(right, 0);
    for (; i < left.size() && k < right.size(); i = next(left, i + 1), k = next(right, k + 1)) {
        if (left.name(i) != right.name(k)) {
            return symbols.text(left.name(i)).compare(symbols.text(right.name(k)));
        }
        if (left.value(i) != right.value(k)) {
            return symbols.text(left.value(i)).compare(symbols.text(right.value(k)));
        }
    }
    return static_cast<int>(i < left.size()) - static_cast<int>(k < right.size());
}

// The order of SelectHints::order_without: what is alike but for labels left out stands together,
// in the order of all labels.
template <class List>
[[nodiscard]] bool labels_before(const List& left,
                                 const List& right,
                                 const SymbolTable& symbols,
                                 std::span<const uint32_t> without) {
    int order = compare_labels(left, right, symbols, without);
    if (order == 0 && !without.empty()) {
        order = compare_labels(left, right, symbols, {});
    }
    return order < 0;
}

}  // namespace model
