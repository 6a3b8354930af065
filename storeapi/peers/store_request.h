// The requests that a foreign StoreAPI endpoint is asked with.
// source: what the Thanos querier sends
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "model/query_scope.h"
#include "model/storage.h"
#include "storeapi/peers/peer.h"

namespace storeapi {

// Bytes of a SeriesRequest.
[[nodiscard]] std::string series_request(const model::SelectHints& hints,
                                         std::span<const model::Matcher> matchers,
                                         const PeerFacts& facts,
                                         const model::QueryScope& scope);

// What both requests for lists hold.
struct NamesWish {
    uint64_t limit = 0;
    std::span<const model::Matcher> matchers;
    int64_t min_t = 0, max_t = 0;
    const model::QueryScope& scope;
};

// Bytes of a LabelNamesRequest.
[[nodiscard]] std::string label_names_request(const NamesWish& wish);
// Bytes of a LabelValuesRequest.
[[nodiscard]] std::string label_values_request(std::string_view name, const NamesWish& wish);

}  // namespace storeapi
