// Labels as a million series of a cluster have them, for the tests that print figures.
#pragma once

#include <algorithm>
#include <string>

#include "test/tsdb/block/block_data.h"

namespace block_test {

inline std::string numbered(const std::string& text, size_t number) {
    const std::string digits = std::to_string(number);
    return text + std::string(4 - std::min<size_t>(4, digits.size()), '0') + digits;
}

// Ten labels: most of them the instance's.
inline Labels labels_of(size_t name, size_t instance) {
    return {{"__name__", numbered("http_request_metric_", name)},
            {"cluster", "eu-west"},
            {"code", "200"},
            {"handler", numbered("/api/v1/orders/", name % 10)},
            {"instance", numbered("10.0.12.", instance)},
            {"job", "checkout"},
            {"namespace", numbered("shop-", instance % 50)},
            {"node", numbered("10.0.12.", instance)},
            {"pod", numbered("checkout-7f9c6d5b8-", instance)},
            {"version", "v2.13"}};
}

}  // namespace block_test
