// Working out duration expressions when start, end and step of a query are known.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "query/ast.h"

namespace query {

// The times of the whole query, in milliseconds. An instant query has start == end and step 0.
struct QueryTimes {
    int64_t start_ms = 0;
    int64_t end_ms = 0;
    int64_t step_ms = 0;
};

enum class DurationUse : uint8_t {
    kPositive,  // a range or a resolution: must come out above zero
    kSigned,    // an offset
};

// A duration in milliseconds. Constants cost nothing.
//   errors   kInvalid, "start:end: what is wrong" in byte offsets: division or modulo by zero, not
//            above zero, NaN, infinite or beyond 292 years
[[nodiscard]] base::Result<int64_t> resolve(const DurationSpec& duration,
                                            const QueryTimes& times,
                                            DurationUse use);

}  // namespace query
