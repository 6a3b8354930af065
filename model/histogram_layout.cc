#include "model/histogram_layout.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/varbit.h"

namespace model {
namespace {

constexpr uint8_t kZeroThresholdPlain = 255;  // eight bytes follow
constexpr int kZeroThresholdBias = 243;       // of the exponent, in one byte
constexpr double kBoundUnits = 1000;          // bounds are counted in thousandths …
constexpr double kBoundUnitsMax = 33554430;   // … up to this many: four bytes
constexpr size_t kSpanBitsMin = 2;            // two varbits
constexpr size_t kBoundBitsMin = 5;           // a varbit that is not 0

bool spans_fit(std::span<const Span> spans, int64_t index_min, int64_t index_max) {
    int64_t index = 0;
    for (size_t i = 0; i < spans.size(); ++i) {
        if (i > 0 && spans[i].offset < 0) {
            return false;
        }
        index += spans[i].offset;
        if (spans[i].length > 0 && index < index_min) {
            return false;
        }
        index += spans[i].length;
        if (index - 1 > index_max) {
            return false;
        }
    }
    return true;
}

template <class AnyHistogram, class Bucket>
bool well_formed_buckets(const AnyHistogram& histogram,
                         const std::vector<Bucket>& positive,
                         const std::vector<Bucket>& negative) {
    return well_formed(histogram.schema,
                       histogram.positive_spans,
                       histogram.negative_spans,
                       histogram.custom_values.size()) &&
           bucket_count(histogram.positive_spans) == positive.size() &&
           bucket_count(histogram.negative_spans) == negative.size();
}

}  // namespace

size_t bucket_count(std::span<const Span> spans) {
    size_t count = 0;
    for (const Span& span : spans) {
        count += span.length;
    }
    return count;
}

bool well_formed(int32_t schema,
                 std::span<const Span> positive,
                 std::span<const Span> negative,
                 size_t bounds) {
    if (schema == kCustomBucketsSchema) {
        // The last bucket lies above the last bound.
        return negative.empty() && spans_fit(positive, 0, static_cast<int64_t>(bounds));
    }
    return known_schema(schema) && spans_fit(positive, INT32_MIN, INT32_MAX) &&
           spans_fit(negative, INT32_MIN, INT32_MAX);
}

bool well_formed(const Histogram& histogram) {
    return well_formed_buckets(histogram, histogram.positive_deltas, histogram.negative_deltas);
}

bool well_formed(const FloatHistogram& histogram) {
    return well_formed_buckets(histogram, histogram.positive_buckets, histogram.negative_buckets);
}

void SpanBuilder::add(int64_t index) {
    if (spans_.empty() || index != next_) {
        int64_t gap = index - next_;
        // Two layouts may lie further apart than an offset can say.
        for (; gap > INT32_MAX; gap -= INT32_MAX) {
            spans_.push_back({.offset = INT32_MAX, .length = 0});
        }
        spans_.push_back({.offset = static_cast<int32_t>(gap), .length = 0});
    }
    ++spans_.back().length;
    next_ = index + 1;
}

std::vector<Span> unite(std::span<const Span> a, std::span<const Span> b) {
    SpanBuilder united;
    BucketWalk left(a);
    BucketWalk right(b);
    while (!left.done() || !right.done()) {
        const int64_t index = left.done()    ? right.index()
                              : right.done() ? left.index()
                                             : std::min(left.index(), right.index());
        united.add(index);
        if (!left.done() && left.index() == index) {
            left.next();
        }
        if (!right.done() && right.index() == index) {
            right.next();
        }
    }
    return united.take();
}

std::vector<int64_t> widen(std::span<const Span> from,
                           std::span<const int64_t> deltas,
                           std::span<const Span> to) {
    std::vector<int64_t> out;
    out.reserve(bucket_count(to));
    BucketWalk old(from);
    uint64_t counted = 0;  // unsigned: odd deltas may overflow
    uint64_t before = 0;   // in `out`
    size_t i = 0;
    for (BucketWalk bucket(to); !bucket.done(); bucket.next()) {
        uint64_t count = 0;
        if (!old.done() && old.index() == bucket.index()) {
            counted += static_cast<uint64_t>(deltas[i++]);
            count = counted;
            old.next();
        }
        out.push_back(static_cast<int64_t>(count - before));
        before = count;
    }
    return out;
}

std::vector<double> widen(std::span<const Span> from,
                          std::span<const double> counts,
                          std::span<const Span> to) {
    std::vector<double> out;
    out.reserve(bucket_count(to));
    BucketWalk old(from);
    size_t i = 0;
    for (BucketWalk bucket(to); !bucket.done(); bucket.next()) {
        const bool had = !old.done() && old.index() == bucket.index();
        out.push_back(had ? counts[i++] : 0);
        if (had) {
            old.next();
        }
    }
    return out;
}

void widen_into(Histogram& histogram, const HistogramLayout& to) {
    histogram.positive_deltas =
        widen(histogram.positive_spans, histogram.positive_deltas, to.positive);
    histogram.negative_deltas =
        widen(histogram.negative_spans, histogram.negative_deltas, to.negative);
    histogram.positive_spans = to.positive;
    histogram.negative_spans = to.negative;
}

void widen_into(FloatHistogram& histogram, const HistogramLayout& to) {
    histogram.positive_buckets =
        widen(histogram.positive_spans, histogram.positive_buckets, to.positive);
    histogram.negative_buckets =
        widen(histogram.negative_spans, histogram.negative_buckets, to.negative);
    histogram.positive_spans = to.positive;
    histogram.negative_spans = to.negative;
}

namespace {

// Adds the counts of the buckets that fall together; Count is uint64_t or double.
template <class Count>
void reduce_side(std::vector<Span>& spans, std::vector<Count>& counts, int32_t steps) {
    SpanBuilder reduced;
    std::vector<Count> sums;
    int64_t last = 0;
    size_t i = 0;
    for (BucketWalk bucket(spans); !bucket.done(); bucket.next(), ++i) {
        const int64_t index = ((bucket.index() - 1) >> steps) + 1;
        if (!sums.empty() && index == last) {
            sums.back() += counts[i];
            continue;
        }
        reduced.add(index);
        sums.push_back(counts[i]);
        last = index;
    }
    spans = reduced.take();
    counts = std::move(sums);
}

void reduce_deltas(std::vector<Span>& spans, std::vector<int64_t>& deltas, int32_t steps) {
    std::vector<uint64_t> counts;
    counts.reserve(deltas.size());
    uint64_t count = 0;
    for (const int64_t delta : deltas) {
        count += static_cast<uint64_t>(delta);
        counts.push_back(count);
    }
    reduce_side(spans, counts, steps);
    deltas.clear();
    uint64_t before = 0;
    for (const uint64_t now : counts) {
        deltas.push_back(static_cast<int64_t>(now - before));
        before = now;
    }
}

std::vector<double> absolute(std::span<const int64_t> deltas) {
    std::vector<double> counts;
    counts.reserve(deltas.size());
    uint64_t count = 0;
    for (const int64_t delta : deltas) {
        count += static_cast<uint64_t>(delta);
        counts.push_back(static_cast<double>(static_cast<int64_t>(count)));
    }
    return counts;
}

}  // namespace

void reduce_resolution(Histogram& histogram, int32_t schema_max) {
    if (histogram.schema > schema_max) {
        const int32_t steps = histogram.schema - schema_max;
        reduce_deltas(histogram.positive_spans, histogram.positive_deltas, steps);
        reduce_deltas(histogram.negative_spans, histogram.negative_deltas, steps);
        histogram.schema = schema_max;
    }
}

void reduce_resolution(FloatHistogram& histogram, int32_t schema_max) {
    if (histogram.schema > schema_max) {
        const int32_t steps = histogram.schema - schema_max;
        reduce_side(histogram.positive_spans, histogram.positive_buckets, steps);
        reduce_side(histogram.negative_spans, histogram.negative_buckets, steps);
        histogram.schema = schema_max;
    }
}

FloatHistogram to_float(const Histogram& histogram) {
    return {.hint = histogram.hint,
            .schema = histogram.schema,
            .zero_threshold = histogram.zero_threshold,
            .zero_count = static_cast<double>(histogram.zero_count),
            .count = static_cast<double>(histogram.count),
            .sum = histogram.sum,
            .positive_spans = histogram.positive_spans,
            .negative_spans = histogram.negative_spans,
            .positive_buckets = absolute(histogram.positive_deltas),
            .negative_buckets = absolute(histogram.negative_deltas),
            .custom_values = histogram.custom_values};
}

namespace {

// One byte for 0 and the common powers of two, nine for the rest.
void put_zero_threshold(BitWriter& out, double threshold) {
    if (threshold == 0) {
        out.put(0, 8);
        return;
    }
    int exponent = 0;
    const double fraction = std::frexp(threshold, &exponent);
    const int biased = exponent + kZeroThresholdBias;
    if (fraction == 0.5 && biased >= 1 && biased < kZeroThresholdPlain) {
        out.put(static_cast<uint64_t>(biased), 8);
        return;
    }
    out.put(kZeroThresholdPlain, 8);
    out.put(std::bit_cast<uint64_t>(threshold), 64);
}

double read_zero_threshold(BitReader& in) {
    const auto code = static_cast<uint8_t>(in.read(8));
    if (code == 0) {
        return 0;
    }
    if (code == kZeroThresholdPlain) {
        return std::bit_cast<double>(in.read(64));
    }
    return std::ldexp(0.5, code - kZeroThresholdBias);
}

void put_spans(BitWriter& out, std::span<const Span> spans) {
    put_varbit_uint(out, spans.size());
    for (const Span& span : spans) {
        put_varbit_uint(out, span.length);
        put_varbit_int(out, span.offset);
    }
}

// Spans that promise more than `buckets` are refused; that many less are left for others.
bool read_spans(BitReader& in, size_t bits, size_t& buckets, std::vector<Span>& spans) {
    const uint64_t count = read_varbit_uint(in);
    if (in.overrun() || count > (bits - in.position()) / kSpanBitsMin) {
        return false;
    }
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t length = read_varbit_uint(in);
        const int64_t offset = read_varbit_int(in);
        if (in.overrun() || length > buckets || offset < INT32_MIN || offset > INT32_MAX) {
            return false;
        }
        buckets -= length;
        spans.push_back(
            {.offset = static_cast<int32_t>(offset), .length = static_cast<uint32_t>(length)});
    }
    return true;
}

// Whole thousandths, as far as they go, take up to four bytes; the rest nine.
void put_bound(BitWriter& out, double bound) {
    const double units = bound * kBoundUnits;
    const bool in_range = units >= 0 && units <= kBoundUnitsMax;
    if (in_range && std::round(units) / kBoundUnits == bound) {
        put_varbit_uint(out, static_cast<uint64_t>(std::round(units)) + 1);
        return;
    }
    out.put(0, 1);
    out.put(std::bit_cast<uint64_t>(bound), 64);
}

bool read_bounds(BitReader& in, size_t bits, std::vector<double>& bounds) {
    const uint64_t count = read_varbit_uint(in);
    if (in.overrun() || count > (bits - in.position()) / kBoundBitsMin) {
        return false;
    }
    bounds.reserve(count);
    for (uint64_t i = 0; i < count && !in.overrun(); ++i) {
        const uint64_t units = read_varbit_uint(in);
        bounds.push_back(units == 0 ? std::bit_cast<double>(in.read(64))
                                    : static_cast<double>(units - 1) / kBoundUnits);
    }
    return !in.overrun();
}

}  // namespace

