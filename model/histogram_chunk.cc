#include "model/histogram_chunk.h"

#include <bit>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "model/bit_writer.h"
#include "model/histogram_cursor.h"
#include "model/histogram_layout.h"
#include "model/sample.h"
#include "model/varbit.h"
#include "model/xor_value.h"

namespace model {
namespace {

constexpr size_t kSamplesMax = UINT16_MAX;  // the header counts in 16 bits
constexpr unsigned kResetShift = 6;

template <class AnyHistogram>
constexpr bool kIsFloat = std::is_same_v<AnyHistogram, FloatHistogram>;

// Buckets as they are stored: deltas of integer histograms, counts of float ones.
const std::vector<int64_t>& positive_buckets(const Histogram& histogram) {
    return histogram.positive_deltas;
}

const std::vector<int64_t>& negative_buckets(const Histogram& histogram) {
    return histogram.negative_deltas;
}

const std::vector<double>& positive_buckets(const FloatHistogram& histogram) {
    return histogram.positive_buckets;
}

const std::vector<double>& negative_buckets(const FloatHistogram& histogram) {
    return histogram.negative_buckets;
}

// Absolute counts, one after the other.
template <class Stored>
class Counts {
  public:
    explicit Counts(std::span<const Stored> stored) : stored_(stored) {}

    auto next() {
        const Stored& stored = stored_[at_++];
        if constexpr (std::is_same_v<Stored, double>) {
            return stored;
        } else if constexpr (std::is_same_v<Stored, XorValue>) {
            return stored.value();
        } else {
            counted_ += static_cast<uint64_t>(delta(stored));
            return static_cast<int64_t>(counted_);
        }
    }

  private:
    static int64_t delta(int64_t stored) { return stored; }

    static int64_t delta(const DodValue& stored) { return stored.value; }

    std::span<const Stored> stored_;
    size_t at_ = 0;
    uint64_t counted_ = 0;
};

// One side's buckets: where they are and how many each has counted.
template <class Stored>
struct Side {
    std::span<const Span> spans;
    std::span<const Stored> buckets;
};

// A bucket of two sides that are walked together.
template <class Count>
struct Pair {
    bool in_old = false;
    bool in_new = false;
    Count before{};
    Count now{};
};

// Shows every bucket of either side, in order, until `visit` returns false.
template <class Count, class Old, class New, class Visit>
void walk_together(const Side<Old>& old_side, const Side<New>& new_side, Visit&& visit) {
    BucketWalk a(old_side.spans);
    BucketWalk b(new_side.spans);
    Counts<Old> before(old_side.buckets);
    Counts<New> now(new_side.buckets);
    while (!a.done() || !b.done()) {
        Pair<Count> pair;
        pair.in_old = !a.done() && (b.done() || a.index() <= b.index());
        pair.in_new = !b.done() && (a.done() || b.index() <= a.index());
        if (pair.in_old) {
            pair.before = before.next();
            a.next();
        }
        if (pair.in_new) {
            pair.now = now.next();
            b.next();
        }
        if (!visit(pair)) {
            return;
        }
    }
}

// How one side of a sample fits into the chunk's layout.
struct Fit {
    bool reset = false;    // a counter went back
    bool added = false;    // the sample has buckets the chunk has not
    bool missing = false;  // the chunk has buckets the sample has not
};

template <class Count, class Old, class New>
Fit fit_side(const Side<Old>& chunk, const Side<New>& sample, bool gauge) {
    Fit fit;
    walk_together<Count>(chunk, sample, [&](const Pair<Count>& pair) {
        fit.added |= !pair.in_old;
        fit.missing |= !pair.in_new;
        fit.reset |= !gauge && pair.in_old &&
                     (pair.in_new ? pair.before > pair.now : pair.before != Count{});
        return !fit.reset;
    });
    return fit;
}

template <class Count, class Old, class New>
bool equal_sides(const Side<Old>& a, const Side<New>& b) {
    bool equal = true;
    walk_together<Count>(a, b, [&](const Pair<Count>& pair) {
        equal = pair.before == pair.now;
        return equal;
    });
    return equal;
}

// What is to be done with a sample.
struct Verdict {
    HistogramChunkWriter::Outcome outcome = HistogramChunkWriter::Outcome::kAppended;
    Fit positive;
    Fit negative;

