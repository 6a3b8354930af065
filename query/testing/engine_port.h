// What a test script runs against: a storage that can be loaded and cleared, and an engine that
// answers from it.
//
// The scripts of the language's conformance suite ask for: lookback 5m, default subquery step 1m,
// at most 10,000 samples per query, everything experimental switched on (ParseOptions::everything),
// delayed removal of names, start timestamps kept and used.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "query/testing/script.h"
#include "query/types.h"

namespace query::testing {

struct ResultPoint {
    int64_t t_ms = 0;
    double value = 0;  // when `histogram` is null
    std::shared_ptr<const model::FloatHistogram> histogram;
};

struct ResultSeries {
    model::Labels labels;
    std::vector<ResultPoint> points;  // by time; exactly one in a vector
};

// An answer. `type` says which of the others count.
struct ScriptResult {
    ValueType type = ValueType::kVector;
    double scalar = 0;                 // kScalar
    std::string text;                  // kString
    std::vector<ResultSeries> series;  // kVector, kMatrix, in the order of the answer
    // Annotations as the API shows them, with their place: "PromQL warning: … (1:5)".
    std::vector<std::string> warnings;
    std::vector<std::string> infos;
};

// Threads: one.
class ScriptEngine {
  public:
    virtual ~ScriptEngine() = default;

    // Drops all samples.
    [[nodiscard]] virtual base::Status clear() = 0;

    // Adds samples; each set of labels comes once per call.
    [[nodiscard]] virtual base::Status load(std::span<const ScriptSeries> series) = 0;

    // The answer at one time, or the error with the text that the API would give.
    [[nodiscard]] virtual base::Result<ScriptResult> instant(std::string_view query,
                                                             int64_t t_ms) = 0;

    // The answer at start, start + step … ≤ end: kMatrix, series sorted by labels.
    [[nodiscard]] virtual base::Result<ScriptResult> range(std::string_view query,
                                                           int64_t start_ms,
                                                           int64_t end_ms,
                                                           int64_t step_ms) = 0;
};

}  // namespace query::testing
