// Functions of one float: roots, logarithms, angles, rounding, clamping.
#include <cmath>
#include <limits>
#include <numbers>

#include "query/exec/functions.h"
#include "query/exec/pieces.h"

namespace query::exec {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Maps every float, whole rows at a time; histograms are left out. Absent places are computed too,
// which is cheaper than asking.
class MapOperator final : public Operator {
  public:
    MapOperator(OperatorPtr input, double (*function)(double), ExecContext& context)
        : input_(std::move(input)), function_(function), context_(context) {}

    base::Result<bool> next(Block& out) override {
        TRY(const bool more, input_->next(out));
        out.erase_histograms();
        for (size_t r = 0; r < out.rows(); ++r) {
            double* values = out.values(r);
            TRY(in_pieces(context_, out.steps(), [&](size_t begin, size_t end) {
                for (size_t step = begin; step < end; ++step) {
                    values[step] = function_(values[step]);
                }
            }));
            context_.drop_name(out.row(r));
        }
        return more;
    }

  private:
    OperatorPtr input_;
    double (*function_)(double);
    ExecContext& context_;
};

// clamp, clamp_min, clamp_max, round: a function of the value and of scalars of the step.
class ScalarMapOperator final : public Operator {
  public:
    using Function = double (*)(double value, double a, double b);

    ScalarMapOperator(FunctionInputs inputs, Function function)
        : inputs_(std::move(inputs)), function_(function) {}

    base::Result<bool> next(Block& out) override {
        TRY(start());
        TRY(const bool more, inputs_.inputs[0]->next(out));
        out.erase_histograms();
        for (size_t r = 0; r < out.rows(); ++r) {
            double* values = out.values(r);
            Bits present = out.present(r);
            TRY(in_pieces(inputs_.context, out.steps(), [&](size_t begin, size_t end) {
                for (size_t step = begin; step < end; ++step) {
                    values[step] = function_(values[step], a_[step], b_[step]);
                }
            }));
            for (const size_t step : impossible_) {
                present.clear(step);
            }
            inputs_.context.drop_name(out.row(r));
        }
        return more;
    }

  private:
    base::Status start() {
        if (!a_.empty() || inputs_.steps() == 0) {
            return base::success();
        }
        const size_t steps = inputs_.steps();
        const FunctionId id = inputs_.call.function->id;
        const double low = id == FunctionId::kRound ? 1 : -kInfinity;
        a_.assign(steps, low);
        b_.assign(steps, kInfinity);
        if (inputs_.inputs.size() > 1) {
            std::vector<double>& first = id == FunctionId::kClampMax ? b_ : a_;
            TRY(first, read_scalar(*inputs_.inputs[1], inputs_.context, steps));
        }
        if (inputs_.inputs.size() > 2) {
            TRY(b_, read_scalar(*inputs_.inputs[2], inputs_.context, steps));
        }
        for (size_t step = 0; id != FunctionId::kRound && step < steps; ++step) {
            if (b_[step] < a_[step]) {
                impossible_.push_back(step);
            }
        }
        return base::success();
    }

    FunctionInputs inputs_;
    Function function_;
    std::vector<double> a_, b_;
    std::vector<size_t> impossible_;  // steps where clamp's bounds are the wrong way round
};

// max_of, min_of: of two scalars.
class ExtremeOperator final : public Operator {
  public:
    ExtremeOperator(FunctionInputs inputs, double (*function)(double, double))
        : inputs_(std::move(inputs)), function_(function) {}

    base::Result<bool> next(Block& out) override {
        TRY(const bool more, inputs_.inputs[0]->next(out));
        if (more) {
            TRY(const auto other,
                read_scalar(*inputs_.inputs[1], inputs_.context, inputs_.steps()));
            double* values = out.values(0);
            for (size_t step = 0; step < out.steps(); ++step) {
                values[step] = function_(values[step], other[step]);
            }
        }
        return more;
    }

