// The table of PromQL's functions: names, signatures, whether experimental.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "query/types.h"

namespace query {

// One enumerator per function, in the order of the table (which is the order of names).
enum class FunctionId : uint8_t {
    kAbs,
    kAbsent,
    kAbsentOverTime,
    kAcos,
    kAcosh,
    kAsin,
    kAsinh,
    kAtan,
    kAtanh,
    kAvgOverTime,
    kCeil,
    kChanges,
    kClamp,
    kClampMax,
    kClampMin,
    kCos,
    kCosh,
    kCountOverTime,
    kDayOfMonth,
    kDayOfWeek,
    kDayOfYear,
    kDaysInMonth,
    kDeg,
    kDelta,
    kDeriv,
    kDoubleExponentialSmoothing,
    kEnd,
    kExp,
    kFirstOverTime,
    kFloor,
    kHistogramAvg,
    kHistogramCount,
    kHistogramFraction,
    kHistogramQuantile,
    kHistogramQuantiles,
    kHistogramStddev,
    kHistogramStdvar,
    kHistogramSum,
    kHour,
    kIdelta,
    kIncrease,
    kInfo,
    kIrate,
    kLabelJoin,
    kLabelReplace,
    kLastOverTime,
    kLn,
    kLog10,
    kLog2,
    kMadOverTime,
    kMaxOf,
    kMaxOverTime,
    kMinOf,
    kMinOverTime,
    kMinute,
    kMonth,
    kPi,
    kPredictLinear,
    kPresentOverTime,
    kQuantileOverTime,
    kRad,
    kRange,
    kRate,
    kResets,
    kRound,
    kScalar,
    kSgn,
    kSin,
    kSinh,
    kSort,
    kSortByLabel,
    kSortByLabelDesc,
    kSortDesc,
    kSqrt,
    kStart,
    kStartTimestamp,
    kStddevOverTime,
    kStdvarOverTime,
    kStep,
    kSumOverTime,
    kTan,
    kTanh,
    kTime,
    kTimestamp,
    kTsOfFirstOverTime,
    kTsOfLastOverTime,
    kTsOfMaxOverTime,
    kTsOfMinOverTime,
    kVector,
    kYear,
};

inline constexpr size_t kFunctionArgTypesMax = 5;
inline constexpr int kVariadicUnlimited = -1;

struct Function {
    FunctionId id;
    std::string_view name;
    ValueType arg_types[kFunctionArgTypesMax];
    uint8_t arg_count;  // how many of arg_types are used
    // 0: exactly arg_count arguments. n > 0: the last argument type may be left out, or be given
    // up to n times. kVariadicUnlimited: it may be left out or repeated without end.
    int8_t variadic;
    ValueType return_type;
    bool experimental;

    [[nodiscard]] std::span<const ValueType> args() const { return {arg_types, arg_count}; }

    // Fewest and most arguments; the latter kVariadicUnlimited when there is no bound.
    [[nodiscard]] int args_min() const;
    [[nodiscard]] int args_max() const;

    // The type that the argument at `index` must have.
    [[nodiscard]] ValueType arg_type(size_t index) const;
};

// All functions, sorted by name.
[[nodiscard]] std::span<const Function> all_functions();

// The function of that exact name (function names are case-sensitive), or null.
[[nodiscard]] const Function* find_function(std::string_view name);

[[nodiscard]] const Function& function(FunctionId id);

}  // namespace query
