#include "query/exec/simple.h"

#include "query/exec/pieces.h"
#include "query/histogram/arithmetic.h"

namespace query::exec {
namespace {

// One row without labels, filled by fill(values, first step).
template <class Fill>
class ScalarOperator final : public Operator {
  public:
    ScalarOperator(size_t steps, ExecContext& context, Fill fill)
        : steps_(steps), context_(context), fill_(fill) {}

    base::Result<bool> next(Block& out) override {
        TRY(out.reset(context_.budget, 1, steps_));
        if (done_) {
            return false;
        }
        done_ = true;
        const size_t row = out.add_row({});
        double* values = out.values(row);
        TRY(in_pieces(context_, steps_, [&](size_t begin, size_t end) {
            fill_(std::span<double>(values + begin, end - begin), begin);
        }));
        if (steps_ > 0) {
            out.present(row).fill();
        }
        return true;
    }

  private:
    size_t steps_;
    ExecContext& context_;
    Fill fill_;
    bool done_ = false;
};

class BroadcastOperator final : public Operator {
  public:
    BroadcastOperator(OperatorPtr input, size_t steps, ExecContext& context)
        : input_(std::move(input)), steps_(steps), context_(context) {}

    base::Result<bool> next(Block& out) override {
        const size_t rows = rows_per_block(steps_);
        TRY(out.reset(context_.budget, rows, steps_));
        while (out.rows() < rows) {
            if (row_ >= in_.rows()) {
                row_ = 0;
                TRY(context_.check());
                TRY(const bool more, input_->next(in_));
                if (!more) {
                    break;
                }
            }
            if (in_.present(row_).get(0)) {
                repeat(out, row_);
            }
            ++row_;
        }
        TRY(out.account(context_.budget));
        return !out.empty();
    }

  private:
    void repeat(Block& out, size_t from) {
        const size_t row = out.add_row(in_.row(from));
        if (const HistogramPtr& histogram = in_.histogram(from, 0)) {
            for (size_t step = 0; step < steps_; ++step) {
                out.set(row, step, histogram);
            }
            return;
        }
        std::fill_n(out.values(row), steps_, in_.values(from)[0]);
        out.present(row).fill();
    }

    OperatorPtr input_;
    size_t steps_;
    ExecContext& context_;
    Block in_;
    size_t row_ = 0;
};

class NegateOperator final : public Operator {
  public:
    NegateOperator(OperatorPtr input, bool scalar, ExecContext& context)
        : input_(std::move(input)), scalar_(scalar), context_(context) {}

    base::Result<bool> next(Block& out) override {
        TRY(const bool more, input_->next(out));
        for (size_t r = 0; r < out.rows(); ++r) {
            double* values = out.values(r);
            TRY(in_pieces(context_, out.steps(), [&](size_t begin, size_t end) {
                for (size_t step = begin; step < end; ++step) {
                    values[step] = -values[step];
                }
            }));
            if (!scalar_) {
                context_.drop_name(out.row(r));
            }
            if (out.has_histograms()) {
                TRY(negate_histograms(out, r));
            }
        }
        return more;
    }

  private:
    base::Status negate_histograms(Block& out, size_t r) {
        base::Status status = base::success();
        out.present(r).for_each([&](size_t step) {
            const HistogramPtr histogram = status ? out.histogram(r, step) : nullptr;
            if (histogram != nullptr) {
                status = pace_.touch_histograms(sample_weight(*histogram));
                out.set(r,
                        step,
                        HistogramPtr(std::make_shared<model::FloatHistogram>(
                            histogram::scaled(*histogram, -1))));
            }
        });
        return status;
    }

    OperatorPtr input_;
    bool scalar_;
    ExecContext& context_;
    Pace pace_{context_};
};

class SharedReader final : public Operator {
  public:
    explicit SharedReader(std::shared_ptr<SharedResult> shared) : shared_(std::move(shared)) {}

    base::Result<bool> next(Block& out) override { return shared_->copy(index_++, out); }

  private:
    std::shared_ptr<SharedResult> shared_;
    size_t index_ = 0;
};

template <class Fill>
OperatorPtr make_scalar(size_t steps, ExecContext& context, Fill fill) {
    return std::make_unique<ScalarOperator<Fill>>(steps, context, fill);
}

}  // namespace

OperatorPtr make_number(double value, size_t steps, ExecContext& context) {
    return make_scalar(
        steps, context, [value](std::span<double> out, size_t) { std::ranges::fill(out, value); });
}

OperatorPtr make_time(const Grid& grid, ExecContext& context) {
    return make_scalar(grid.count, context, [grid](std::span<double> out, size_t first) {
        for (size_t step = 0; step < out.size(); ++step) {
            out[step] = static_cast<double>(grid.at(first + step)) / 1000;
        }
    });
}

OperatorPtr make_broadcast(OperatorPtr input, size_t steps, ExecContext& context) {
    return std::make_unique<BroadcastOperator>(std::move(input), steps, context);
}

OperatorPtr make_negate(OperatorPtr input, bool scalar, ExecContext& context) {
    return std::make_unique<NegateOperator>(std::move(input), scalar, context);
}

SharedResult::SharedResult(OperatorPtr input, ExecContext& context)
    : input_(std::move(input)), context_(context), table_(context) {}

base::Result<bool> SharedResult::copy(size_t index, Block& out) {
    if (!drained_) {
        drained_ = true;
        TRY(table_.drain(*input_, context_));
        input_.reset();
    }
    if (index >= table_.blocks().size()) {
        out.clear();
        return false;
    }
    const Block& from = table_.blocks()[index];
    TRY(out.reset(context_.budget, from.rows(), from.steps()));
    for (size_t r = 0; r < from.rows(); ++r) {
        out.copy_row(out.add_row(from.row(r)), from, r);
    }
    TRY(out.account(context_.budget));
    return true;
}

OperatorPtr make_reader(std::shared_ptr<SharedResult> shared) {
    return std::make_unique<SharedReader>(std::move(shared));
}

}  // namespace query::exec
