// Compensated summation (Kahan, in the form of Neumaier): the rounding errors of a sum are summed
// apart and added at the end.
#pragma once

#include <cmath>

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

}  // namespace query::histogram
