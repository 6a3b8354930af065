#include "shard/planner/needed_nodes.h"

#include <algorithm>
#include <vector>

namespace shard {

namespace {

// Bins with the same room left.
struct Bins {
    uint64_t room = 0;
    uint64_t count = 0;
};

// Puts as many of `left` sizes into the bins as fit, the first bins first.
std::vector<Bins> fill(const std::vector<Bins>& before, uint64_t size, uint64_t& left) {
    std::vector<Bins> after;
    after.reserve(before.size() + 1);
    for (const Bins& bins : before) {
        const uint64_t each = bins.room / size;
        const uint64_t full = each == 0 ? 0 : std::min(bins.count, left / each);
        left -= full * each;
        if (full > 0) {
            after.push_back({bins.room - each * size, full});
        }
        if (full == bins.count) {
            continue;
        }
        const uint64_t some = each == 0 ? 0 : left;  // less than `each`: for one more bin
        left -= some;
        if (some > 0) {
            after.push_back({bins.room - some * size, 1});
        }
        if (const uint64_t rest = bins.count - full - (some > 0 ? 1 : 0); rest > 0) {
            after.push_back({bins.room, rest});
        }
    }
    return after;
}

}  // namespace

uint64_t SizeCounts::bins(uint64_t budget) const {
    const uint64_t most = budget > 0 ? budget - 1 : 0;  // strictly below
    std::vector<Bins> open;
    uint64_t alone = 0;
    for (size_t i = classes_.size(); i-- > 0;) {
        const Class& its = classes_[i];
        const uint64_t size = its.count == 0 ? 0 : (its.series + its.count - 1) / its.count;
        if (size == 0) {
            continue;
        }
        if (size > most) {
            alone += its.count;
            continue;
        }
        uint64_t left = its.count;
        open = fill(open, size, left);
        const uint64_t each = most / size;
        if (left >= each) {
            open.push_back({most - each * size, left / each});
        }
        if (left % each > 0) {
            open.push_back({most - left % each * size, 1});
        }
    }
    for (const Bins& bins : open) {
        alone += bins.count;
    }
    return alone;
}

}  // namespace shard
