#include "query/float_points.h"

#include <algorithm>
#include <bit>

namespace query {

void FloatPoints::Layout::look(std::span<const int64_t> times, std::span<const double> values) {
    if (count_ == 0 && !values.empty()) {
        value_ = std::bit_cast<uint64_t>(values.front());
    }
    for (const int64_t time : times) {
        const auto t = static_cast<uint64_t>(time);
        if (count_ == 0) {
            start_ = t;
        } else if (count_ == 1) {
            step_ = t - start_;
        } else {
            even_ = even_ && t - last_ == step_;
        }
        last_ = t;
        ++count_;
    }
    bool alike = true;  // asked at the end: that leaves a loop of vector instructions
    for (const double value : values) {
        alike &= std::bit_cast<uint64_t>(value) == value_;
    }
    alike_ = alike_ && alike;
}

size_t FloatPoints::Layout::time_bytes() const {
    return even_ ? 0 : count_ * sizeof(int64_t);
}

size_t FloatPoints::Layout::value_bytes() const {
    return std::min<size_t>(count_, alike_ ? 1 : count_) * sizeof(double);
}

size_t FloatPoints::Layout::bytes() const {
    return time_bytes() + value_bytes();
}

FloatPoints::FloatPoints(const Layout& layout)
    : start_(layout.start_), step_(layout.step_), alike_(layout.alike_) {
    if (const size_t bytes = layout.time_bytes(); bytes > 0) {
        times_ = std::make_unique_for_overwrite<int64_t[]>(bytes / sizeof(int64_t));
    }
    if (const size_t bytes = layout.value_bytes(); bytes > 0) {
        values_ = std::make_unique_for_overwrite<double[]>(bytes / sizeof(double));
    }
}

void FloatPoints::append(std::span<const int64_t> times, std::span<const double> values) {
    if (times_) {
        std::ranges::copy(times, times_.get() + filled_);
    }
    if (!alike_) {
        std::ranges::copy(values, values_.get() + filled_);
    } else if (filled_ == 0 && !values.empty()) {
        values_[0] = values.front();
    }
    filled_ += times.size();
}

}  // namespace query
