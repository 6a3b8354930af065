// Histograms for tests: some with known bytes, and random ones that grow as counters do.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/random.h"
#include "model/histogram.h"
#include "model/histogram_layout.h"
#include "model/sample.h"

namespace test_model {

inline constexpr int64_t kGoldenT0 = 1700000000000;

// Steps of time that grow.
inline int64_t wide_gaps(size_t i) {
    return kGoldenT0 + static_cast<int64_t>(i * i) * 40000000;
}

template <class AnyHistogram>
[[nodiscard]] AnyHistogram stale() {
    AnyHistogram histogram;
    histogram.sum = model::kStaleNan;
    return histogram;
}

[[nodiscard]] std::vector<model::Histogram> golden_counter();
[[nodiscard]] std::vector<model::Histogram> golden_gauge();
[[nodiscard]] std::vector<model::Histogram> golden_both();
[[nodiscard]] std::vector<model::Histogram> golden_custom();
[[nodiscard]] std::vector<model::Histogram> golden_wide();

// A histogram that changes as a scraped one does: it counts on, gets new buckets, is reset, goes
// stale, and changes schema now and then.
class RandomHistogram {
  public:
    explicit RandomHistogram(base::Random& random);

    // The next state; `integer` and `floating` say the same.
    void advance();

    [[nodiscard]] const model::Histogram& integer() const { return integer_; }

    [[nodiscard]] model::FloatHistogram floating() const { return model::to_float(integer_); }

  private:
    void restart();
    void count_on();
    void lay_out();

    base::Random& random_;
    bool gauge_ = false;
    bool custom_ = false;
    int32_t schema_ = 0;
    double zero_threshold_ = 0;
    std::vector<double> bounds_;
    std::vector<uint64_t> positive_, negative_;  // counts by index
    uint64_t zeros_ = 0;
    double sum_ = 0;
    model::Histogram integer_;
};

}  // namespace test_model
