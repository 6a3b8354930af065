#include "model/histogram_encoder.h"

namespace model {
namespace {

constexpr unsigned kResetShift = 6;  // in the third byte

}  // namespace

bool HistogramEncoder::counts_fell(const Histogram& histogram) const {
    return histogram.count < static_cast<uint64_t>(count.value);
}

bool HistogramEncoder::counts_fell(const FloatHistogram& histogram) const {
    return histogram.count < float_count.value();
}

bool HistogramEncoder::zeros_fell(const Histogram& histogram) const {
    return histogram.zero_count < static_cast<uint64_t>(zero_count.value);
}

bool HistogramEncoder::zeros_fell(const FloatHistogram& histogram) const {
    return histogram.zero_count < float_zero_count.value();
}

bool HistogramEncoder::same_totals(const Histogram& histogram) const {
    return histogram.count == static_cast<uint64_t>(count.value) &&
           histogram.zero_count == static_cast<uint64_t>(zero_count.value);
}

bool HistogramEncoder::same_totals(const FloatHistogram& histogram) const {
    return histogram.count == float_count.value() &&
           histogram.zero_count == float_zero_count.value();
}

void HistogramEncoder::put_header(ChunkReset from) {
    reset = from;
    out.put(0, 16);
    out.put(static_cast<uint64_t>(from) << kResetShift, 8);
}

void HistogramEncoder::counted() {
    ++samples;
    out.patch(0, static_cast<uint8_t>(samples >> 8));
    out.patch(1, static_cast<uint8_t>(samples));
}

void HistogramEncoder::put_first_fields(const Histogram& histogram) {
    count.value = static_cast<int64_t>(histogram.count);
    zero_count.value = static_cast<int64_t>(histogram.zero_count);
    put_varbit_uint(out, histogram.count);
    put_varbit_uint(out, histogram.zero_count);
    put_first_sum(histogram.sum);
    for (const auto* const buckets : {&histogram.positive_deltas, &histogram.negative_deltas}) {
        for (const int64_t delta : *buckets) {
            deltas.push_back({.value = delta});
            put_varbit_int(out, delta);
        }
    }
}

void HistogramEncoder::put_first_fields(const FloatHistogram& histogram) {
    float_count = XorValue::begin(histogram.count);
    float_zero_count = XorValue::begin(histogram.zero_count);
    out.put(float_count.bits, 64);
    out.put(float_zero_count.bits, 64);
    put_first_sum(histogram.sum);
    for (const auto* const buckets : {&histogram.positive_buckets, &histogram.negative_buckets}) {
        for (const double bucket : *buckets) {
            counts.push_back(XorValue::begin(bucket));
            out.put(counts.back().bits, 64);
        }
    }
}

void HistogramEncoder::put_first_sum(double value) {
    sum = XorValue::begin(value);
    out.put(sum.bits, 64);
}

void HistogramEncoder::put_later_fields(const Histogram& histogram) {
    count.put(out, static_cast<int64_t>(histogram.count));
    zero_count.put(out, static_cast<int64_t>(histogram.zero_count));
    sum.put(out, histogram.sum);
    size_t i = 0;
    for (const auto* const buckets : {&histogram.positive_deltas, &histogram.negative_deltas}) {
        for (const int64_t delta : *buckets) {
            deltas[i++].put(out, delta);
        }
    }
}

void HistogramEncoder::put_later_fields(const FloatHistogram& histogram) {
    float_count.put(out, histogram.count);
    float_zero_count.put(out, histogram.zero_count);
    sum.put(out, histogram.sum);
    size_t i = 0;
    for (const auto* const buckets : {&histogram.positive_buckets, &histogram.negative_buckets}) {
        for (const double bucket : *buckets) {
            counts[i++].put(out, bucket);
        }
    }
}

template <class AnyHistogram>
void HistogramEncoder::put_first(int64_t time, const AnyHistogram& histogram, ChunkReset from) {
    put_header(from);
    layout = layout_of(histogram);
    put_layout(out, layout);
    positive = static_cast<uint32_t>(positive_buckets(histogram).size());
    const size_t buckets = positive + negative_buckets(histogram).size();
    if constexpr (kIsFloat<AnyHistogram>) {
        counts.reserve(buckets);
    } else {
        deltas.reserve(buckets);
    }
    stale = is_stale(histogram.sum);
    min_t = time;
    t.value = time;
    put_varbit_int(out, time);
    put_first_fields(histogram);
    counted();
}

template <class AnyHistogram>
void HistogramEncoder::put_later(int64_t time, const AnyHistogram& histogram) {
    t.put(out, time);
    put_later_fields(histogram);
    counted();
}

void HistogramEncoder::put_stale(int64_t time) {
    t.put(out, time);
    if (is_float) {
        float_count.put(out, 0);
        float_zero_count.put(out, 0);
    } else {
        put_varbit_int(out, 0);
        put_varbit_int(out, 0);
    }
    sum.put(out, kStaleNan);
    stale = true;
    counted();
}

size_t HistogramEncoder::memory_bytes() const {
    return out.memory_bytes() +
           (layout.positive.capacity() + layout.negative.capacity()) * sizeof(Span) +
           layout.bounds.capacity() * sizeof(double) + deltas.capacity() * sizeof(DodValue) +
           counts.capacity() * sizeof(XorValue);
}

template void HistogramEncoder::put_first(int64_t, const Histogram&, ChunkReset);
template void HistogramEncoder::put_first(int64_t, const FloatHistogram&, ChunkReset);
template void HistogramEncoder::put_later(int64_t, const Histogram&);
template void HistogramEncoder::put_later(int64_t, const FloatHistogram&);

}  // namespace model
