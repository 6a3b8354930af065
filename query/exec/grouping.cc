#include "query/exec/grouping.h"

#include <algorithm>

namespace query::exec {

Grouping::Grouping(ExecContext& context, std::span<const std::string> names, bool without)
    : context_(context), without_(without) {
    for (const std::string& name : names) {
        names_.push_back(context.labels.intern(name));
    }
    if (without) {
        names_.push_back(kMetricNameSymbol);
    }
}

bool Grouping::listed(Symbol name) const {
    return std::ranges::find(names_, name) != names_.end();
}

size_t Grouping::group_of(LabelSet labels) {
    key_.clear();
    if (without_ || !names_.empty()) {
        for (const LabelPair& pair : labels) {
            if (listed(pair.name) != without_) {
                key_.push_back(pair);
            }
        }
    }
    const auto found = groups_.find(LabelSet(key_.data(), key_.size()));
    if (found != groups_.end()) {
        return found->second;
    }
    const LabelSet kept = context_.labels.store(key_);
    groups_.emplace(kept, labels_.size());
    labels_.push_back(kept);
    return labels_.size() - 1;
}

}  // namespace query::exec
