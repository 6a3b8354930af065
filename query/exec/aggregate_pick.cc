// topk, bottomk, limitk, limit_ratio: aggregations that keep some of their input's rows.
#include <algorithm>
#include <cmath>
#include <limits>

#include "query/exec/aggregate.h"
#include "query/exec/grouping.h"
#include "query/exec/row_merger.h"
#include "query/number.h"

namespace query::exec {
namespace {

using base::Code;

constexpr double kInt64Min = -9223372036854775808.0;
constexpr double kInt64Max = 9223372036854775808.0;

// One value that may be kept.
struct Candidate {
    double value = 0;
    uint32_t row = 0;  // in the order of the input
    HistogramPtr histogram;
};

class PickAggregate final : public Blocking {
  public:
    explicit PickAggregate(AggregateInputs inputs)
        : inputs_(std::move(inputs)),
          op_(inputs_.expr.op),
          steps_(inputs_.steps()),
          grouping_(inputs_.context, inputs_.expr.grouping, inputs_.expr.without),
          held_(inputs_.context.samples),
          memory_(inputs_.context.budget) {}

  protected:
    base::Result<Block> compute() override {
        TRY(params_, read_scalar(*inputs_.param, inputs_.context, steps_));
        TRY(const bool any, check_params());
        Block in;
        while (true) {
            TRY(inputs_.context.check());
            TRY(const bool more, inputs_.input->next(in));
            if (!more) {
                inputs_.input.reset();  // with what it holds
                return finish();
            }
            // Where nothing is kept the input may still have an error to tell.
            for (size_t r = 0; any && r < in.rows(); ++r) {
                TRY(add(in, r));
            }
            TRY(held_.replace(kept_));
        }
    }

  private:
    // False when nothing can be kept at any step.
    base::Result<bool> check_params() {
        if (params_.empty()) {
            return false;
        }
        const auto [low, high] = std::ranges::minmax(params_);
        const bool nan =
            std::ranges::any_of(params_, [](double value) { return std::isnan(value); });
        if (op_ == AggregateOp::kLimitRatio) {
            return check_ratios(low, high, nan);
        }
        if (nan) {
            return base::fail(Code::kExecution, "Parameter value is NaN");
        }
        if (high < 1) {
            return false;
        }
        if (low <= kInt64Min) {
            return base::fail(
                Code::kExecution, "Scalar value", format_general(low), "underflows int64");
        }
        if (high >= kInt64Max) {
            return base::fail(
                Code::kExecution, "Scalar value", format_general(high), "overflows int64");
        }
        return true;
    }

    base::Result<bool> check_ratios(double low, double high, bool nan) {
        if (nan) {
            return base::fail(Code::kExecution, "Ratio value is NaN");
        }
        const PositionRange position = place_of(*inputs_.expr.param, inputs_.expr);
        if (high > 1) {
            inputs_.context.annotations.invalid_ratio(high, 1, position);
        }
        if (low < -1) {
            inputs_.context.annotations.invalid_ratio(low, -1, position);
        }
        return low != 0 || high != 0;
    }

    base::Status add(const Block& in, size_t r) {
        const size_t group = grouping_.group_of(in.row(r).labels);
        TRY(make_places((group + 1) * steps_));
        // At most every value is kept.
        TRY(memory_.grow(list_bytes(static_cast<int64_t>(in.present(r).count()))));
        const auto row = static_cast<uint32_t>(rows_.size());
        rows_.push_back(in.row(r));
        if (keeps_best() && !in.has_histograms()) {
            add_floats(in, r, group * steps_, row);
            memory_.shrink(memory_.bytes() - places_bytes_ - list_bytes(kept_));
            return base::success();
        }
        const double offset = op_ == AggregateOp::kLimitRatio ? ratio_of(in.row(r).labels) : 0;
        in.present(r).for_each([&](size_t step) {
            consider(places_[group * steps_ + step],
                     {in.values(r)[step], row, in.histogram(r, step)},
                     step,
                     offset);
        });
        memory_.shrink(memory_.bytes() - places_bytes_ - list_bytes(kept_));
        return base::success();
    }

    [[nodiscard]] bool keeps_best() const {
        return op_ == AggregateOp::kTopk || op_ == AggregateOp::kBottomk;
    }

    // Most values are no better than the worst that is kept: they are compared with it alone.
    void add_floats(const Block& in, size_t r, size_t first, uint32_t row) {
        const double* values = in.values(r);
        const bool top = op_ == AggregateOp::kTopk;
        in.present(r).for_each([&](size_t step) {
            double& bar = bars_[first + step];
            if (top ? values[step] <= bar : values[step] >= bar) {
                return;
            }
            std::vector<Candidate>& place = places_[first + step];
            consider(place, {values[step], row, nullptr}, step, 0);
            if (!place.empty() && static_cast<double>(place.size()) >= std::trunc(params_[step])) {
                bar = place.front().value;
            }
        });
    }

    // Of lists with so many candidates: one that grows has room for twice as many.
    static int64_t list_bytes(int64_t candidates) {
        return 2 * candidates * static_cast<int64_t>(sizeof(Candidate));
    }

