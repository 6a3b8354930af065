#include "query/histogram/compare.h"

#include <algorithm>
#include <bit>

#include "query/histogram/arithmetic.h"

namespace query::histogram {
namespace {

bool same_bits(double a, double b) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

std::vector<IndexedBucket> occupied(std::span<const model::Span> spans,
                                    std::span<const double> counts) {
    auto buckets = unpack(spans, counts);
    std::erase_if(buckets, [](const IndexedBucket& bucket) { return bucket.count == 0; });
    return buckets;
}

bool same_buckets(std::span<const IndexedBucket> a, std::span<const IndexedBucket> b) {
    return std::ranges::equal(a, b, [](const IndexedBucket& left, const IndexedBucket& right) {
        return left.index == right.index && same_bits(left.count, right.count);
    });
}

// Whether any bucket lost observations; both lists ascend.
bool any_smaller(std::span<const IndexedBucket> current, std::span<const IndexedBucket> previous) {
    size_t at = 0;
    for (const IndexedBucket& before : previous) {
        while (at < current.size() && current[at].index < before.index) {
            ++at;
        }
        const bool there = at < current.size() && current[at].index == before.index;
        if (there ? current[at].count < before.count : before.count != 0) {
            return true;
        }
    }
    return false;
}

// The buckets of one sign at a schema, without those that a zero bucket of `threshold` covers.
std::vector<IndexedBucket> comparable(std::span<const model::Span> spans,
                                      std::span<const double> counts,
                                      const FloatHistogram& of,
                                      int32_t schema,
                                      double threshold) {
    auto buckets = unpack(spans, counts);
    std::erase_if(buckets, [&](const IndexedBucket& bucket) {
        return of.zero_threshold < threshold &&
               bucket_bound(bucket.index - 1, of.schema, {}) < threshold;
    });
    return at_schema(buckets, of.schema, schema);
}

bool custom_reset(const FloatHistogram& current, const FloatHistogram& previous) {
    const auto common = common_bounds(current.custom_values, previous.custom_values);
    const auto now = at_bounds(
        unpack(current.positive_spans, current.positive_buckets), current.custom_values, common);
    const auto before = at_bounds(
        unpack(previous.positive_spans, previous.positive_buckets), previous.custom_values, common);
    return any_smaller(now, before);
}

}  // namespace

bool equal(const FloatHistogram& a, const FloatHistogram& b) {
    return a.schema == b.schema && same_bits(a.count, b.count) && same_bits(a.sum, b.sum) &&
           a.custom_values == b.custom_values && a.zero_threshold == b.zero_threshold &&
           same_bits(a.zero_count, b.zero_count) &&
           same_buckets(occupied(a.positive_spans, a.positive_buckets),
                        occupied(b.positive_spans, b.positive_buckets)) &&
           same_buckets(occupied(a.negative_spans, a.negative_buckets),
                        occupied(b.negative_spans, b.negative_buckets));
}

bool detect_reset(const FloatHistogram& current, const FloatHistogram& previous) {
    if (current.hint == model::CounterResetHint::kReset) {
        return true;
    }
    if (current.hint == model::CounterResetHint::kNotReset) {
        return false;
    }
    if (current.count < previous.count) {
        return true;
    }
    const bool custom = uses_custom_buckets(current);
    if (custom != uses_custom_buckets(previous)) {
        return custom || current.schema > previous.schema;
    }
    if (custom) {
        return custom_reset(current, previous);
    }
    if (current.schema > previous.schema || current.zero_threshold < previous.zero_threshold) {
        return true;
    }
    const GrownZero zero = grown_zero(previous, current.zero_threshold);
    if (zero.threshold != current.zero_threshold || current.zero_count < zero.count) {
        return true;
    }
    const auto lost = [&](const auto& spans, const auto& counts) {
        return any_smaller(
            comparable(
                current.*spans, current.*counts, current, current.schema, current.zero_threshold),
            comparable(previous.*spans,
                       previous.*counts,
                       previous,
                       current.schema,
                       current.zero_threshold));
    };
    return lost(&FloatHistogram::positive_spans, &FloatHistogram::positive_buckets) ||
           lost(&FloatHistogram::negative_spans, &FloatHistogram::negative_buckets);
}

}  // namespace query::histogram