void put_layout(BitWriter& out, const HistogramLayout& layout) {
    put_zero_threshold(out, layout.zero_threshold);
    put_varbit_int(out, layout.schema);
    put_spans(out, layout.positive);
    put_spans(out, layout.negative);
    if (layout.schema == kCustomBucketsSchema) {
        put_varbit_uint(out, layout.bounds.size());
        for (const double bound : layout.bounds) {
            put_bound(out, bound);
        }
    }
}

std::optional<HistogramLayout> read_layout(BitReader& in, size_t bits) {
    HistogramLayout layout;
    layout.zero_threshold = read_zero_threshold(in);
    const int64_t schema = read_varbit_int(in);
    if (in.overrun() || schema < kCustomBucketsSchema || schema > kSchemaReservedMax) {
        return std::nullopt;
    }
    layout.schema = static_cast<int32_t>(schema);
    size_t buckets = bits;
    if (!read_spans(in, bits, buckets, layout.positive) ||
        !read_spans(in, bits, buckets, layout.negative)) {
        return std::nullopt;
    }
    if (schema == kCustomBucketsSchema && !read_bounds(in, bits, layout.bounds)) {
        return std::nullopt;
    }
    const size_t taken = bits - buckets;
    if (taken > bits - in.position() ||
        !well_formed(layout.schema, layout.positive, layout.negative, layout.bounds.size())) {
        return std::nullopt;
    }
    return layout;
}

}  // namespace model