    [[nodiscard]] bool added() const { return positive.added || negative.added; }

    [[nodiscard]] bool missing() const { return positive.missing || negative.missing; }
};

template <class AnyHistogram>
HistogramLayout layout_of(const AnyHistogram& histogram) {
    return {.schema = histogram.schema,
            .zero_threshold = histogram.zero_threshold,
            .positive = histogram.positive_spans,
            .negative = histogram.negative_spans,
            .bounds = histogram.schema == kCustomBucketsSchema ? histogram.custom_values
                                                               : std::vector<double>()};
}

// The histogram with the buckets of another layout that covers its own.
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

template <class AnyHistogram>
AnyHistogram take(const HistogramCursor& cursor) {
    if constexpr (kIsFloat<AnyHistogram>) {
        return cursor.floating();
    } else {
        return cursor.integer();
    }
}

}  // namespace

// The bytes, and the last sample with what its coding needs to know.
struct HistogramChunkWriter::State {
    explicit State(bool floats) : is_float(floats) {}

    BitWriter out;
    HistogramLayout layout;
    bool is_float;
    bool stale = false;
    uint16_t samples = 0;
    ChunkReset reset = ChunkReset::kUnknown;
    int64_t min_t = 0;
    DodValue t;
    DodValue count, zero_count;              // of an integer histogram
    XorValue float_count, float_zero_count;  // of a float one
    XorValue sum;
    uint32_t positive = 0;         // buckets of that side; they come first
    std::vector<DodValue> deltas;  // of an integer histogram
    std::vector<XorValue> counts;  // of a float one

    [[nodiscard]] bool gauge() const { return reset == ChunkReset::kGauge; }

    void put_header(ChunkReset from) {
        reset = from;
        out.put(0, 16);
        out.put(static_cast<uint64_t>(from) << kResetShift, 8);
    }

    void counted() {
        ++samples;
        out.patch(0, static_cast<uint8_t>(samples >> 8));
        out.patch(1, static_cast<uint8_t>(samples));
    }

    [[nodiscard]] auto side(const Histogram&, bool of_positive) const {
        return stored_side(std::span<const DodValue>(deltas), of_positive);
    }

    [[nodiscard]] auto side(const FloatHistogram&, bool of_positive) const {
        return stored_side(std::span<const XorValue>(counts), of_positive);
    }

    template <class Stored>
    [[nodiscard]] Side<Stored> stored_side(std::span<const Stored> all, bool of_positive) const {
        return of_positive ? Side<Stored>{layout.positive, all.first(positive)}
                           : Side<Stored>{layout.negative, all.subspan(positive)};
    }

    [[nodiscard]] bool counts_fell(const Histogram& histogram) const {
        return histogram.count < static_cast<uint64_t>(count.value);
    }

    [[nodiscard]] bool counts_fell(const FloatHistogram& histogram) const {
        return histogram.count < float_count.value();
    }

    [[nodiscard]] bool zeros_fell(const Histogram& histogram) const {
        return histogram.zero_count < static_cast<uint64_t>(zero_count.value);
    }

    [[nodiscard]] bool zeros_fell(const FloatHistogram& histogram) const {
        return histogram.zero_count < float_zero_count.value();
    }

    [[nodiscard]] bool same_totals(const Histogram& histogram) const {
        return histogram.count == static_cast<uint64_t>(count.value) &&
               histogram.zero_count == static_cast<uint64_t>(zero_count.value);
    }

    [[nodiscard]] bool same_totals(const FloatHistogram& histogram) const {
        return histogram.count == float_count.value() &&
               histogram.zero_count == float_zero_count.value();
    }

