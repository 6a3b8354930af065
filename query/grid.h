// The times at which an expression is evaluated.
#pragma once

#include <cstddef>
#include <cstdint>

namespace query {

// start, start + step, … (ms).
struct Grid {
    int64_t start = 0;
    int64_t step = 1;  // > 0
    size_t count = 1;

    [[nodiscard]] int64_t at(size_t index) const {
        return start + static_cast<int64_t>(index) * step;
    }

    bool operator==(const Grid&) const = default;
};

}  // namespace query
