// What the StoreAPI allows one request.
#pragma once

#include <cstdint>
#include <string>

namespace storeapi {

struct Options {
    uint64_t request_series_max = 0;   // --store.limits.request-series; 0: no limit
    uint64_t request_samples_max = 0;  // --store.limits.request-samples, 120 per chunk; 0: no limit
};

}  // namespace storeapi
