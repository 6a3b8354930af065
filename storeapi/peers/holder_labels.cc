#include "storeapi/peers/holder_labels.h"

#include <algorithm>

namespace storeapi {

HolderLabels::HolderLabels(const model::QueryScope& scope, const model::Labels& holder) {
    if (scope.dedup) {
        take_off_ = scope.replica_labels;
    } else {
        put_on_ = holder;
    }
}

bool HolderLabels::narrow(std::span<const model::Matcher> matchers,
                          std::vector<model::Matcher>& left) const {
    for (const model::Matcher& matcher : matchers) {
        const std::string_view value = put_on_.get(matcher.name());
        if (value.empty()) {
            left.push_back(matcher);
        } else if (!matcher.matches(value)) {
            return false;
        }
    }
    if (left.empty() && !matchers.empty()) {
        // Storages want one: every series has a name, or the empty one.
        left.push_back(
            model::Matcher::create(model::MatchType::kRegex, std::string(model::kMetricName), ".*")
                .value());
    }
    return true;
}

std::unique_ptr<FinalLabels> HolderLabels::final_labels() const {
    return std::make_unique<FinalLabels>(put_on_, take_off_);
}

void HolderLabels::rewrite_names(std::vector<std::string>& names) const {
    std::erase_if(names, [&](const std::string& name) { return takes_off(name); });
    if (names.empty() || put_on_.empty()) {
        return;
    }
    for (const model::LabelView label : put_on_) {
        names.emplace_back(label.name);
    }
    std::ranges::sort(names);
    const auto repeated = std::ranges::unique(names);
    names.erase(repeated.begin(), repeated.end());
}

bool HolderLabels::takes_off(std::string_view name) const {
    return std::ranges::find(take_off_, name) != take_off_.end();
}

}  // namespace storeapi
