#include "tsdb/compact/planner.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/check.h"

namespace tsdb {
namespace {

using block::BlockMeta;
using block::Ulid;

constexpr int64_t kRangeStep = 3;
constexpr double kTombstonesPerSeriesMax = 0.05;

// Blocks by pointer: sorted and cut without copies.
using Metas = std::vector<const BlockMeta*>;
using MetaSpan = std::span<const BlockMeta* const>;

// The distance between two times, which a damaged or foreign meta.json may set far apart.
int64_t distance(int64_t from, int64_t to) {
    int64_t out = 0;
    if (__builtin_sub_overflow(to, from, &out)) {
        return to > from ? std::numeric_limits<int64_t>::max()
                         : std::numeric_limits<int64_t>::min();
    }
    return out;
}

int64_t width(const BlockMeta& meta) {
    return distance(meta.min_t, meta.max_t);
}

// The end of the range, aligned to its own width, in which `t` lies.
__int128 range_end(int64_t t, int64_t range) {
    const __int128 from_zero = t;
    const __int128 number = from_zero >= 0 ? from_zero / range : (from_zero - range + 1) / range;
    return (number + 1) * range;
}

Plan plan_of(MetaSpan metas, bool overlapping) {
    Plan plan;
    plan.overlapping = overlapping;
    for (const BlockMeta* const meta : metas) {
        plan.blocks.push_back(meta->ulid);
    }
    return plan;
}

// The first chain of blocks of which each begins before all those before it have ended.
MetaSpan first_overlap(MetaSpan metas) {
    size_t begin = 0;
    int64_t end_time = metas[0]->max_t;
    size_t i = 1;
    for (; i < metas.size(); ++i) {
        if (metas[i]->min_t >= end_time) {
            if (i - begin > 1) {
                break;
            }
            begin = i;
        }
        end_time = std::max(end_time, metas[i]->max_t);
    }
    return i - begin > 1 ? metas.subspan(begin, i - begin) : MetaSpan{};
}

// Calls `group` with the blocks of each aligned range, until it returns true; blocks that cross a
// border are left out.
template <class Group>
bool any_range(MetaSpan metas, int64_t range, Group&& group) {
    for (size_t i = 0; i < metas.size();) {
        const __int128 end_time = range_end(metas[i]->min_t, range);
        const size_t first = i;
        while (i < metas.size() && metas[i]->max_t <= end_time) {
            ++i;
        }
        if (i == first) {
            ++i;
        } else if (group(metas.subspan(first, i - first))) {
            return true;
        }
    }
    return false;
}

// Several blocks that fill a range, or that nothing can join any more.
MetaSpan full_group(MetaSpan metas, std::span<const int64_t> ranges) {
    if (metas.empty()) {
        return {};
    }
    MetaSpan found;
    const int64_t newest = metas.back()->min_t;
    for (const int64_t range : ranges.subspan(1)) {
        const auto is_due = [&](MetaSpan group) {
            const int64_t end_time = group.back()->max_t;
            const bool full = distance(group.front()->min_t, end_time) == range;
            const bool failed =
                std::ranges::any_of(group, [](const BlockMeta* meta) { return meta->failed; });
            if (group.size() < 2 || failed || (!full && end_time > newest)) {
                return false;
            }
            found = group;
            return true;
        };
        if (any_range(metas, range, is_due)) {
            return found;
        }
    }
    return {};
}

// The newest wide block of which enough is deleted, or a narrower one behind it with nothing left.
const BlockMeta* with_many_tombstones(MetaSpan metas, std::span<const int64_t> ranges) {
    const int64_t wide = ranges[ranges.size() / 2];
    for (size_t i = metas.size(); i-- > 0;) {
        const BlockMeta& meta = *metas[i];
        const uint64_t tombstones = meta.stats.tombstones;
        if (width(meta) < wide) {
            const bool all_deleted = tombstones > 0 && tombstones >= meta.stats.series;
            return all_deleted ? &meta : nullptr;
        }
        const double share =
            static_cast<double>(tombstones) / (static_cast<double>(meta.stats.series) + 1);
        if (share > kTombstonesPerSeriesMax) {
            return &meta;
        }
    }
    return nullptr;
}

Plan plan_class(Metas metas, std::span<const int64_t> ranges, bool merging) {
    if (metas.empty()) {
        return {};
    }
    std::ranges::sort(metas, [](const BlockMeta* left, const BlockMeta* right) {
        return std::pair(left->min_t, left->ulid) < std::pair(right->min_t, right->ulid);
    });
    if (const MetaSpan overlap = first_overlap(metas); merging && !overlap.empty()) {
        return plan_of(overlap, true);
    }
    metas.pop_back();
    if (const MetaSpan group = full_group(metas, ranges); !group.empty()) {
        return plan_of(group, false);
    }
    if (const BlockMeta* const meta = with_many_tombstones(metas, ranges); meta != nullptr) {
        return plan_of({&meta, 1}, false);
    }
    return {};
}

// In the order of their names, up to the first that must wait.
Metas not_waiting(std::span<const PlannedBlock> blocks, std::span<const Ulid> excluded) {
    Metas metas;
    for (const PlannedBlock& block : blocks) {
        metas.push_back(&block.meta);
    }
    std::ranges::sort(metas, {}, &BlockMeta::ulid);
    const auto must_wait = [&](const BlockMeta* meta) {
        return std::ranges::find(excluded, meta->ulid) != excluded.end();
    };
    metas.erase(std::ranges::find_if(metas, must_wait), metas.end());
    return metas;
}

std::vector<const PlannedBlock*> newest_first(std::span<const PlannedBlock> blocks) {
    std::vector<const PlannedBlock*> sorted;
    for (const PlannedBlock& block : blocks) {
        sorted.push_back(&block);
    }
    std::ranges::sort(sorted, [](const PlannedBlock* left, const PlannedBlock* right) {
        return std::pair(left->meta.max_t, left->meta.ulid) >
               std::pair(right->meta.max_t, right->meta.ulid);
    });
    return sorted;
}

// How many of the newest are young enough.
size_t kept_by_time(std::span<const PlannedBlock* const> sorted, const RetentionLimits& limits) {
    const auto is_present = [&](const PlannedBlock* block) {
        return block->meta.min_t <= limits.present_t;
    };
    const auto newest = std::ranges::find_if(sorted, is_present);
    if (limits.duration_ms <= 0 || newest == sorted.end()) {
        return sorted.size();
    }
    const int64_t from = std::min((*newest)->meta.max_t, limits.present_t);
    const auto is_young = [&](const PlannedBlock* block) {
        return block->meta.max_t >= from || distance(block->meta.max_t, from) < limits.duration_ms;
    };
    const auto oldest = std::ranges::find_if_not(newest + 1, sorted.end(), is_young);
    return static_cast<size_t>(oldest - sorted.begin());
}

// How many of the newest fit.
size_t kept_by_size(std::span<const PlannedBlock* const> sorted, const RetentionLimits& limits) {
    if (limits.bytes == 0) {
        return sorted.size();
    }
    uint64_t sum = limits.head_bytes;
    size_t kept = 0;
    while (kept < sorted.size() && sum + sorted[kept]->bytes <= limits.bytes) {
        sum += sorted[kept++]->bytes;
    }
    return kept;
}

}  // namespace

std::vector<int64_t> block_ranges(int64_t min_block_ms, int64_t max_block_ms) {
    SKEIN_CHECK(min_block_ms > 0, "width of a block", min_block_ms);
    std::vector<int64_t> ranges{min_block_ms};
    while (ranges.size() < kBlockRangesMax && ranges.back() <= max_block_ms / kRangeStep) {
        ranges.push_back(ranges.back() * kRangeStep);
    }
    return ranges;
}

Plan plan_compaction(std::span<const PlannedBlock> blocks,
                     std::span<const int64_t> ranges,
                     std::span<const Ulid> excluded,
                     bool merging) {
    SKEIN_CHECK(!ranges.empty(), "no width of blocks");
    Metas normal;
    Metas stale;
    Metas selected;
    for (const BlockMeta* const meta : not_waiting(blocks, excluded)) {
        const bool is_stale = meta->has_hint(block::kHintStaleSeries);
        const bool is_selected = meta->has_hint(block::kHintSelectedSeries);
        (is_stale ? stale : is_selected ? selected : normal).push_back(meta);
    }
    for (Metas* const metas : {&normal, &stale, &selected}) {
        Plan plan = plan_class(std::move(*metas), ranges, merging);
        if (!plan.blocks.empty()) {
            return plan;
        }
    }
    return {};
}

Expired beyond_retention(std::span<const PlannedBlock> blocks, const RetentionLimits& limits) {
    const std::vector<const PlannedBlock*> sorted = newest_first(blocks);
    const size_t young = kept_by_time(sorted, limits);
    const size_t fitting = kept_by_size(sorted, limits);
    Expired expired;
    for (size_t i = std::min(young, fitting); i < sorted.size(); ++i) {
        (i >= young ? expired.by_time : expired.by_size).push_back(sorted[i]->meta.ulid);
    }
    return expired;
}

std::vector<Ulid> superseded(std::span<const PlannedBlock> blocks) {
    std::set<Ulid> parents;
    for (const PlannedBlock& block : blocks) {
        for (const block::BlockParent& parent : block.meta.parents) {
            parents.insert(parent.ulid);
        }
    }
    std::vector<Ulid> out;
    for (const PlannedBlock& block : blocks) {
        if (block.meta.deletable || parents.contains(block.meta.ulid)) {
            out.push_back(block.meta.ulid);
        }
    }
    return out;
}

}  // namespace tsdb
