// Native histograms as test scripts write them:
//
//   {{schema:1 count:22 sum:3 z_bucket:1 z_bucket_w:0.001 buckets:[5 10 7] offset:0
//     n_buckets:[1] n_offset:2 counter_reset_hint:gauge custom_values:[5 10]}}
//
// Every part may be left out; buckets are consecutive from their offset on.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/histogram.h"

namespace query::testing {

struct HistogramLiteral {
    model::FloatHistogram histogram;
    bool hint_given = false;  // counter_reset_hint was written: it is compared then
};

// Takes a literal off the front of `text`, which starts with `{{`.
//   errors  kInvalid, naming the part that is wrong
[[nodiscard]] base::Result<HistogramLiteral> take_histogram(std::string_view& text);

// The literal of a histogram.
[[nodiscard]] std::string to_literal(const model::FloatHistogram& histogram);

// Leaves out empty buckets and joins spans that touch, so that equal histograms are equal piece by
// piece.
void compact(model::FloatHistogram& histogram);

// `from` with `step` added (sign 1) or subtracted (sign -1). A step may be finer than `from`, not
// coarser; custom bounds must be the same, and no bucket may lie in the other's zero bucket.
//   errors  kInvalid: the two do not fit
[[nodiscard]] base::Result<model::FloatHistogram> stepped(const model::FloatHistogram& from,
                                                          const model::FloatHistogram& step,
                                                          double sign);

}  // namespace query::testing