    // Lists for another group, or for twice as many.
    base::Status make_places(size_t count) {
        if (count > places_.capacity()) {
            const size_t wanted = std::max(count, 2 * places_.size());
            const auto more =
                (wanted - places_.capacity()) * (sizeof(places_[0]) + sizeof(bars_[0]));
            TRY(memory_.grow(static_cast<int64_t>(more)));
            places_bytes_ += static_cast<int64_t>(more);
            places_.reserve(wanted);
            bars_.reserve(wanted);
        }
        places_.resize(std::max(count, places_.size()));
        bars_.resize(places_.size(), std::numeric_limits<double>::quiet_NaN());
        return base::success();
    }

    // Where the labels fall in [0, 1), the same for every query.
    double ratio_of(LabelSet labels) const {
        constexpr double kHashes = 18446744073709551615.0;
        const model::Labels text = inputs_.context.labels.to_labels(labels);
        return static_cast<double>(text.sized_hash()) / kHashes;
    }

    void consider(std::vector<Candidate>& place, Candidate candidate, size_t step, double offset) {
        const double param = params_[step];
        if (op_ == AggregateOp::kLimitRatio) {
            const double ratio = std::clamp(param, -1.0, 1.0);
            if (ratio >= 0 ? offset < ratio : offset >= 1 + ratio) {
                keep(place, std::move(candidate));
            }
            return;
        }
        const double k = std::trunc(param);
        if (k < 1) {
            return;
        }
        if (op_ == AggregateOp::kLimitk) {
            if (static_cast<double>(place.size()) < k) {
                keep(place, std::move(candidate));
            }
            return;
        }
        if (candidate.histogram) {
            inputs_.context.annotations.histogram_ignored_in_aggregation(name_of(op_),
                                                                         inputs_.expr.position);
            return;
        }
        keep_best(place, std::move(candidate), k);
    }

    void keep(std::vector<Candidate>& place, Candidate candidate) {
        place.push_back(std::move(candidate));
        ++kept_;
    }

    // The place is a heap with the worst candidate on top.
    void keep_best(std::vector<Candidate>& place, Candidate candidate, double k) {
        const auto order = [this](const Candidate& a, const Candidate& b) { return better(a, b); };
        if (static_cast<double>(place.size()) < k) {
            keep(place, std::move(candidate));
            std::ranges::push_heap(place, order);
        } else if (better(candidate, place.front())) {
            std::ranges::pop_heap(place, order);
            place.back() = std::move(candidate);
            std::ranges::push_heap(place, order);
        }
    }

    // NaN is the worst; of equal values the earlier row is the better one.
    [[nodiscard]] bool better(const Candidate& a, const Candidate& b) const {
        const bool a_nan = std::isnan(a.value);
        const bool b_nan = std::isnan(b.value);
        if (a_nan || b_nan) {
            return a_nan == b_nan ? a.row < b.row : b_nan;
        }
        if (a.value == b.value) {
            return a.row < b.row;
        }
        return op_ == AggregateOp::kTopk ? a.value > b.value : a.value < b.value;
    }

    base::Result<Block> finish() {
        Block out;
        TRY(out.reset(inputs_.context.budget, 0, steps_));
        std::vector<uint32_t> places(rows_.size(), UINT32_MAX);
        Pace pace(inputs_.context);
        for (size_t i = 0; i < places_.size(); ++i) {
            TRY(pace.touch(places_[i].size() + 1));
            std::vector<Candidate>& place = places_[i];
            if (keeps_best()) {
                std::ranges::sort(
                    place, [this](const Candidate& a, const Candidate& b) { return better(a, b); });
            }
            for (Candidate& candidate : place) {
                uint32_t& row = places[candidate.row];
                if (row == UINT32_MAX) {
                    TRY(out.make_room(inputs_.context.budget));
                    row = static_cast<uint32_t>(out.add_row(rows_[candidate.row]));
                }
                if (candidate.histogram) {
                    out.set(row, i % steps_, std::move(candidate.histogram));
                } else {
                    out.set(row, i % steps_, candidate.value);
                }
            }
        }
        places_ = std::vector<std::vector<Candidate>>();
        bars_ = std::vector<double>();
        rows_ = std::vector<RowLabels>();
        memory_.reset();
        TRY(out.account(inputs_.context.budget));
        return out;
    }

    AggregateInputs inputs_;
    AggregateOp op_;
    size_t steps_;
    Grouping grouping_;
    HeldSamples held_;
    std::vector<double> params_;
    std::vector<RowLabels> rows_;
    std::vector<std::vector<Candidate>> places_;  // group × steps
    // By place: what is not better than this is not kept. NaN, than which nothing is worse:
    // unknown.
    std::vector<double> bars_;
    int64_t kept_ = 0;
    base::Reservation memory_;  // of the lists and of what they hold
    int64_t places_bytes_ = 0;
};

}  // namespace

OperatorPtr make_pick_aggregate(AggregateInputs inputs) {
    return std::make_unique<PickAggregate>(std::move(inputs));
}

}  // namespace query::exec
