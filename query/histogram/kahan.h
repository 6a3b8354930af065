// Compensated summation (Kahan, in the form of Neumaier): the rounding errors of a sum are summed
// apart and added at the end.
#pragma once

#include <cmath>

namespace query::histogram {

struct Kahan {
    double sum = 0;
    double error = 0;

    void add(double value) {
        const double next = sum + value;
        if (std::isinf(next)) {
            error = 0;
        } else if (std::fabs(sum) >= std::fabs(value)) {
            error += (sum - next) + value;
        } else {
            error += (value - next) + sum;
        }
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
