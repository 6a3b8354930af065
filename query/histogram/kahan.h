// Compensated summation (Kahan, in the form of Neumaier): the rounding errors of a sum are summed
// apart and added at the end.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

namespace query::histogram {

struct Kahan {
    double sum = 0;
    double error = 0;

    // Written so that it compiles without branches, which would be guessed wrong every other time.
    void add(double value) {
        const double next = sum + value;
        const double lost =
            std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
        error = std::isinf(next) ? 0 : error + lost;
        sum = next;
    }

    void scale(double factor) {
        sum *= factor;
        error *= factor;
    }

    void divide(double divisor) {
        sum /= divisor;
        error /= divisor;
    }

    [[nodiscard]] double value() const { return sum + error; }
};

// Four sums at once, each with the bits that a Kahan of its own has as long as it stays finite. One
// that does not is infinite or NaN in the end, too, and its error means nothing.
struct KahanLanes {
    static constexpr size_t kCount = 4;
    using Lanes = double __attribute__((vector_size(kCount * sizeof(double))));

    Lanes sum = {};
    Lanes error = {};

    void add(Lanes value) {
        const Lanes next = sum + value;
        error += __builtin_elementwise_abs(sum) >= __builtin_elementwise_abs(value)
                     ? (sum - next) + value
                     : (value - next) + sum;
        sum = next;
    }

    [[nodiscard]] Kahan lane(size_t i) const { return {sum[i], error[i]}; }
};

}  // namespace query::histogram
