// Holding an answer against what a script expects.
#pragma once

#include <string_view>

#include "base/result.h"
#include "model/histogram.h"
#include "query/testing/engine_port.h"
#include "query/testing/script.h"

namespace query::testing {

inline constexpr double kRelativeError = 1e-6;  // allowed for every number

// Equal within kRelativeError; NaN equals NaN, a stale marker only a stale marker.
[[nodiscard]] bool almost_equal(double a, double b);

// All numbers almost equal, empty buckets left out. The hint counts only with `compare_hint`.
[[nodiscard]] bool almost_equal(const model::FloatHistogram& expected,
                                const model::FloatHistogram& got,
                                bool compare_hint);

// errors  kInvalid, with the first difference
[[nodiscard]] base::Status check_value(const EvalCommand& eval, const ScriptResult& got);
[[nodiscard]] base::Status check_annotations(const EvalCommand& eval, const ScriptResult& got);

// Whether an error is the one that `expect fail` asks for.
[[nodiscard]] base::Status check_failure(const EvalCommand& eval, std::string_view message);

}  // namespace query::testing
