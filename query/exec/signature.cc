#include "query/exec/signature.h"

#include <algorithm>

namespace query::exec {

Signatures::Signatures(ExecContext& context, const VectorMatching& matching)
    : context_(context), on_(matching.on) {
    for (const std::string& name : matching.labels) {
        names_.push_back(context.labels.intern(name));
    }
    written_ = names_.size();
    if (!on_) {
        names_.push_back(kMetricNameSymbol);
    }
}

void Signatures::make_key(LabelSet labels) {
    key_.clear();
    for (const LabelPair& pair : labels) {
        if ((std::ranges::find(names_, pair.name) != names_.end()) == on_) {
            key_.push_back(pair);
        }
    }
}

std::optional<size_t> Signatures::find(LabelSet labels) {
    make_key(labels);
    const auto found = groups_.find(LabelSet(key_.data(), key_.size()));
    return found == groups_.end() ? std::nullopt : std::optional(found->second);
}

size_t Signatures::of(LabelSet labels) {
    make_key(labels);
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
