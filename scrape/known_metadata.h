// What is known of metrics: from the targets scraped now, and from memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "model/metadata.h"
#include "scrape/manager.h"

namespace scrape {

using MetadataByMetric = std::map<std::string, std::set<model::Metadata>, std::less<>>;

// What targets say now counts more than what an earlier run has kept. Asks the scraping lanes and
// waits.
//   only        the metric wanted; empty: all
//   per_metric  most different entries of one metric; 0 and below: all
[[nodiscard]] MetadataByMetric known_metadata(const Manager& manager,
                                              std::string_view only,
                                              int64_t per_metric);

}  // namespace scrape
