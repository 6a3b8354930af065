// Finding exemplars by their series' labels.
#pragma once

#include <span>
#include <vector>

#include "model/exemplar.h"
#include "model/storage.h"
#include "tsdb/head/head.h"

namespace tsdb {

// As model::ExemplarQueryable. The caller holds a view, so that no series found is recycled.
[[nodiscard]] base::Result<std::vector<model::SeriesExemplars>> select_exemplars(
    const Head& head,
    std::span<const std::vector<model::Matcher>> groups,
    int64_t min_t,
    int64_t max_t,
    const model::QueryContext& context);

}  // namespace tsdb
