// Whom one selection asks: endpoints are left out that cannot hold what it wants.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/matcher.h"
#include "model/query_scope.h"
#include "storeapi/peers/endpoints.h"

namespace storeapi {

struct Wanted {
    std::span<const model::Matcher> matchers;
    int64_t min_t = 0, max_t = 0;  // ms, inclusive
};

struct ChosenEndpoint {
    std::shared_ptr<const Endpoint> endpoint;
    uint32_t holder = 0;  // its place in the snapshot, from 1 on: the same for all of a query
};

struct Choice {
    std::vector<ChosenEndpoint> asked;
    std::vector<std::shared_ptr<const Endpoint>> missing;  // may hold some, and are not healthy
};

// Whether storeMatch[] takes this address. As in Thanos, only __address__ is looked at.
[[nodiscard]] bool in_scope(const model::QueryScope& scope, std::string_view address);

// Of healthy endpoints those whose times touch the range, and whose labels do not rule the matchers
// out: one label set that fits is enough, and so is knowing none. Of others, which are not asked
// but missed, times are not looked at: they may have grown since.
[[nodiscard]] Choice choose(const EndpointSnapshot& endpoints,
                            const model::QueryScope& scope,
                            const Wanted& wanted);

}  // namespace storeapi
