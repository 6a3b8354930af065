// sum, avg, min, max, count, group, stddev, stdvar, quantile.
#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "query/exec/aggregate.h"
#include "query/exec/fold_table.h"
#include "query/exec/grouping.h"
#include "query/exec/row_merger.h"
#include "query/exec/shared_pieces.h"
#include "query/histogram/arithmetic.h"

namespace query::exec {
namespace {

using histogram::HistogramSum;
using model::CounterResetHint;
using model::FloatHistogram;

bool takes_histograms(AggregateOp op) {
    return op == AggregateOp::kSum || op == AggregateOp::kAvg;
}

// Of a value that a quantile keeps, with what is free beside it.
constexpr int64_t kBytesPerValue = 16;

// Quantiles that are there before they become rows.
constexpr size_t kQuantilesAtOnce = 32 * 1024;
constexpr size_t kQuantilesPerTask = 16;
// So many values are looked through in several times the time that it takes to wake a thread.
constexpr int64_t kWorthHelpValues = 16 * 1024;

bool counts_only(AggregateOp op) {
    return op == AggregateOp::kCount || op == AggregateOp::kGroup;
}

// The sum or mean of the histograms of one group at one step.
class HistogramPlace {
  public:
    HistogramPlace(const FloatHistogram& first) : sum_(first) { track(first); }

    // What of `value` is more than was ever added: the sum and its compensation become so large.
    int64_t grow_to(const FloatHistogram& value) {
        const int64_t more = std::max<int64_t>(0, 2 * bytes_of(value) - bytes_);
        bytes_ += more;
        return more;
    }

    // Returns what came up; an incompatible histogram spoils the place for good.
    histogram::Combined add(const FloatHistogram& value, bool average) {
        if (spoiled_) {
            return {};
        }
        track(value);
        ++count_;
        histogram::Combined combined;
        if (average && !running_) {
            HistogramSum next = sum_;
            combined = next.add(value);
            if (combined.incompatible || !next.has_infinity()) {
                spoiled_ = combined.incompatible;
                sum_ = std::move(next);
                return combined;
            }
            running_ = true;
            sum_.divide(count_ - 1);
        }
        if (running_) {
            sum_.scale((count_ - 1) / count_);
            combined = sum_.add(histogram::divided(value, count_));
        } else {
            combined = sum_.add(value);
        }
        spoiled_ = combined.incompatible;
        return combined;
    }

    [[nodiscard]] bool spoiled() const { return spoiled_; }

    [[nodiscard]] bool collision() const { return reset_ && not_reset_; }

    [[nodiscard]] HistogramPtr result(bool average) {
        if (average && !running_) {
            sum_.divide(count_);
        }
        return std::make_shared<FloatHistogram>(sum_.result());
    }

  private:
    void track(const FloatHistogram& histogram) {
        reset_ |= histogram.hint == CounterResetHint::kReset;
        not_reset_ |= histogram.hint == CounterResetHint::kNotReset;
    }

    HistogramSum sum_;
    double count_ = 1;
    int64_t bytes_ = 0;
    bool running_ = false;
    bool spoiled_ = false;
    bool reset_ = false;
    bool not_reset_ = false;
};

class FoldAggregate final : public Blocking {
  public:
    explicit FoldAggregate(AggregateInputs inputs)
        : inputs_(std::move(inputs)),
          op_(inputs_.expr.op),
          steps_(inputs_.steps()),
          grouping_(inputs_.context, inputs_.expr.grouping, inputs_.expr.without),
          table_(op_, steps_, inputs_.context),
          held_(inputs_.context.samples),
          value_memory_(inputs_.context.budget),
          histogram_memory_(inputs_.context.budget),
          pace_(inputs_.context) {}

  protected:
    base::Result<Block> compute() override {
        params_.assign(steps_, 0);
        if (inputs_.param) {
            TRY(params_, read_scalar(*inputs_.param, inputs_.context, steps_));
            check_quantiles();
        }
        Block in;
        while (true) {
            TRY(inputs_.context.check());
            TRY(const bool more, inputs_.input->next(in));
            if (!more) {
                inputs_.input.reset();  // with what it holds
                return finish();
            }
            for (size_t r = 0; r < in.rows(); ++r) {
                TRY(add(in, r));
            }
        }
    }

  private:
    // Of all steps what is farthest off, on either side.
    void check_quantiles() {
        double low = 0;
        double high = 1;
        bool nan = false;
        for (const double q : params_) {
            nan |= std::isnan(q);
            low = std::min(low, q);
            high = std::max(high, q);
        }
        const PositionRange position = place_of(*inputs_.expr.param, inputs_.expr);
        Annotations& annotations = inputs_.context.annotations;
        if (nan) {
            annotations.invalid_quantile(std::numeric_limits<double>::quiet_NaN(), position);
            return;
        }
        if (high > 1) {
            annotations.invalid_quantile(high, position);
        }
        if (low < 0) {
            annotations.invalid_quantile(low, position);
        }
    }

    base::Status add(const Block& in, size_t r) {
        const size_t group = grouping_.group_of(in.row(r).labels);
        if (group >= table_.groups()) {
            TRY(table_.grow(group + 1));
            dropped_.resize(group + 1, false);
        }
        dropped_[group] = dropped_[group] || in.row(r).drop_name;
        if (op_ == AggregateOp::kQuantile) {
            const auto count = static_cast<int64_t>(in.present(r).count());
            TRY(held_.add(count));
            TRY(value_memory_.grow(count * kBytesPerValue));
        }
        if (!in.has_histograms() || counts_only(op_)) {
            table_.add_row(group, in.values(r), in.present(r));
            return base::success();
        }
        return add_mixed(in, r, group);
    }

