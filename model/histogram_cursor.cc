#include "model/histogram_cursor.h"

#include <algorithm>

#include "base/check.h"
#include "model/sample.h"

namespace model {
namespace {

constexpr size_t kHeaderBytes = 3;
constexpr unsigned kResetShift = 6;         // of the byte it stands in
constexpr uint8_t kStCountHighMask = 0x3f;  // with start timestamps: the count shares that byte
constexpr size_t kSampleBitsMin = 4;        // time, count, count of zeros, sum

bool has_starts(Encoding encoding) {
    return encoding == Encoding::kHistogramSt || encoding == Encoding::kFloatHistogramSt;
}

base::Status corrupt(const char* what, size_t sample) {
    return base::fail(base::Code::kCorrupt, "histogram chunk:", what, "in sample", sample);
}

}  // namespace

HistogramHeader histogram_header(Encoding encoding, std::span<const uint8_t> chunk) {
    HistogramHeader header;
    if (chunk.size() < kHeaderBytes) {
        return header;
    }
    header.bytes = kHeaderBytes;
    if (has_starts(encoding)) {
        header.samples = static_cast<size_t>(chunk[0] & kStCountHighMask) << 8 | chunk[1];
        header.reset = static_cast<ChunkReset>(chunk[0] >> kResetShift);
        header.starts = chunk[2];
    } else {
        header.samples = static_cast<size_t>(chunk[0]) << 8 | chunk[1];
        header.reset = static_cast<ChunkReset>(chunk[2] >> kResetShift);
    }
    return header;
}

base::Result<HistogramCursor> HistogramCursor::open(Encoding encoding,
                                                    std::span<const uint8_t> chunk) {
    SKEIN_CHECK(is_histogram_encoding(encoding));
    const HistogramHeader header = histogram_header(encoding, chunk);
    const bool is_float =
        encoding == Encoding::kFloatHistogram || encoding == Encoding::kFloatHistogramSt;
    HistogramCursor cursor(header, is_float, chunk);
    if (header.samples == 0) {
        return cursor;
    }
    const size_t bits = chunk.size() * 8;
    cursor.in_.skip(static_cast<unsigned>(header.bytes * 8));
    std::optional<HistogramLayout> layout = read_layout(cursor.in_, bits);
    if (!layout) {
        return base::fail(base::Code::kCorrupt, "histogram chunk: impossible layout");
    }
    if (header.samples > (bits - cursor.in_.position()) / kSampleBitsMin) {
        return base::fail(
            base::Code::kCorrupt, "histogram chunk: too short for samples:", header.samples);
    }
    cursor.layout_ = std::move(*layout);
    cursor.positive_ = bucket_count(cursor.layout_.positive);
    const size_t buckets = cursor.positive_ + bucket_count(cursor.layout_.negative);
    if (is_float) {
        cursor.counts_.resize(buckets);
    } else {
        cursor.deltas_.resize(buckets);
    }
    return cursor;
}

base::Status HistogramCursor::next() {
    const int64_t before = t_.value;
    if (!(read_ == 0 ? read_first() : read_later())) {
        return corrupt("impossible bits", read_);
    }
    bool ok = true;
    start_t_ = starts_.read(in_, read_, t_.value, before, ok);
    if (!ok || in_.overrun()) {
        return corrupt("bytes end", read_);
    }
    ++read_;
    return base::success();
}

bool HistogramCursor::read_first() {
    t_.value = read_varbit_int(in_);
    if (is_float_) {
        float_count_.bits = in_.read(64);
        float_zero_count_.bits = in_.read(64);
    } else {
        count_.value = static_cast<int64_t>(read_varbit_uint(in_));
        zero_count_.value = static_cast<int64_t>(read_varbit_uint(in_));
    }
    sum_.bits = in_.read(64);
    stale_ = sum_.bits == kStaleNanBits;
    for (XorValue& count : counts_) {
        count.bits = in_.read(64);
    }
    for (DodValue& delta : deltas_) {
        delta.value = read_varbit_int(in_);
    }
    return !in_.overrun();
}

bool HistogramCursor::read_later() {
    t_.read(in_);
    if (is_float_) {
        if (!float_count_.read(in_) || !float_zero_count_.read(in_)) {
            return false;
        }
    } else {
        count_.read(in_);
        zero_count_.read(in_);
    }
    if (!sum_.read(in_)) {
        return false;
    }
    stale_ = sum_.bits == kStaleNanBits;
    // A stale sample has no buckets.
    return stale_ || read_buckets();
}

bool HistogramCursor::read_buckets() {
    for (DodValue& delta : deltas_) {
        delta.read(in_);
    }
    return std::ranges::all_of(counts_, [&](XorValue& count) { return count.read(in_); });
}

CounterResetHint HistogramCursor::hint() const {
    if (header_.reset == ChunkReset::kGauge) {
        return CounterResetHint::kGauge;
    }
    // The chunk before may be gone, or may not be the one that the header was written after.
    return read_ <= 1 ? CounterResetHint::kUnknown : CounterResetHint::kNotReset;
}

namespace {

// The fields that both kinds have.
template <class AnyHistogram>
AnyHistogram laid_out(const HistogramLayout& layout, CounterResetHint hint, double sum) {
    AnyHistogram out;
    out.hint = hint;
    out.schema = layout.schema;
    out.zero_threshold = layout.zero_threshold;
    out.sum = sum;
    out.positive_spans = layout.positive;
    out.negative_spans = layout.negative;
    out.custom_values = layout.bounds;
    return out;
}

void append_counts(std::span<const DodValue> deltas, std::vector<double>& out) {
    out.reserve(deltas.size());
    uint64_t count = 0;
    for (const DodValue& delta : deltas) {
        count += static_cast<uint64_t>(delta.value);
        out.push_back(static_cast<double>(static_cast<int64_t>(count)));
    }
}

void append_counts(std::span<const XorValue> counts, std::vector<double>& out) {
    out.reserve(counts.size());
    for (const XorValue& count : counts) {
        out.push_back(count.value());
    }
}

// A stale sample is its sum and nothing else.
template <class AnyHistogram>
AnyHistogram stale_sample(double sum) {
    AnyHistogram out;
    out.sum = sum;
    return out;
}

}  // namespace

Histogram HistogramCursor::integer() const {
    SKEIN_DCHECK(!is_float_);
    if (stale_) {
        return stale_sample<Histogram>(sum_.value());
    }
    auto out = laid_out<Histogram>(layout_, hint(), sum_.value());
    out.count = static_cast<uint64_t>(count_.value);
    out.zero_count = static_cast<uint64_t>(zero_count_.value);
    out.positive_deltas.reserve(positive_);
    out.negative_deltas.reserve(deltas_.size() - positive_);
    for (size_t i = 0; i < deltas_.size(); ++i) {
        (i < positive_ ? out.positive_deltas : out.negative_deltas).push_back(deltas_[i].value);
    }
    reduce_resolution(out, kSchemaMax);
    return out;
}

FloatHistogram HistogramCursor::floating() const {
    SKEIN_DCHECK(is_float_);
    if (stale_) {
        return stale_sample<FloatHistogram>(sum_.value());
    }
    auto out = laid_out<FloatHistogram>(layout_, hint(), sum_.value());
    out.count = float_count_.value();
    out.zero_count = float_zero_count_.value();
    const std::span<const XorValue> counts(counts_);
    append_counts(counts.first(positive_), out.positive_buckets);
    append_counts(counts.subspan(positive_), out.negative_buckets);
    reduce_resolution(out, kSchemaMax);
    return out;
}

FloatHistogram HistogramCursor::as_float() const {
    if (is_float_) {
        return floating();
    }
    if (stale_) {
        return stale_sample<FloatHistogram>(sum_.value());
    }
    auto out = laid_out<FloatHistogram>(layout_, hint(), sum_.value());
    out.count = static_cast<double>(static_cast<uint64_t>(count_.value));
    out.zero_count = static_cast<double>(static_cast<uint64_t>(zero_count_.value));
    const std::span<const DodValue> deltas(deltas_);
    append_counts(deltas.first(positive_), out.positive_buckets);
    append_counts(deltas.subspan(positive_), out.negative_buckets);
    reduce_resolution(out, kSchemaMax);
    return out;
}

size_t HistogramCursor::sample_bytes() const {
    const size_t fields = stale_ ? 0
                                 : layout_.positive.size() + layout_.negative.size() +
                                       layout_.bounds.size() + counts_.size() + deltas_.size();
    return sizeof(Histogram) + fields * sizeof(uint64_t);
}

}  // namespace model
