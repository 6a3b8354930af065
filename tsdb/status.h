// What the status pages tell of the head.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tsdb {

struct HeadStats {
    uint64_t series = 0;
    uint64_t label_pairs = 0;
    uint64_t chunks = 0;
    int64_t min_time = 0;  // ms; INT64_MAX when there are no samples
    int64_t max_time = 0;  // ms; INT64_MIN when there are none
};

struct NamedCount {
    std::string name;
    uint64_t value = 0;

    bool operator==(const NamedCount&) const = default;
};

// The largest entries, largest first. As /api/v1/status/tsdb names them.
struct Cardinality {
    std::vector<NamedCount> series_by_metric_name;
    std::vector<NamedCount> values_by_label_name;
    std::vector<NamedCount> memory_by_label_name;  // bytes of the values' texts, once per series
    std::vector<NamedCount> series_by_label_pair;  // "name=value"
};

}  // namespace tsdb
