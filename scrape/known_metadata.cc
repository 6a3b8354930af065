#include "scrape/known_metadata.h"

namespace scrape {
namespace {

void collect(MetadataByMetric& all,
             std::string_view only,
             int64_t per_metric,
             const model::MetricMetadata& entry) {
    if (!only.empty() && entry.metric != only) {
        return;
    }
    auto& list = all[entry.metric];
    if (per_metric <= 0 || static_cast<int64_t>(list.size()) < per_metric) {
        list.insert(entry.metadata);
    }
}

}  // namespace

MetadataByMetric known_metadata(const Manager& manager, std::string_view only, int64_t per_metric) {
    MetadataByMetric all;
    for (const TargetMetadata& target : manager.metadata()) {
        for (const SharedMetadata& entry : target.metadata) {
            collect(all, only, per_metric, *entry);
        }
    }
    if (manager.metadata_store() == nullptr) {
        return all;
    }
    MetadataByMetric kept;
    for (const model::MetricMetadata& entry : manager.metadata_store()->all()) {
        if (!all.contains(entry.metric)) {
            collect(kept, only, per_metric, entry);
        }
    }
    all.merge(kept);
    return all;
}

}  // namespace scrape
