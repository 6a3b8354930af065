// What the StoreAPI's services tell about; the program hands it in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/budget.h"
#include "base/clock.h"
#include "base/result.h"
#include "model/exemplar.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/metadata.h"
#include "model/storage.h"
#include "model/target.h"
#include "storeapi/options.h"

namespace storeapi {

enum class TargetHealth : uint8_t { kUnknown, kUp, kDown };

// A target that is scraped, and how its last scrape went.
struct TargetReport {
    std::shared_ptr<const model::Target> target;
    std::string global_url;
    TargetHealth health = TargetHealth::kUnknown;
    std::string last_error;
    int64_t last_scrape_ns = 0;  // wall time; 0: never
    double last_duration_seconds = 0;
};

struct StorageFigures {
    using Counts = std::vector<std::pair<std::string, uint64_t>>;  // the largest first

    uint64_t series = 0;
    uint64_t label_pairs = 0;
    uint64_t chunks = 0;
    int64_t min_time = 0;  // ms
    int64_t max_time = 0;
    Counts series_by_metric_name;
    Counts values_by_label_name;
    Counts memory_by_label_name;
    Counts series_by_label_pair;
};

// Every function may be called from any thread, may block, and is there as long as the server.
// A function that is not set switches its service off: it is not offered, and answers that it is
// not built.
struct Sources {
    model::Queryable& storage;
    const base::Clock& clock;
    base::Budget& budget;  // what the calls hold
    Options options;
    std::function<bool()> ready;            // false: every call is refused, with kUnavailable
    std::function<model::Labels()> labels;  // the node's: external labels and its replica label
    std::function<const model::ExemplarQueryable&()> exemplars = {};
    // The matchers of each selector in a PromQL expression. errors  kInvalid
    std::function<base::Result<std::vector<std::vector<model::Matcher>>>(std::string_view)>
        parse_selectors = {};
    std::function<std::vector<TargetReport>()> active_targets = {};
    std::function<std::vector<model::Labels>()> dropped_targets = {};  // as discovered
    std::function<std::vector<model::MetricMetadata>()> metadata = {};
    std::function<StorageFigures(size_t limit)> figures = {};
};

}  // namespace storeapi
