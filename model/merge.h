// Several sources as one: the queriers of head, blocks and peers joined by labels.
#pragma once

#include <memory>
#include <vector>

#include "model/storage.h"

namespace model {

// Series that several sources hold come once, with the chunks of all of them by min_t; chunks of
// different sources may overlap (ChunkView::source tells them apart), identical ones (same
// encoding, times and bytes) come once. Label names and values are united, sorted, cut to the
// limit. One source alone is returned as it is.
//   order   series come sorted by labels when there are several sources, or when asked for
//   errors  of any source fail the call; warnings of all are passed on
//   threads one
[[nodiscard]] std::unique_ptr<Querier> merge_queriers(
    std::vector<std::unique_ptr<Querier>> sources);

// The same for series sets, each sorted by labels.
[[nodiscard]] std::unique_ptr<SeriesSet> merge_series(std::vector<std::unique_ptr<SeriesSet>> sets);

}  // namespace model
