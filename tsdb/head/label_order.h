// The order in which series are given out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/label_order.h"
#include "tsdb/head/head.h"

namespace tsdb {

// Orders series as their labels are ordered: names and values as bytes, in turn.
class ByLabels {
  public:
    explicit ByLabels(const Head& head) : head_(head), symbols_(*head.symbols()) {}

    bool operator()(uint32_t left, uint32_t right) const {
        const LabelSet a = head_.labels_of(left);
        const LabelSet b = head_.labels_of(right);
        const size_t common = std::min(a.names.size(), b.names.size());
        for (size_t i = 0; i < common; ++i) {
            if (a.names[i] != b.names[i]) {
                return symbols_.text(a.names[i]) < symbols_.text(b.names[i]);
            }
            if (a.values[i] != b.values[i]) {
                return symbols_.text(a.values[i]) < symbols_.text(b.values[i]);
            }
        }
        return a.names.size() < b.names.size();
    }

  private:
    const Head& head_;
    const Symbols& symbols_;
};

// The same as if they had no labels of some names (model::SelectHints::order_without).
class ByLabelsWithout {
  public:
    ByLabelsWithout(const Head& head, std::span<const std::string> without)
        : head_(head), symbols_(*head.symbols()) {
        for (const std::string& name : without) {
            const uint32_t symbol = symbols_.find(name);
            if (symbol != Symbols::kNone && head.index().value_count(symbol) != 0) {
                without_.push_back(symbol);
            }
        }
    }

    // Whether no series has a label of these names.
    [[nodiscard]] bool is_plain() const { return without_.empty(); }

    bool operator()(uint32_t left, uint32_t right) const {
        return model::labels_before(
            List{head_.labels_of(left)}, List{head_.labels_of(right)}, symbols_, without_);
    }

  private:
    struct List {
        LabelSet labels;

        [[nodiscard]] size_t size() const { return labels.names.size(); }

        [[nodiscard]] uint32_t name(size_t i) const { return labels.names[i]; }

        [[nodiscard]] uint32_t value(size_t i) const { return labels.values[i]; }
    };

    const Head& head_;
    const Symbols& symbols_;
    std::vector<uint32_t> without_;
};

// Sorts slots as the hints ask for it.
inline void sort_slots(std::vector<uint32_t>& slots,
                       const Head& head,
                       const model::SelectHints& hints) {
    if (!hints.sorted) {
        return;
    }
    const ByLabelsWithout order(head, hints.order_without);
    if (order.is_plain()) {
        head.sort_by_labels(slots);
    } else {
        std::sort(slots.begin(), slots.end(), [&](uint32_t a, uint32_t b) { return order(a, b); });
    }
}

}  // namespace tsdb
