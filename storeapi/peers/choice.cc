#include "storeapi/peers/choice.h"

#include <algorithm>

namespace storeapi {
namespace {

constexpr std::string_view kAddressLabel = "__address__";

bool fits(const model::Labels& set, std::span<const model::Matcher> matchers) {
    return std::ranges::all_of(matchers, [&](const model::Matcher& matcher) {
        const std::string_view value = set.get(matcher.name());
        return value.empty() || matcher.matches(value);
    });
}

bool labels_fit(const Endpoint& endpoint, const model::QueryScope& scope, const Wanted& wanted) {
    // A node's series do not show its labels, unless they are put on.
    const bool shown = endpoint.kind == PeerKind::kStore || !scope.dedup;
    const auto& sets = endpoint.facts.label_sets;
    return !shown || sets.empty() || std::ranges::any_of(sets, [&](const model::Labels& set) {
        return fits(set, wanted.matchers);
    });
}

bool times_fit(const PeerFacts& facts, const Wanted& wanted) {
    return wanted.min_t <= facts.max_t && wanted.max_t >= facts.min_t;
}

}  // namespace

bool in_scope(const model::QueryScope& scope, std::string_view address) {
    const auto takes = [&](const std::vector<model::Matcher>& selector) {
        return std::ranges::all_of(selector, [&](const model::Matcher& matcher) {
            return matcher.matches(matcher.name() == kAddressLabel ? address : "");
        });
    };
    return scope.stores.empty() || std::ranges::any_of(scope.stores, takes);
}

Choice choose(const EndpointSnapshot& endpoints,
              const model::QueryScope& scope,
              const Wanted& wanted) {
    Choice choice;
    uint32_t holder = 0;
    for (const auto& endpoint : endpoints) {
        ++holder;
        if (!in_scope(scope, endpoint->address) || !labels_fit(*endpoint, scope, wanted)) {
            continue;
        }
        if (!endpoint->healthy) {
            choice.missing.push_back(endpoint);
        } else if (times_fit(endpoint->facts, wanted)) {
            choice.asked.push_back({.endpoint = endpoint, .holder = holder});
        }
    }
    return choice;
}

}  // namespace storeapi
