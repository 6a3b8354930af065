#include "query/exec/fold.h"

#include <cmath>
#include <limits>

#include "query/histogram/kahan.h"
#include "query/histogram/quantile.h"

namespace query::exec {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// add_row() in terms of one(place, value): whole words of 64 steps without asking for each bit,
// which lets the compiler use vector instructions.
template <class One>
void add_present(size_t first, const double* values, Bits present, One&& one) {
    const auto words = present.words();
    for (size_t w = 0; w < words.size(); ++w) {
        const size_t base = w * 64;
        if (words[w] == ~uint64_t{0}) {
            for (size_t i = 0; i < 64; ++i) {
                one(first + base + i, values[base + i]);
            }
            continue;
        }
        // A run of ones at the bottom is what the last word of a full row looks like.
        const auto run = static_cast<size_t>(std::countr_one(words[w]));
        for (size_t i = 0; i < run; ++i) {
            one(first + base + i, values[base + i]);
        }
        for (uint64_t bits = words[w] & ~((uint64_t{1} << run) - 1); bits != 0; bits &= bits - 1) {
            const size_t i = base + static_cast<size_t>(std::countr_zero(bits));
            one(first + i, values[i]);
        }
    }
}

template <class Derived>
class FoldBase : public Fold {
  public:
    void add_row(size_t first, const double* values, Bits present) final {
        auto& self = static_cast<Derived&>(*this);
        add_present(first, values, present, [&self](size_t place, double value) {
            self.one(place, value);
        });
    }

    void add(size_t place, double value) final { static_cast<Derived&>(*this).one(place, value); }
};

// Compensated, and written so that it compiles without branches.
class SumFold final : public FoldBase<SumFold> {
  public:
    void grow(size_t places) override {
        sum_.resize(places, 0);
        error_.resize(places, 0);
    }

    void one(size_t place, double value) {
        const double sum = sum_[place];
        const double next = sum + value;
        const double lost =
            std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
        error_[place] = std::isinf(next) ? 0 : error_[place] + lost;
        sum_[place] = next;
    }

    double value(size_t place, double) override { return sum_[place] + error_[place]; }

  private:
    std::vector<double> sum_, error_;
};

// The mean of the sum; when that would overflow, a running mean from there on.
class AvgFold final : public FoldBase<AvgFold> {
  public:
    void grow(size_t places) override { places_.resize(places); }

    void one(size_t place, double value) {
        Mean& mean = places_[place];
        ++mean.count;
        if (!mean.running) {
            histogram::Kahan next = mean.sum;
            next.add(value);
            if (mean.count == 1 || !std::isinf(next.sum)) {
                mean.sum = next;
                return;
            }
            mean.running = true;
            mean.sum.divide(mean.count - 1);
        }
        mean.sum.scale((mean.count - 1) / mean.count);
        mean.sum.add(value / mean.count);
    }

    double value(size_t place, double) override {
        Mean mean = places_[place];
        if (!mean.running) {
            mean.sum.divide(mean.count);
        }
        return mean.sum.value();
    }

  private:
    struct Mean {
        histogram::Kahan sum;
        double count = 0;
        bool running = false;
    };

    std::vector<Mean> places_;
};

// A number takes the place of NaN.
template <bool kMax>
class ExtremeFold final : public FoldBase<ExtremeFold<kMax>> {
  public:
    void grow(size_t places) override { best_.resize(places, kNan); }

    void one(size_t place, double value) {
        const double best = best_[place];
        const bool better = kMax ? value > best : value < best;
        best_[place] = better || std::isnan(best) ? value : best;
    }

    double value(size_t place, double) override { return best_[place]; }

  private:
    std::vector<double> best_;
};

class CountFold final : public FoldBase<CountFold> {
  public:
    void grow(size_t places) override { counts_.resize(places, 0); }

    void one(size_t place, double) { ++counts_[place]; }

    double value(size_t place, double) override { return static_cast<double>(counts_[place]); }

  private:
    std::vector<uint64_t> counts_;
};

class GroupFold final : public FoldBase<GroupFold> {
  public:
    void grow(size_t) override {}

    void one(size_t, double) {}

    double value(size_t, double) override { return 1; }
};

// Welford's running variance.
class VarianceFold final : public FoldBase<VarianceFold> {
  public:
    explicit VarianceFold(bool deviation) : deviation_(deviation) {}

    void grow(size_t places) override { places_.resize(places); }

    void one(size_t place, double value) {
        Spread& spread = places_[place];
        ++spread.count;
        const double delta = value - spread.mean;
        spread.mean += delta / spread.count;
        spread.squares += delta * (value - spread.mean);
    }

    double value(size_t place, double) override {
        const double variance = places_[place].squares / places_[place].count;
        return deviation_ ? std::sqrt(variance) : variance;
    }

  private:
    struct Spread {
        double count = 0;
        double mean = 0;
        double squares = 0;
    };

    bool deviation_;
    std::vector<Spread> places_;
};

class QuantileFold final : public FoldBase<QuantileFold> {
  public:
    void grow(size_t places) override { values_.resize(places); }

    void one(size_t place, double value) { values_[place].push_back(value); }

    double value(size_t place, double q) override {
        return histogram::quantile_of(q, values_[place]);
    }

  private:
    std::vector<std::vector<double>> values_;
};

}  // namespace

std::unique_ptr<Fold> make_fold(AggregateOp op) {
    switch (op) {
        case AggregateOp::kSum:
            return std::make_unique<SumFold>();
        case AggregateOp::kAvg:
            return std::make_unique<AvgFold>();
        case AggregateOp::kMin:
            return std::make_unique<ExtremeFold<false>>();
        case AggregateOp::kMax:
            return std::make_unique<ExtremeFold<true>>();
        case AggregateOp::kCount:
            return std::make_unique<CountFold>();
        case AggregateOp::kGroup:
            return std::make_unique<GroupFold>();
        case AggregateOp::kStddev:
            return std::make_unique<VarianceFold>(true);
        case AggregateOp::kStdvar:
            return std::make_unique<VarianceFold>(false);
        case AggregateOp::kQuantile:
            return std::make_unique<QuantileFold>();
        default:
            return nullptr;
    }
}

}  // namespace query::exec
