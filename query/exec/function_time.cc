// Dates (UTC) and times.
#include "query/exec/calendar.h"
#include "query/exec/functions.h"
#include "query/exec/pieces.h"
#include "query/exec/simple.h"

namespace query::exec {
namespace {

using DateFunction = double (*)(const Moment&);

DateFunction function_of(FunctionId id) {
    switch (id) {
        case FunctionId::kDayOfMonth:
            return [](const Moment& at) -> double { return at.day(); };
        case FunctionId::kDayOfWeek:
            return [](const Moment& at) -> double { return at.day_of_week(); };
        case FunctionId::kDayOfYear:
            return [](const Moment& at) -> double { return at.day_of_year(); };
        case FunctionId::kDaysInMonth:
            return [](const Moment& at) -> double { return at.days_in_month(); };
        case FunctionId::kHour:
            return [](const Moment& at) -> double { return at.hour(); };
        case FunctionId::kMinute:
            return [](const Moment& at) -> double { return at.minute(); };
        case FunctionId::kMonth:
            return [](const Moment& at) -> double { return at.month(); };
        case FunctionId::kYear:
            return [](const Moment& at) { return static_cast<double>(at.year()); };
        default:
            return nullptr;
    }
}

class DateOperator final : public Operator {
  public:
    // `of_time`: the input is the time itself, without labels to drop.
    DateOperator(OperatorPtr input, bool of_time, DateFunction function, ExecContext& context)
        : input_(std::move(input)), of_time_(of_time), function_(function), context_(context) {}

    base::Result<bool> next(Block& out) override {
        TRY(const bool more, input_->next(out));
        out.erase_histograms();
        for (size_t r = 0; r < out.rows(); ++r) {
            double* values = out.values(r);
            TRY(for_each_set(context_, out.present(r), [&](size_t step) {
                values[step] = function_(Moment(values[step]));
            }));
            if (!of_time_) {
                context_.drop_name(out.row(r));
            }
        }
        return more;
    }

  private:
    OperatorPtr input_;
    bool of_time_;
    DateFunction function_;
    ExecContext& context_;
};

// timestamp() of anything but a selector: the time of the step wherever there is a value.
class StepTimeOperator final : public Operator {
  public:
    explicit StepTimeOperator(FunctionInputs inputs) : inputs_(std::move(inputs)) {}

    base::Result<bool> next(Block& out) override {
        TRY(const bool more, inputs_.inputs[0]->next(out));
        for (size_t r = 0; r < out.rows(); ++r) {
            TRY(for_each_set(inputs_.context, out.present(r), [&](size_t step) {
                out.set(r, step, static_cast<double>(inputs_.node.grid.at(step)) / 1000);
                out.drop_histogram(r, step);
            }));
            inputs_.context.drop_name(out.row(r));
        }
        return more;
    }

  private:
    FunctionInputs inputs_;
};

// start_timestamp() of anything but a selector: nothing is known.
class NothingOperator final : public Operator {
  public:
    base::Result<bool> next(Block& out) override {
        out.clear();
        return false;
    }
};

}  // namespace

OperatorPtr make_time_function(FunctionInputs& inputs) {
    const FunctionId id = inputs.call.function->id;
    if (const DateFunction function = function_of(id)) {
        const bool of_time = inputs.inputs.empty();
        OperatorPtr input =
            of_time ? make_time(inputs.node.grid, inputs.context) : std::move(inputs.inputs[0]);
        return std::make_unique<DateOperator>(std::move(input), of_time, function, inputs.context);
    }
    if (id == FunctionId::kTimestamp) {
        return std::make_unique<StepTimeOperator>(std::move(inputs));
    }
    if (id == FunctionId::kStartTimestamp) {
        return std::make_unique<NothingOperator>();
    }
    return nullptr;
}

}  // namespace query::exec
