// The floats of one series of an answer, in the room that they need: an answer is held whole until
// it is sent, so it is most of what a query takes that selects much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>

namespace query {

struct FloatPoint {
    int64_t t = 0;
    double v = 0;
};

// Points in time order that do not change any more. Times that lie equally far apart take no room
// of their own, and values that are all the same that of one.
class FloatPoints {
  public:
    // How points are to lie, found out by looking at all of them, in as many parts as one likes.
    class Layout {
      public:
        void look(std::span<const int64_t> times, std::span<const double> values);

        // What the points will take beside the object.
        [[nodiscard]] size_t bytes() const;

      private:
        friend class FloatPoints;

        [[nodiscard]] size_t time_bytes() const;
        [[nodiscard]] size_t value_bytes() const;

        size_t count_ = 0;
        uint64_t start_ = 0;  // unsigned: the distance of any two times fits
        uint64_t step_ = 0;   // between the first two
        uint64_t last_ = 0;
        uint64_t value_ = 0;  // the bits of the first one
        bool even_ = true;    // the times lie `step_` apart
        bool alike_ = true;   // the values have the same bits
    };

    FloatPoints() = default;
    // Room for the points that were looked at; append() fills it.
    explicit FloatPoints(const Layout& layout);

    // The next points, of those that were looked at.
    void append(std::span<const int64_t> times, std::span<const double> values);

    [[nodiscard]] size_t size() const { return filled_; }

    [[nodiscard]] bool empty() const { return filled_ == 0; }

    [[nodiscard]] FloatPoint operator[](size_t i) const {
        return {times_ ? times_[i] : static_cast<int64_t>(start_ + i * step_),
                values_[alike_ ? 0 : i]};
    }

    [[nodiscard]] FloatPoint back() const { return (*this)[filled_ - 1]; }

    class Iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = FloatPoint;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = FloatPoint;

        Iterator() = default;

        Iterator(const FloatPoints& points, size_t i) : points_(&points), i_(i) {}

        FloatPoint operator*() const { return (*points_)[i_]; }

        Iterator& operator++() {
            ++i_;
            return *this;
        }

        Iterator operator++(int) {
            const Iterator before = *this;
            ++i_;
            return before;
        }

        bool operator==(const Iterator&) const = default;

      private:
        const FloatPoints* points_ = nullptr;
        size_t i_ = 0;
    };

    [[nodiscard]] Iterator begin() const { return {*this, 0}; }

    [[nodiscard]] Iterator end() const { return {*this, filled_}; }

  private:
    uint64_t start_ = 0;
    uint64_t step_ = 0;
    std::unique_ptr<int64_t[]> times_;  // null: they lie `step_` apart
    std::unique_ptr<double[]> values_;  // one when they are alike
    size_t filled_ = 0;
    bool alike_ = true;
};

}  // namespace query
