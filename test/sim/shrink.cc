#include "test/sim/shrink.h"

#include <algorithm>
#include <cstddef>

namespace sim {

namespace {

std::vector<uint32_t> without(const std::vector<uint32_t>& all, size_t from, size_t to) {
    std::vector<uint32_t> rest(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(from));
    rest.insert(rest.end(), all.begin() + static_cast<std::ptrdiff_t>(to), all.end());
    return rest;
}

}  // namespace

std::vector<uint32_t> shrink(std::vector<uint32_t> all,
                             const std::function<bool(const std::vector<uint32_t>&)>& fails,
                             uint32_t tries) {
    size_t piece = (all.size() + 1) / 2;
    while (piece > 0 && !all.empty()) {
        bool smaller = false;
        for (size_t from = 0; from < all.size() && tries > 0;) {
            std::vector<uint32_t> rest = without(all, from, std::min(all.size(), from + piece));
            --tries;
            if (fails(rest)) {
                all = std::move(rest);
                smaller = true;
            } else {
                from += piece;
            }
        }
        if (tries == 0) {
            break;
        }
        if (piece > 1) {
            piece = (piece + 1) / 2;
        } else if (!smaller) {
            break;
        }
    }
    return all;
}

}  // namespace sim
