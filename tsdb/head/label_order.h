// The order in which series are given out.
#pragma once

#include <algorithm>
#include <cstdint>

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

}  // namespace tsdb
