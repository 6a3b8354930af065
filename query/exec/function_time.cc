// Dates (UTC) and times.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "query/exec/functions.h"
#include "query/exec/simple.h"

namespace query::exec {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month_day;
using std::chrono::year_month_day_last;

// Beyond these (about the year ±32767) the calendar ends; values outside are taken to the edge.
constexpr double kSecondsMin = -1.0e12;
constexpr double kSecondsMax = 0.97e12;

struct Moment {
    sys_seconds seconds;
    year_month_day date;

    explicit Moment(double value) {
        const double bounded =
            std::isnan(value) ? kSecondsMin : std::clamp(value, kSecondsMin, kSecondsMax);
        seconds = sys_seconds(std::chrono::seconds(static_cast<int64_t>(bounded)));
        date = year_month_day(floor<days>(seconds));
    }

    [[nodiscard]] int64_t second_of_day() const { return (seconds - floor<days>(seconds)).count(); }
};

double day_of_month(const Moment& at) {
    return static_cast<unsigned>(at.date.day());
}

double day_of_week(const Moment& at) {
    return std::chrono::weekday(floor<days>(at.seconds)).c_encoding();
}

double day_of_year(const Moment& at) {
    const sys_days first = at.date.year() / std::chrono::January / 1;
    return static_cast<double>((floor<days>(at.seconds) - first).count() + 1);
}

double days_in_month(const Moment& at) {
    const year_month_day_last last(at.date.year(), std::chrono::month_day_last(at.date.month()));
    return static_cast<unsigned>(last.day());
}

double hour(const Moment& at) {
    return static_cast<double>(at.second_of_day() / 3600);
}

double minute(const Moment& at) {
    return static_cast<double>(at.second_of_day() / 60 % 60);
}

double month(const Moment& at) {
    return static_cast<unsigned>(at.date.month());
}

double year(const Moment& at) {
    return static_cast<int>(at.date.year());
}

using DateFunction = double (*)(const Moment&);

DateFunction function_of(FunctionId id) {
    switch (id) {
        case FunctionId::kDayOfMonth:
            return day_of_month;
        case FunctionId::kDayOfWeek:
            return day_of_week;
        case FunctionId::kDayOfYear:
            return day_of_year;
        case FunctionId::kDaysInMonth:
            return days_in_month;
        case FunctionId::kHour:
            return hour;
        case FunctionId::kMinute:
            return minute;
        case FunctionId::kMonth:
            return month;
        case FunctionId::kYear:
            return year;
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
            out.present(r).for_each(
                [&](size_t step) { values[step] = function_(Moment(values[step])); });
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
            out.present(r).for_each([&](size_t step) {
                out.set(r, step, static_cast<double>(inputs_.node.grid.at(step)) / 1000);
                out.drop_histogram(r, step);
            });
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