    base::Status add_mixed(const Block& in, size_t r, size_t group) {
        base::Status status = base::success();
        in.present(r).for_each([&](size_t step) {
            const HistogramPtr& histogram = in.histogram(r, step);
            if (!histogram) {
                table_.add(group, step, in.values(r)[step]);
            } else if (!takes_histograms(op_)) {
                inputs_.context.annotations.histogram_ignored_in_aggregation(
                    name_of(op_), place_of(*inputs_.expr.expr, inputs_.expr));
            } else if (status) {
                status = add_histogram(table_.place(group, step), *histogram, in.row(r));
            }
        });
        return status;
    }

    base::Status add_histogram(size_t place,
                               const FloatHistogram& histogram,
                               const RowLabels& row) {
        TRY(pace_.touch_histograms(sample_weight(histogram)));
        const auto found = histograms_.find(place);
        if (found == histograms_.end()) {
            const auto made = histograms_.emplace(place, HistogramPlace(histogram)).first;
            return histogram_memory_.grow(made->second.grow_to(histogram));
        }
        TRY(histogram_memory_.grow(found->second.grow_to(histogram)));
        const histogram::Combined combined = found->second.add(histogram, op_ == AggregateOp::kAvg);
        const PositionRange position = place_of(*inputs_.expr.expr, inputs_.expr);
        if (combined.incompatible) {
            inputs_.context.annotations.mixed_exponential_custom(
                inputs_.context.labels.metric_name(row.labels), position);
        }
        if (combined.reconciled) {
            inputs_.context.annotations.custom_buckets_reconciled(HistogramOperation::kAggregation,
                                                                  position);
        }
        return base::success();
    }

    base::Result<Block> finish() {
        Block out;
        TRY(out.reset(inputs_.context.budget, grouping_.size(), steps_));
        for (size_t group = 0; group < dropped_.size(); ++group) {
            if (op_ == AggregateOp::kQuantile && group % groups_at_once() == 0) {
                TRY(find_quantiles(group));
            }
            const size_t row = out.add_row({grouping_.labels(group), dropped_[group]});
            finish_row(group, out, row);
            if (!out.present(row).any()) {
                out.drop_last_row();
            }
        }
        TRY(out.account(inputs_.context.budget));
        return out;
    }

    // How many groups' quantiles are there at once.
    [[nodiscard]] size_t groups_at_once() const {
        return std::max<size_t>(kQuantilesAtOnce / std::max<size_t>(steps_, 1), 1);
    }

    // Looks through what was kept, which takes the longer the more it is: on several threads.
    base::Status find_quantiles(size_t first) {
        TRY(inputs_.context.check());
        const size_t count = std::min(groups_at_once(), dropped_.size() - first) * steps_;
        if (count > quantiles_.size()) {
            TRY(value_memory_.grow(
                static_cast<int64_t>((count - quantiles_.size()) * sizeof(double))));
        }
        quantiles_.resize(count);
        const size_t tasks = (quantiles_.size() + kQuantilesPerTask - 1) / kQuantilesPerTask;
        const bool shared = value_memory_.bytes() >= kWorthHelpValues * kBytesPerValue;
        spread(shared ? inputs_.context.helpers : nullptr, tasks, [&](size_t task) {
            const size_t end = std::min(quantiles_.size(), (task + 1) * kQuantilesPerTask);
            for (size_t i = task * kQuantilesPerTask; i < end; ++i) {
                const size_t group = first + i / steps_;
                const size_t step = i % steps_;
                if (table_.seen(group).get(step)) {
                    quantiles_[i] = table_.value(group, step, params_[step]);
                }
            }
        });
        return base::success();
    }

    [[nodiscard]] double result(size_t group, size_t step) {
        return op_ == AggregateOp::kQuantile ? quantiles_[group % groups_at_once() * steps_ + step]
                                             : table_.value(group, step, params_[step]);
    }

    void finish_row(size_t group, Block& out, size_t row) {
        const Bits seen = table_.seen(group);
        for (size_t step = 0; step < steps_; ++step) {
            const auto found = histograms_.empty() ? histograms_.end()
                                                   : histograms_.find(table_.place(group, step));
            if (found != histograms_.end()) {
                finish_histogram(found->second, seen.get(step), out, row, step);
            } else if (seen.get(step)) {
                out.set(row, step, result(group, step));
            }
        }
    }

    void finish_histogram(
        HistogramPlace& place, bool floats_too, Block& out, size_t row, size_t step) {
        const PositionRange position = place_of(*inputs_.expr.expr, inputs_.expr);
        if (floats_too) {
            inputs_.context.annotations.mixed_floats_histograms_aggregation(position);
            return;
        }
        if (place.spoiled()) {
            return;
        }
        if (place.collision()) {
            inputs_.context.annotations.counter_reset_collision(HistogramOperation::kAggregation,
                                                                position);
        }
        out.set(row, step, place.result(op_ == AggregateOp::kAvg));
    }

    AggregateInputs inputs_;
    AggregateOp op_;
    size_t steps_;
    Grouping grouping_;
    FoldTable table_;  // of the floats
    HeldSamples held_;
    base::Reservation value_memory_;  // of values that are kept
    std::vector<bool> dropped_;
    std::vector<double> params_;
    std::vector<double> quantiles_;  // of some groups: group × steps
    std::unordered_map<size_t, HistogramPlace> histograms_;
    base::Reservation histogram_memory_;
    Pace pace_;
};

}  // namespace

OperatorPtr make_fold_aggregate(AggregateInputs inputs) {
    return std::make_unique<FoldAggregate>(std::move(inputs));
}

}  // namespace query::exec
