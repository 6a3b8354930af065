#include "tsdb/head/replayed_metadata.h"

#include <initializer_list>
#include <utility>

namespace tsdb {
namespace {

std::string_view without(std::string_view name, std::initializer_list<std::string_view> suffixes) {
    for (const std::string_view suffix : suffixes) {
        if (name.size() > suffix.size() && name.ends_with(suffix)) {
            return name.substr(0, name.size() - suffix.size());
        }
    }
    return name;
}

}  // namespace

std::string_view family_of(std::string_view name, model::MetricType type) {
    switch (type) {
        case model::MetricType::kHistogram:
            return without(name, {"_bucket", "_sum", "_count"});
        case model::MetricType::kGaugeHistogram:
            return without(name, {"_bucket", "_gsum", "_gcount"});
        case model::MetricType::kSummary:
            return without(name, {"_sum", "_count"});
        default:
            return name;
    }
}

void ReplayedMetadata::note(std::string_view name, model::Metadata metadata) {
    const std::string family(family_of(name, metadata.type));
    const auto found = latest_.find(family);
    if (found != latest_.end()) {
        found->second = std::move(metadata);
    } else if (latest_.size() < kFamiliesMax) {
        latest_.emplace(family, std::move(metadata));
    }
}

void ReplayedMetadata::give_to(model::MetadataStore& store) const {
    for (const auto& [family, metadata] : latest_) {
        store.record(family, metadata);
    }
}

}  // namespace tsdb