  private:
    FunctionInputs inputs_;
    double (*function_)(double, double);
};

double sign(double value) {
    return value < 0 ? -1 : (value > 0 ? 1 : value);
}

double radians(double value) {
    return value * std::numbers::pi / 180;
}

double degrees(double value) {
    return value * 180 / std::numbers::pi;
}

double clamp(double value, double low, double high) {
    return max_of(low, min_of(high, value));
}

double round_to(double value, double nearest, double) {
    const double inverse = 1.0 / nearest;
    return std::floor(value * inverse + 0.5) / inverse;
}

using Function = double (*)(double);

Function function_of(FunctionId id) {
    switch (id) {
        case FunctionId::kAbs:
            return [](double v) { return std::fabs(v); };
        case FunctionId::kAcos:
            return [](double v) { return std::acos(v); };
        case FunctionId::kAcosh:
            return [](double v) { return std::acosh(v); };
        case FunctionId::kAsin:
            return [](double v) { return std::asin(v); };
        case FunctionId::kAsinh:
            return [](double v) { return std::asinh(v); };
        case FunctionId::kAtan:
            return [](double v) { return std::atan(v); };
        case FunctionId::kAtanh:
            return [](double v) { return std::atanh(v); };
        case FunctionId::kCeil:
            return [](double v) { return std::ceil(v); };
        case FunctionId::kCos:
            return [](double v) { return std::cos(v); };
        case FunctionId::kCosh:
            return [](double v) { return std::cosh(v); };
        case FunctionId::kDeg:
            return degrees;
        case FunctionId::kExp:
            return [](double v) { return std::exp(v); };
        case FunctionId::kFloor:
            return [](double v) { return std::floor(v); };
        case FunctionId::kLn:
            return [](double v) { return std::log(v); };
        case FunctionId::kLog10:
            return [](double v) { return std::log10(v); };
        case FunctionId::kLog2:
            return [](double v) { return std::log2(v); };
        case FunctionId::kRad:
            return radians;
        case FunctionId::kSgn:
            return sign;
        case FunctionId::kSin:
            return [](double v) { return std::sin(v); };
        case FunctionId::kSinh:
            return [](double v) { return std::sinh(v); };
        case FunctionId::kSqrt:
            return [](double v) { return std::sqrt(v); };
        case FunctionId::kTan:
            return [](double v) { return std::tan(v); };
        case FunctionId::kTanh:
            return [](double v) { return std::tanh(v); };
        default:
            return nullptr;
    }
}

}  // namespace

double max_of(double a, double b) {
    if (a == kInfinity || b == kInfinity) {
        return kInfinity;
    }
    if (std::isnan(a) || std::isnan(b)) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    return a > b || (a == b && !std::signbit(a)) ? a : b;
}

double min_of(double a, double b) {
    if (a == -kInfinity || b == -kInfinity) {
        return -kInfinity;
    }
    if (std::isnan(a) || std::isnan(b)) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    return a < b || (a == b && std::signbit(a)) ? a : b;
}

OperatorPtr make_math_function(FunctionInputs& inputs) {
    const FunctionId id = inputs.call.function->id;
    if (Function function = function_of(id)) {
        return std::make_unique<MapOperator>(std::move(inputs.inputs[0]), function, inputs.context);
    }
    switch (id) {
        case FunctionId::kClamp:
        case FunctionId::kClampMax:
        case FunctionId::kClampMin:
            return std::make_unique<ScalarMapOperator>(std::move(inputs), clamp);
        case FunctionId::kRound:
            return std::make_unique<ScalarMapOperator>(std::move(inputs), round_to);
        case FunctionId::kMaxOf:
            return std::make_unique<ExtremeOperator>(std::move(inputs), max_of);
        case FunctionId::kMinOf:
            return std::make_unique<ExtremeOperator>(std::move(inputs), min_of);
        default:
            return nullptr;
    }
}

}  // namespace query::exec