    void put_first_fields(const Histogram& histogram) {
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

    void put_first_fields(const FloatHistogram& histogram) {
        float_count = XorValue::begin(histogram.count);
        float_zero_count = XorValue::begin(histogram.zero_count);
        out.put(float_count.bits, 64);
        out.put(float_zero_count.bits, 64);
        put_first_sum(histogram.sum);
        for (const auto* const buckets :
             {&histogram.positive_buckets, &histogram.negative_buckets}) {
            for (const double bucket : *buckets) {
                counts.push_back(XorValue::begin(bucket));
                out.put(counts.back().bits, 64);
            }
        }
    }

    void put_first_sum(double value) {
        sum = XorValue::begin(value);
        out.put(sum.bits, 64);
    }

    void put_later_fields(const Histogram& histogram) {
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

    void put_later_fields(const FloatHistogram& histogram) {
        float_count.put(out, histogram.count);
        float_zero_count.put(out, histogram.zero_count);
        sum.put(out, histogram.sum);
        size_t i = 0;
        for (const auto* const buckets :
             {&histogram.positive_buckets, &histogram.negative_buckets}) {
            for (const double bucket : *buckets) {
                counts[i++].put(out, bucket);
            }
        }
    }

    // The first sample, into an empty state, and its layout with it.
    template <class AnyHistogram>
    void put_first(int64_t time, const AnyHistogram& histogram, ChunkReset from) {
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

    // A later one that is not stale, with the buckets of the chunk's layout.
    template <class AnyHistogram>
    void put_later(int64_t time, const AnyHistogram& histogram) {
        t.put(out, time);
        put_later_fields(histogram);
        counted();
    }

    // Says nothing but that the series went: no buckets, the counts left as they would go on.
    void put_stale(int64_t time) {
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

    template <class AnyHistogram>
    [[nodiscard]] Verdict judge(const AnyHistogram& histogram) const;
    template <class AnyHistogram>
    void append_fitting(int64_t time, const AnyHistogram& histogram, const Verdict& verdict);
    template <class AnyHistogram>
    void recode(std::vector<Span> positive_to, std::vector<Span> negative_to);
};

// Whether the sample can follow in this chunk, by what it counts and where.
template <class AnyHistogram>
Verdict HistogramChunkWriter::State::judge(const AnyHistogram& histogram) const {
    using Count = std::conditional_t<kIsFloat<AnyHistogram>, double, int64_t>;
    using Bucket = std::conditional_t<kIsFloat<AnyHistogram>, double, int64_t>;
    if (is_float != kIsFloat<AnyHistogram>) {
        return {.outcome = Outcome::kCutKind};
    }
    if (is_stale(histogram.sum)) {
        return {};
    }
    const bool of_gauge = histogram.hint == CounterResetHint::kGauge;
    if (stale || of_gauge != gauge()) {
        return {.outcome = Outcome::kCutLayout};
    }
    if (!of_gauge && (histogram.hint == CounterResetHint::kReset || counts_fell(histogram))) {
        return {.outcome = Outcome::kCutReset};
    }
    if (histogram.schema != layout.schema || histogram.zero_threshold != layout.zero_threshold) {
        return {.outcome = Outcome::kCutLayout};
    }
    const Outcome when_changed = of_gauge ? Outcome::kCutLayout : Outcome::kCutReset;
    if (layout.schema == kCustomBucketsSchema && histogram.custom_values != layout.bounds) {
        return {.outcome = when_changed};
    }
    if (!of_gauge && zeros_fell(histogram)) {
        return {.outcome = Outcome::kCutReset};
    }
    Verdict verdict;
    verdict.positive =
        fit_side<Count>(side(histogram, /*of_positive=*/true),
                        Side<Bucket>{histogram.positive_spans, positive_buckets(histogram)},
                        of_gauge);
    verdict.negative =
        fit_side<Count>(side(histogram, /*of_positive=*/false),
                        Side<Bucket>{histogram.negative_spans, negative_buckets(histogram)},
                        of_gauge);
    if (verdict.positive.reset || verdict.negative.reset) {
        verdict.outcome = Outcome::kCutReset;
    }
    return verdict;
}

// Widens the chunk, the sample, or both, until they have the same buckets, and writes the sample.
template <class AnyHistogram>
void HistogramChunkWriter::State::append_fitting(int64_t time,
                                                 const AnyHistogram& histogram,
                                                 const Verdict& verdict) {
    if (verdict.added()) {
        // A layout that covers the chunk's already is taken as the sample has it; of gauges both
        // sides are united when one must be.
        const bool unite_positive = gauge() ? verdict.missing() : verdict.positive.missing;
        const bool unite_negative = gauge() ? verdict.missing() : verdict.negative.missing;
        recode<AnyHistogram>(unite_positive ? unite(layout.positive, histogram.positive_spans)
                                            : histogram.positive_spans,
                             unite_negative ? unite(layout.negative, histogram.negative_spans)
                                            : histogram.negative_spans);
    }
    if (verdict.missing()) {
        AnyHistogram wide = histogram;
        widen_into(wide, layout);
        put_later(time, wide);
    } else {
        put_later(time, histogram);
    }
}

// Writes the chunk again with more buckets, empty ones.
template <class AnyHistogram>
void HistogramChunkWriter::State::recode(std::vector<Span> positive_to,
                                         std::vector<Span> negative_to) {
    const HistogramLayout to{.schema = layout.schema,
                             .zero_threshold = layout.zero_threshold,
                             .positive = std::move(positive_to),
                             .negative = std::move(negative_to),
                             .bounds = layout.bounds};
    State wide(is_float);
    auto cursor = HistogramCursor::open(is_float ? Encoding::kFloatHistogram : Encoding::kHistogram,
                                        out.bytes());
    SKEIN_CHECK(cursor.has_value(), "an open chunk can be read");
    for (bool first = true; !cursor.value().done(); first = false) {
        SKEIN_CHECK(cursor.value().next().has_value(), "an open chunk can be read");
        auto sample = take<AnyHistogram>(cursor.value());
        widen_into(sample, to);
        if (first) {
            wide.put_first(cursor.value().t(), sample, reset);
        } else {
            wide.put_later(cursor.value().t(), sample);
        }
    }
    *this = std::move(wide);
}

HistogramChunkWriter::HistogramChunkWriter() = default;
HistogramChunkWriter::~HistogramChunkWriter() = default;
HistogramChunkWriter::HistogramChunkWriter(HistogramChunkWriter&&) noexcept = default;
HistogramChunkWriter& HistogramChunkWriter::operator=(HistogramChunkWriter&&) noexcept = default;

namespace {

ChunkReset first_reset(CounterResetHint hint, ChunkReset asked) {
    switch (hint) {
        case CounterResetHint::kGauge:
            return ChunkReset::kGauge;
        case CounterResetHint::kReset:
            return ChunkReset::kReset;
        default:
            return asked;
    }
}

// Calls `use` with the histogram as it can be stored: of a stale one the sum alone, of one that is
// too fine the reduction.
template <class AnyHistogram, class Use>
auto with_storable(const AnyHistogram& histogram, Use&& use) {
    if (is_stale(histogram.sum)) {
        AnyHistogram stale;
        stale.hint = histogram.hint;
        stale.sum = histogram.sum;
        return use(stale);
    }
    SKEIN_CHECK(well_formed(histogram), "histograms are checked where they come in");
    if (histogram.schema <= kSchemaMax) {
        return use(histogram);
    }
    AnyHistogram reduced = histogram;
    reduce_resolution(reduced, kSchemaMax);
    return use(reduced);
}

}  // namespace

template <class AnyHistogram>
void HistogramChunkWriter::begin_any(int64_t t, const AnyHistogram& histogram, ChunkReset reset) {
    with_storable(histogram, [&](const AnyHistogram& storable) {
        state_ = std::make_unique<State>(kIsFloat<AnyHistogram>);
        state_->put_first(t, storable, first_reset(storable.hint, reset));
    });
}

template <class AnyHistogram>
HistogramChunkWriter::Outcome HistogramChunkWriter::append_any(int64_t t,
                                                               const AnyHistogram& histogram) {
    SKEIN_CHECK(state_ != nullptr, "a chunk begins with begin()");
    if (state_->samples == kSamplesMax) {
        return Outcome::kCutLayout;
    }
    return with_storable(histogram, [&](const AnyHistogram& storable) {
        const Verdict verdict = state_->judge(storable);
        if (verdict.outcome == Outcome::kAppended) {
            if (is_stale(storable.sum)) {
                state_->put_stale(t);
            } else {
                state_->append_fitting(t, storable, verdict);
            }
        }
        return verdict.outcome;
    });
}

template <class AnyHistogram>
ChunkReset HistogramChunkWriter::reset_of(const AnyHistogram& histogram) const {
    if (histogram.hint == CounterResetHint::kGauge) {
        return ChunkReset::kGauge;
    }
    if (state_ == nullptr) {
        return ChunkReset::kUnknown;
    }
    const Outcome outcome = with_storable(
        histogram, [&](const AnyHistogram& storable) { return state_->judge(storable).outcome; });
    switch (outcome) {
        case Outcome::kAppended:
            return state_->gauge() ? ChunkReset::kGauge : ChunkReset::kNotReset;
        case Outcome::kCutReset:
            return ChunkReset::kReset;
        default:
            return ChunkReset::kUnknown;
    }
}

template <class AnyHistogram>
bool HistogramChunkWriter::last_equals_any(const AnyHistogram& histogram) const {
    using Count = std::conditional_t<kIsFloat<AnyHistogram>, double, int64_t>;
    using Bucket = std::conditional_t<kIsFloat<AnyHistogram>, double, int64_t>;
    if (state_ == nullptr || state_->is_float != kIsFloat<AnyHistogram>) {
        return false;
    }
    return with_storable(histogram, [&](const AnyHistogram& storable) {
        if (state_->stale || is_stale(storable.sum)) {
            return state_->stale && is_stale(storable.sum);
        }
        const HistogramLayout& layout = state_->layout;
        return storable.schema == layout.schema &&
               storable.zero_threshold == layout.zero_threshold &&
               std::bit_cast<uint64_t>(storable.sum) == state_->sum.bits &&
               state_->same_totals(storable) &&
               (layout.schema != kCustomBucketsSchema || storable.custom_values == layout.bounds) &&
               equal_sides<Count>(
                   state_->side(storable, /*of_positive=*/true),
                   Side<Bucket>{storable.positive_spans, positive_buckets(storable)}) &&
               equal_sides<Count>(
                   state_->side(storable, /*of_positive=*/false),
                   Side<Bucket>{storable.negative_spans, negative_buckets(storable)});
    });
}

void HistogramChunkWriter::begin(int64_t t, const Histogram& histogram, ChunkReset reset) {
    begin_any(t, histogram, reset);
}

void HistogramChunkWriter::begin(int64_t t, const FloatHistogram& histogram, ChunkReset reset) {
    begin_any(t, histogram, reset);
}

HistogramChunkWriter::Outcome HistogramChunkWriter::append(int64_t t, const Histogram& histogram) {
    return append_any(t, histogram);
}

HistogramChunkWriter::Outcome HistogramChunkWriter::append(int64_t t,
                                                           const FloatHistogram& histogram) {
    return append_any(t, histogram);
}

ChunkReset HistogramChunkWriter::reset_before(const Histogram& histogram) const {
    return reset_of(histogram);
}

ChunkReset HistogramChunkWriter::reset_before(const FloatHistogram& histogram) const {
    return reset_of(histogram);
}

bool HistogramChunkWriter::last_equals(const Histogram& histogram) const {
    return last_equals_any(histogram);
}

bool HistogramChunkWriter::last_equals(const FloatHistogram& histogram) const {
    return last_equals_any(histogram);
}

bool HistogramChunkWriter::empty() const {
    return state_ == nullptr;
}

bool HistogramChunkWriter::is_float() const {
    return state_ != nullptr && state_->is_float;
}

uint16_t HistogramChunkWriter::count() const {
    return state_ == nullptr ? uint16_t{0} : state_->samples;
}

int64_t HistogramChunkWriter::min_t() const {
    return state_ == nullptr ? 0 : state_->min_t;
}

int64_t HistogramChunkWriter::max_t() const {
    return state_ == nullptr ? 0 : state_->t.value;
}

Encoding HistogramChunkWriter::encoding() const {
    if (state_ == nullptr) {
        return Encoding::kNone;
    }
    return state_->is_float ? Encoding::kFloatHistogram : Encoding::kHistogram;
}

std::span<const uint8_t> HistogramChunkWriter::bytes() const {
    return state_ == nullptr ? std::span<const uint8_t>() : state_->out.bytes();
}

size_t HistogramChunkWriter::memory_bytes() const {
    if (state_ == nullptr) {
        return 0;
    }
    const HistogramLayout& layout = state_->layout;
    return sizeof(State) + state_->out.memory_bytes() +
           (layout.positive.capacity() + layout.negative.capacity()) * sizeof(Span) +
           layout.bounds.capacity() * sizeof(double) +
           state_->deltas.capacity() * sizeof(DodValue) +
           state_->counts.capacity() * sizeof(XorValue);
}

}  // namespace model
