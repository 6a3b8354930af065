// Whom one query asks, and how their answers are joined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/matcher.h"

namespace model {

// The names in comments are the API's parameters, which are Thanos' where Thanos has them.
struct QueryScope {
    bool local = false;  // local: this node only

    // dedup: series that several hold come once. False: every holder's series come apart, with the
    // replica label of the holder.
    bool dedup = true;
    std::vector<std::string> replica_labels;  // replicaLabels[]: taken off the series, with dedup

    bool partial_response = true;  // partial_response: who does not answer is a warning, no error

    // storeMatch[]: endpoints whose __address__ matches one of the selectors; empty: all. With any,
    // this node's own series are asked for only when its own address matches.
    std::vector<std::vector<Matcher>> stores;

    int64_t max_source_resolution_ms = 0;  // max_source_resolution: of downsampled data
};

}  // namespace model
