#include "test/model/histograms.h"

namespace test_model {

using model::CounterResetHint;
using model::Histogram;
using model::Span;

namespace {

constexpr double kUsualZeroThreshold = 0x1p-128;
constexpr size_t kIndices = 24;
constexpr int64_t kFirstIndex = -8;

Histogram golden(uint64_t count,
                 uint64_t zeros,
                 double sum,
                 std::vector<Span> positive_spans,
                 std::vector<int64_t> positive_deltas,
                 std::vector<Span> negative_spans,
                 std::vector<int64_t> negative_deltas) {
    return {.schema = 3,
            .zero_threshold = kUsualZeroThreshold,
            .zero_count = zeros,
            .count = count,
            .sum = sum,
            .positive_spans = std::move(positive_spans),
            .negative_spans = std::move(negative_spans),
            .positive_deltas = std::move(positive_deltas),
            .negative_deltas = std::move(negative_deltas)};
}

}  // namespace

std::vector<Histogram> golden_counter() {
    const Histogram wide =
        golden(20, 3, 33.5, {{0, 5}}, {5, -2, -2, 3, 0}, {{-3, 1}, {2, 1}}, {1, 0});
    return {golden(10, 2, 18.4, {{0, 2}, {1, 1}}, {3, -1, 0}, {{-3, 1}}, {1}),
            golden(12, 2, 20.25, {{0, 2}, {1, 1}}, {4, -2, 1}, {{-3, 1}}, {1}),
            wide,
            wide,
            golden(220, 30, 1e9, {{0, 5}}, {55, -2, -2, 3, -50}, {{-3, 1}, {2, 1}}, {11, 10}),
            stale<Histogram>(),
            stale<Histogram>()};
}

std::vector<Histogram> golden_gauge() {
    std::vector<Histogram> out = {golden(10, 2, 18.4, {{0, 2}, {1, 1}}, {3, -1, 0}, {{-3, 1}}, {1}),
                                  golden(8, 1, 10, {{1, 1}, {3, 2}}, {4, -2, 1}, {{4, 1}}, {1})};
    for (Histogram& histogram : out) {
        histogram.hint = CounterResetHint::kGauge;
    }
    return out;
}

std::vector<Histogram> golden_both() {
    return {golden(10, 2, 18.4, {{0, 4}}, {3, -3, 2, 1}, {}, {}),
            golden(12, 2, 19, {{0, 1}, {1, 3}}, {3, -1, 1, -1}, {}, {})};
}

std::vector<Histogram> golden_custom() {
    Histogram first{.schema = model::kCustomBucketsSchema,
                    .count = 7,
                    .sum = 12.5,
                    .positive_spans = {{0, 2}, {1, 1}},
                    .positive_deltas = {1, 2, 0},
                    .custom_values = {0.005, 0.1, 2.5, 1.0 / 3, 40000}};
    Histogram second = first;
    second.count = 9;
    second.sum = 12.75;
    second.positive_deltas = {2, 2, -1};
    return {first, second};
}

std::vector<Histogram> golden_wide() {
    constexpr uint64_t kCount = uint64_t{1} << 60;
    constexpr uint64_t kZeros = uint64_t{1} << 40;
    Histogram first{.schema = -4,
                    .zero_threshold = 0.3,
                    .zero_count = kZeros,
                    .count = kCount,
                    .sum = -1,
                    .positive_spans = {{-1000, 1}},
                    .positive_deltas = {static_cast<int64_t>(kCount - kZeros)}};
    Histogram second = first;
    second.count += 5;
    second.zero_count += 5;
    second.sum = std::numeric_limits<double>::infinity();
    Histogram third = second;
    third.count += 2000000;
    third.positive_deltas[0] += 2000000;
    third.sum = model::kNormalNan;
    return {first, second, third};
}

RandomHistogram::RandomHistogram(base::Random& random) : random_(random) {
    restart();
    advance();
}

void RandomHistogram::restart() {
    gauge_ = random_.below(4) == 0;
    custom_ = random_.below(3) == 0;
    schema_ = custom_ ? model::kCustomBucketsSchema : static_cast<int32_t>(random_.below(13)) - 4;
    zero_threshold_ = custom_ ? 0 : random_.below(2) == 0 ? kUsualZeroThreshold : 1e-3;
    bounds_.clear();
    for (size_t i = 0; custom_ && i + 1 < kIndices; ++i) {
        bounds_.push_back(static_cast<double>(i) * (random_.below(2) == 0 ? 0.25 : 1.0 / 3) +
                          static_cast<double>(i));
    }
    positive_.assign(kIndices, 0);
    negative_.assign(kIndices, 0);
    zeros_ = 0;
    sum_ = 0;
}

void RandomHistogram::count_on() {
    for (uint64_t i = 0; i < random_.below(6); ++i) {
        const uint64_t more = random_.below(20) == 0 ? random_.u64() >> 30 : random_.below(30);
        auto& side = !custom_ && random_.below(3) == 0 ? negative_ : positive_;
        side[random_.below(kIndices)] += more;
        sum_ += static_cast<double>(more) * random_.unit();
    }
    zeros_ += custom_ ? 0 : random_.below(3);
    if (gauge_ && random_.below(3) == 0) {
        positive_[random_.below(kIndices)] = 0;
    }
}

// Spans over what is counted, with an empty bucket or an empty span among them now and then.
void RandomHistogram::lay_out() {
    integer_ = Histogram{.schema = schema_,
                         .zero_threshold = zero_threshold_,
                         .zero_count = zeros_,
                         .count = zeros_,
                         .sum = sum_,
                         .custom_values = bounds_};
    integer_.hint = gauge_ ? CounterResetHint::kGauge : CounterResetHint::kUnknown;
    const auto lay_out_side = [&](const std::vector<uint64_t>& counts,
                                  std::vector<Span>& spans,
                                  std::vector<int64_t>& deltas) {
        model::SpanBuilder builder;
        uint64_t before = 0;
        for (size_t i = 0; i < counts.size(); ++i) {
            if (counts[i] == 0 && random_.below(8) != 0) {
                continue;
            }
            builder.add(static_cast<int64_t>(i) + (custom_ ? 0 : kFirstIndex));
            deltas.push_back(static_cast<int64_t>(counts[i] - before));
            before = counts[i];
            integer_.count += counts[i];
        }
        spans = builder.take();
        if (random_.below(16) == 0) {
            spans.push_back({.offset = 0, .length = 0});
        }
    };
    lay_out_side(positive_, integer_.positive_spans, integer_.positive_deltas);
    if (!custom_) {
        lay_out_side(negative_, integer_.negative_spans, integer_.negative_deltas);
    }
}

void RandomHistogram::advance() {
    if (random_.below(40) == 0) {
        integer_ = stale<Histogram>();
        return;
    }
    if (random_.below(30) == 0) {
        restart();
    } else if (random_.below(30) == 0) {
        positive_.assign(kIndices, 0);
        sum_ = 0;
    }
    count_on();
    lay_out();
}

}  // namespace test_model
