#include "query/functions.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace query {
namespace {

constexpr ValueType kScalar = ValueType::kScalar;
constexpr ValueType kVector = ValueType::kVector;
constexpr ValueType kMatrix = ValueType::kMatrix;
constexpr ValueType kString = ValueType::kString;
constexpr bool kStable = false;
constexpr bool kExperimental = true;

// clang-format off
constexpr Function kFunctions[] = {
    {FunctionId::kAbs, "abs", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kAbsent, "absent", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kAbsentOverTime, "absent_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kAcos, "acos", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kAcosh, "acosh", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kAsin, "asin", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kAsinh, "asinh", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kAtan, "atan", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kAtanh, "atanh", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kAvgOverTime, "avg_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kCeil, "ceil", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kChanges, "changes", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kClamp, "clamp", {kVector, kScalar, kScalar}, 3, 0, kVector, kStable},
    {FunctionId::kClampMax, "clamp_max", {kVector, kScalar}, 2, 0, kVector, kStable},
    {FunctionId::kClampMin, "clamp_min", {kVector, kScalar}, 2, 0, kVector, kStable},
    {FunctionId::kCos, "cos", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kCosh, "cosh", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kCountOverTime, "count_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kDayOfMonth, "day_of_month", {kVector}, 1, 1, kVector, kStable},
    {FunctionId::kDayOfWeek, "day_of_week", {kVector}, 1, 1, kVector, kStable},
    {FunctionId::kDayOfYear, "day_of_year", {kVector}, 1, 1, kVector, kStable},
    {FunctionId::kDaysInMonth, "days_in_month", {kVector}, 1, 1, kVector, kStable},
    {FunctionId::kDeg, "deg", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kDelta, "delta", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kDeriv, "deriv", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kDoubleExponentialSmoothing, "double_exponential_smoothing", {kMatrix, kScalar, kScalar}, 3, 0, kVector, kExperimental},
    {FunctionId::kEnd, "end", {}, 0, 0, kScalar, kExperimental},
    {FunctionId::kExp, "exp", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kFirstOverTime, "first_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kFloor, "floor", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kHistogramAvg, "histogram_avg", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kHistogramCount, "histogram_count", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kHistogramFraction, "histogram_fraction", {kScalar, kScalar, kVector}, 3, 0, kVector, kStable},
    {FunctionId::kHistogramQuantile, "histogram_quantile", {kScalar, kVector}, 2, 0, kVector, kStable},
    {FunctionId::kHistogramQuantiles, "histogram_quantiles", {kVector, kString, kScalar, kScalar}, 4, 9, kVector, kExperimental},
    {FunctionId::kHistogramStddev, "histogram_stddev", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kHistogramStdvar, "histogram_stdvar", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kHistogramSum, "histogram_sum", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kHour, "hour", {kVector}, 1, 1, kVector, kStable},
    {FunctionId::kIdelta, "idelta", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kIncrease, "increase", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kInfo, "info", {kVector, kVector}, 2, 1, kVector, kExperimental},
    {FunctionId::kIrate, "irate", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kLabelJoin, "label_join", {kVector, kString, kString, kString}, 4, kVariadicUnlimited, kVector, kStable},
    {FunctionId::kLabelReplace, "label_replace", {kVector, kString, kString, kString, kString}, 5, 0, kVector, kStable},
    {FunctionId::kLastOverTime, "last_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kLn, "ln", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kLog10, "log10", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kLog2, "log2", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kMadOverTime, "mad_over_time", {kMatrix}, 1, 0, kVector, kExperimental},
    {FunctionId::kMaxOf, "max_of", {kScalar, kScalar}, 2, 0, kScalar, kExperimental},
    {FunctionId::kMaxOverTime, "max_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kMinOf, "min_of", {kScalar, kScalar}, 2, 0, kScalar, kExperimental},
    {FunctionId::kMinOverTime, "min_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kMinute, "minute", {kVector}, 1, 1, kVector, kStable},
    {FunctionId::kMonth, "month", {kVector}, 1, 1, kVector, kStable},
    {FunctionId::kPi, "pi", {}, 0, 0, kScalar, kStable},
    {FunctionId::kPredictLinear, "predict_linear", {kMatrix, kScalar}, 2, 0, kVector, kStable},
    {FunctionId::kPresentOverTime, "present_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kQuantileOverTime, "quantile_over_time", {kScalar, kMatrix}, 2, 0, kVector, kStable},
    {FunctionId::kRad, "rad", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kRange, "range", {}, 0, 0, kScalar, kExperimental},
    {FunctionId::kRate, "rate", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kResets, "resets", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kRound, "round", {kVector, kScalar}, 2, 1, kVector, kStable},
    {FunctionId::kScalar, "scalar", {kVector}, 1, 0, kScalar, kStable},
    {FunctionId::kSgn, "sgn", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kSin, "sin", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kSinh, "sinh", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kSort, "sort", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kSortByLabel, "sort_by_label", {kVector, kString}, 2, kVariadicUnlimited, kVector, kExperimental},
    {FunctionId::kSortByLabelDesc, "sort_by_label_desc", {kVector, kString}, 2, kVariadicUnlimited, kVector, kExperimental},
    {FunctionId::kSortDesc, "sort_desc", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kSqrt, "sqrt", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kStart, "start", {}, 0, 0, kScalar, kExperimental},
    {FunctionId::kStartTimestamp, "start_timestamp", {kVector}, 1, 0, kVector, kExperimental},
    {FunctionId::kStddevOverTime, "stddev_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kStdvarOverTime, "stdvar_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kStep, "step", {}, 0, 0, kScalar, kExperimental},
    {FunctionId::kSumOverTime, "sum_over_time", {kMatrix}, 1, 0, kVector, kStable},
    {FunctionId::kTan, "tan", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kTanh, "tanh", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kTime, "time", {}, 0, 0, kScalar, kStable},
    {FunctionId::kTimestamp, "timestamp", {kVector}, 1, 0, kVector, kStable},
    {FunctionId::kTsOfFirstOverTime, "ts_of_first_over_time", {kMatrix}, 1, 0, kVector, kExperimental},
    {FunctionId::kTsOfLastOverTime, "ts_of_last_over_time", {kMatrix}, 1, 0, kVector, kExperimental},
    {FunctionId::kTsOfMaxOverTime, "ts_of_max_over_time", {kMatrix}, 1, 0, kVector, kExperimental},
    {FunctionId::kTsOfMinOverTime, "ts_of_min_over_time", {kMatrix}, 1, 0, kVector, kExperimental},
    {FunctionId::kVector, "vector", {kScalar}, 1, 0, kVector, kStable},
    {FunctionId::kYear, "year", {kVector}, 1, 1, kVector, kStable},
};
// clang-format on

constexpr bool table_is_in_order() {
    for (size_t i = 0; i < std::size(kFunctions); ++i) {
        if (static_cast<size_t>(kFunctions[i].id) != i) {
            return false;
        }
        if (i > 0 && !(kFunctions[i - 1].name < kFunctions[i].name)) {
            return false;
        }
    }
    return true;
}

static_assert(table_is_in_order(), "the table follows FunctionId and is sorted by name");

}  // namespace

int Function::args_min() const {
    return variadic == 0 ? arg_count : arg_count - 1;
}

int Function::args_max() const {
    if (variadic == kVariadicUnlimited) {
        return kVariadicUnlimited;
    }
    return variadic == 0 ? arg_count : arg_count - 1 + variadic;
}

ValueType Function::arg_type(size_t index) const {
    SKEIN_CHECK(arg_count > 0, "the function takes no arguments");
    return arg_types[std::min<size_t>(index, arg_count - 1U)];
}

std::span<const Function> all_functions() {
    return kFunctions;
}

const Function* find_function(std::string_view name) {
    const auto* found = std::ranges::lower_bound(kFunctions, name, {}, &Function::name);
    return found != std::end(kFunctions) && found->name == name ? found : nullptr;
}

const Function& function(FunctionId id) {
    return kFunctions[static_cast<size_t>(id)];
}

}  // namespace query
