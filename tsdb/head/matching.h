// From matchers to the slots of the series they match.
#pragma once

#include <functional>
#include <span>

#include "base/result.h"
#include "model/matcher.h"
#include "model/storage.h"
#include "tsdb/head/label_index.h"
#include "tsdb/head/label_sets.h"
#include "tsdb/head/slot_set.h"
#include "tsdb/head/symbols.h"

namespace tsdb {

// What matching reads. All borrowed.
struct MatchSource {
    const LabelIndex& index;
    const Symbols& symbols;
    // The labels of a slot that came from the index.
    std::function<LabelSet(uint32_t)> labels_of;
};

// The series all matchers match; a label that a series does not have counts as "". Without
// matchers: all series.
//   errors  kCanceled, kTimeout, from the context
[[nodiscard]] base::Result<SlotSet> match_series(const MatchSource& source,
                                                 std::span<const model::Matcher> matchers,
                                                 const model::QueryContext& context);

}  // namespace tsdb
