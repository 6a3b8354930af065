#include "query/duration.h"

#include <cmath>
#include <string>
#include <utility>

namespace query {
namespace {

using base::Code;
using base::Result;

// Durations reach as far as nanoseconds in 63 bits do, about 292 years.
constexpr double kSecondsMax = 9223372036.854775807;

auto fail_at(const DurationExpr& expr, const char* what) {
    std::string message = std::to_string(expr.position.start);
    message += ':';
    message += std::to_string(expr.position.end);
    message += ": ";
    message += what;
    return base::fail(base::Error(Code::kInvalid, std::move(message)));
}

Result<double> seconds_of(const DurationExpr& expr, const QueryTimes& times);

Result<double> binary_seconds(const DurationExpr& expr, double lhs, double rhs) {
    switch (expr.op) {
        case BinaryOp::kAdd:
            return lhs + rhs;
        case BinaryOp::kSub:
            return lhs - rhs;
        case BinaryOp::kMul:
            return lhs * rhs;
        case BinaryOp::kDiv:
            if (rhs == 0) {
                return fail_at(expr, "division by zero");
            }
            return lhs / rhs;
        case BinaryOp::kMod:
            if (rhs == 0) {
                return fail_at(expr, "modulo by zero");
            }
            return std::fmod(lhs, rhs);
        case BinaryOp::kPow:
            return std::pow(lhs, rhs);
        default:
            return fail_at(expr, "operator is not allowed in a duration");
    }
}

double smaller(double a, double b) {
    return std::isnan(a) || std::isnan(b) ? std::nan("") : std::fmin(a, b);
}

double larger(double a, double b) {
    return std::isnan(a) || std::isnan(b) ? std::nan("") : std::fmax(a, b);
}

Result<double> seconds_of(const DurationExpr& expr, const QueryTimes& times) {
    constexpr double kMillisPerSecond = 1000;
    double lhs = 0;
    double rhs = 0;
    if (expr.lhs) {
        TRY(lhs, seconds_of(*expr.lhs, times));
    }
    if (expr.rhs) {
        TRY(rhs, seconds_of(*expr.rhs, times));
    }
    switch (expr.kind) {
        case DurationKind::kNumber:
            return expr.seconds;
        case DurationKind::kStep:
            return static_cast<double>(times.step_ms) / kMillisPerSecond;
        case DurationKind::kRange:
            return static_cast<double>(times.end_ms - times.start_ms) / kMillisPerSecond;
        case DurationKind::kUnary:
            return expr.op == BinaryOp::kSub ? -lhs : lhs;
        case DurationKind::kBinary:
            return binary_seconds(expr, lhs, rhs);
        case DurationKind::kMinOf:
            return smaller(lhs, rhs);
        case DurationKind::kMaxOf:
            return larger(lhs, rhs);
    }
    return fail_at(expr, "unknown kind of duration");
}

}  // namespace

Result<int64_t> resolve(const DurationSpec& duration, const QueryTimes& times, DurationUse use) {
    constexpr double kMillisPerSecond = 1000;
    if (duration.is_constant()) {
        return duration.millis;
    }
    const DurationExpr& expr = *duration.expr;
    TRY(const double seconds, seconds_of(expr, times));
    if (!std::isfinite(seconds)) {
        return fail_at(expr, "duration is NaN or infinite");
    }
    if (seconds <= 0 && use == DurationUse::kPositive) {
        return fail_at(expr, "duration must be greater than 0");
    }
    if (std::fabs(seconds) > kSecondsMax) {
        return fail_at(expr, "duration is out of range");
    }
    const auto millis = static_cast<int64_t>(seconds * kMillisPerSecond);
    if (millis == 0 && use == DurationUse::kPositive) {
        return fail_at(expr, "duration must be at least 1ms");
    }
    return millis;
}

}  // namespace query
