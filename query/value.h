// The answer of a query.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/budget.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "query/answer_labels.h"
#include "query/float_points.h"
#include "query/types.h"

namespace query {

using HistogramPtr = std::shared_ptr<const model::FloatHistogram>;

struct ScalarValue {
    int64_t t = 0;  // ms
    double v = 0;
};

struct StringValue {
    int64_t t = 0;
    std::string text;
};

// One element of an instant vector: a float, or a histogram when that is set.
struct VectorSample {
    model::Labels labels;
    int64_t t = 0;
    double v = 0;
    HistogramPtr histogram;
};

struct HistogramPoint {
    int64_t t = 0;
    HistogramPtr histogram;
};

// One series of a matrix; floats and histograms each in time order.
struct MatrixSeries {
    AnswerLabels labels;
    FloatPoints floats;
    std::vector<HistogramPoint> histograms;
};

using VectorValue = std::vector<VectorSample>;
using MatrixValue = std::vector<MatrixSeries>;

using Value = std::variant<ScalarValue, StringValue, VectorValue, MatrixValue>;

[[nodiscard]] ValueType type_of(const Value& value);

// What a query cost. Times in seconds.
struct QueryStats {
    double queue_time = 0;
    double preparation_time = 0;
    double eval_time = 0;  // preparation included
    double sort_time = 0;
    double total_time = 0;          // queue included
    int64_t queryable_samples = 0;  // that selectors and functions looked at, over all steps
    int64_t samples_read = 0;       // decoded from the storage
    int64_t peak_samples = 0;       // held in memory at once
    // queryable_samples by step, and of these what no earlier step looked at; empty when nobody
    // asked for them.
    std::vector<int64_t> queryable_per_step;
    std::vector<int64_t> first_read_per_step;
    int64_t first_step_ms = 0, step_ms = 0;  // of these

    [[nodiscard]] double inner_time() const {
        return eval_time > preparation_time ? eval_time - preparation_time : 0;
    }
};

// What one operator of a query did. `seconds`, but no other figure, is with its inputs'.
struct ExplainedOperator {
    std::string operation;
    std::string expression;
    int64_t steps = 0;
    int64_t series = 0;  // that it gave
    int64_t points = 0;  // of these, over all steps
    int64_t samples_read = 0;
    int64_t peak_bytes = 0;  // that it held, as accounted
    double seconds = 0;
    double own_seconds = 0;
    int uses = 1;  // more than one: worked out once for so many places
    std::vector<ExplainedOperator> inputs;
};

struct QueryResult {
    Value value;
    std::vector<std::string> warnings;
    std::vector<std::string> infos;
    QueryStats stats;
    std::unique_ptr<ExplainedOperator> explain;  // null: nobody asked for it
    // What the value takes of the memory of all queries, for as long as it is there.
    base::Reservation memory;
};

}  // namespace query
