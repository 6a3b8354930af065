#include "query/exec/fold.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/arena.h"
#include "base/check.h"
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

    // The sum, and what was lost in it.
    [[nodiscard]] uint32_t width() const override { return 2; }

    void save(size_t place, double* state) const override {
        state[0] = sum_[place];
        state[1] = error_[place];
    }

    void merge(size_t place, const double* state) override {
        one(place, state[0]);
        error_[place] = std::isinf(sum_[place]) ? 0 : error_[place] + state[1];
    }

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
            mean.run(mean.count - 1);
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

    // The sum, what was lost in it, and the count; a count below zero says that the sum is the
    // running mean.
    [[nodiscard]] uint32_t width() const override { return 3; }

    void save(size_t place, double* state) const override {
        const Mean& mean = places_[place];
        state[0] = mean.sum.sum;
        state[1] = mean.sum.error;
        state[2] = mean.running ? -mean.count : mean.count;
    }

    void merge(size_t place, const double* state) override {
        Mean& mean = places_[place];
        Mean other{{state[0], state[1]}, std::fabs(state[2]), state[2] < 0};
        if (mean.count == 0) {
            mean = other;
            return;
        }
        const double count = mean.count + other.count;
        if (!mean.running && !other.running) {
            const histogram::Kahan both = sum_of(mean.sum, other.sum);
            if (!std::isinf(both.sum)) {
                mean.sum = both;
                mean.count = count;
                return;
            }
        }
        mean.run(mean.count);
        other.run(other.count);
        mean.sum.scale(mean.count / count);
        other.sum.scale(other.count / count);
        mean.sum = sum_of(mean.sum, other.sum);
        mean.count = count;
    }

  private:
    struct Mean {
        histogram::Kahan sum;
        double count = 0;
        bool running = false;

        // Makes the sum of `values` values a running mean.
        void run(double values) {
            if (!running) {
                running = true;
                sum.divide(values);
            }
        }
    };

    static histogram::Kahan sum_of(histogram::Kahan a, const histogram::Kahan& b) {
        a.add(b.sum);
        a.error = std::isinf(a.sum) ? 0 : a.error + b.error;
        return a;
    }

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

    void save(size_t place, double* state) const override { state[0] = best_[place]; }

    void merge(size_t place, const double* state) override { one(place, state[0]); }

  private:
    std::vector<double> best_;
};

class CountFold final : public FoldBase<CountFold> {
  public:
    void grow(size_t places) override { counts_.resize(places, 0); }

    void one(size_t place, double) { ++counts_[place]; }

    double value(size_t place, double) override { return static_cast<double>(counts_[place]); }

    void save(size_t place, double* state) const override {
        state[0] = static_cast<double>(counts_[place]);
    }

    void merge(size_t place, const double* state) override {
        constexpr double kCountMax = 9007199254740992.0;  // beyond it, doubles do not count
        counts_[place] += state[0] > 0 ? static_cast<uint64_t>(std::fmin(state[0], kCountMax)) : 0;
    }

  private:
    std::vector<uint64_t> counts_;
};

class GroupFold final : public FoldBase<GroupFold> {
  public:
    void grow(size_t) override {}

    void one(size_t, double) {}

    double value(size_t, double) override { return 1; }

    void save(size_t, double* state) const override { state[0] = 1; }

    void merge(size_t, const double*) override {}
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

    [[nodiscard]] uint32_t width() const override { return 3; }

    void save(size_t place, double* state) const override {
        const Spread& spread = places_[place];
        state[0] = spread.count;
        state[1] = spread.mean;
        state[2] = spread.squares;
    }

    // Chan, Golub and LeVeque, "Updating formulae", equations 2.1.
    void merge(size_t place, const double* state) override {
        Spread& spread = places_[place];
        const Spread other{state[0], state[1], state[2]};
        if (spread.count == 0) {
            spread = other;
            return;
        }
        const double count = spread.count + other.count;
        const double delta = other.mean - spread.mean;
        spread.mean += delta * (other.count / count);
        spread.squares += other.squares + delta * delta * (spread.count * other.count / count);
        spread.count = count;
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

// Keeps every value, in pieces that do not move: the largest hold so many that what is free in the
// last one is little.
class QuantileFold final : public FoldBase<QuantileFold> {
  public:
    void grow(size_t places) override { places_.resize(places); }

    void one(size_t place, double value) {
        Values& values = places_[place];
        if (values.last == nullptr || values.used == values.last->room) {
            add_piece(values);
        }
        numbers(*values.last)[values.used++] = value;
    }

    double value(size_t place, double q) override {
        const Values& values = places_[place];
        size_t count = 0;
        for (const Piece* piece = values.last; piece != nullptr; piece = piece->before) {
            count += used(values, *piece);
        }
        std::vector<double> all(count);
        for (Piece* piece = values.last; piece != nullptr; piece = piece->before) {
            count -= used(values, *piece);
            std::copy_n(numbers(*piece), used(values, *piece), all.data() + count);
        }
        return histogram::quantile_of(q, all);
    }

    [[nodiscard]] uint32_t width() const override { return 0; }

  private:
    static constexpr uint32_t kFirstRoom = 2, kMostRoom = 64;  // values

    struct Piece {  // and its values behind it
        Piece* before;
        size_t room;
    };

    struct Values {
        Piece* last = nullptr;
        size_t used = 0;  // of the last piece; those before are full
    };

    static double* numbers(Piece& piece) { return reinterpret_cast<double*>(&piece + 1); }

    static size_t used(const Values& values, const Piece& piece) {
        return &piece == values.last ? values.used : piece.room;
    }

    void add_piece(Values& values) {
        const size_t room = values.last == nullptr
                                ? kFirstRoom
                                : std::min<size_t>(2 * values.last->room, kMostRoom);
        static_assert(alignof(Piece) == alignof(double) && sizeof(Piece) % sizeof(double) == 0);
        const size_t header = sizeof(Piece) / sizeof(double);
        auto* const piece = reinterpret_cast<Piece*>(arena_.allocate<double>(header + room).data());
        *piece = {values.last, room};
        values = {piece, 0};
    }

    base::Arena arena_;
    std::vector<Values> places_;
};

}  // namespace

void Fold::save(size_t, double*) const {
    SKEIN_CHECK(false, "an accumulator without states");
}

void Fold::merge(size_t, const double*) {
    SKEIN_CHECK(false, "an accumulator without states");
}

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
