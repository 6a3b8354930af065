#include "model/histogram_chunk.h"

#include <bit>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "model/histogram_cursor.h"
#include "model/histogram_encoder.h"
#include "model/histogram_fit.h"
#include "model/histogram_layout.h"
#include "model/sample.h"

namespace model {
namespace {

constexpr size_t kSamplesMax = UINT16_MAX;  // the header counts in 16 bits

// What is to be done with a sample.
struct Verdict {
    HistogramChunkWriter::Outcome outcome = HistogramChunkWriter::Outcome::kAppended;
    Fit positive;
    Fit negative;

    [[nodiscard]] bool added() const { return positive.added || negative.added; }

    [[nodiscard]] bool missing() const { return positive.missing || negative.missing; }
};

template <class AnyHistogram>
AnyHistogram take(const HistogramCursor& cursor) {
    if constexpr (kIsFloat<AnyHistogram>) {
        return cursor.floating();
    } else {
        return cursor.integer();
    }
}

}  // namespace

struct HistogramChunkWriter::State : HistogramEncoder {
    using HistogramEncoder::HistogramEncoder;

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
                        Side<Count>{histogram.positive_spans, positive_buckets(histogram)},
                        of_gauge);
    verdict.negative =
        fit_side<Count>(side(histogram, /*of_positive=*/false),
                        Side<Count>{histogram.negative_spans, negative_buckets(histogram)},
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
                   Side<Count>{storable.positive_spans, positive_buckets(storable)}) &&
               equal_sides<Count>(state_->side(storable, /*of_positive=*/false),
                                  Side<Count>{storable.negative_spans, negative_buckets(storable)});
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
    return sizeof(State) + state_->memory_bytes();
}

}  // namespace model
