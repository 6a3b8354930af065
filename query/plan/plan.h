// The plan of a query: the tree with times, durations and matchers worked out, constant parts
// hoisted, and equal parts merged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "model/storage.h"
#include "query/ast.h"
#include "query/duration.h"
#include "query/grid.h"

namespace query::plan {

// What of a sample an instant selection yields.
enum class SelectValue : uint8_t {
    kSample,
    kTimestamp,       // of the sample, in seconds; the name goes
    kStartTimestamp,  // likewise
    kSampleTime,      // of the sample, in seconds, or a histogram as it is; the name stays
};

// One selection from the storage. The window of step T ends at reference(T).
struct Select {
    const VectorSelector* selector = nullptr;
    std::vector<model::Matcher> matchers;
    int64_t offset_ms = 0;
    std::optional<int64_t> at_ms;
    int64_t range_ms = 0;  // 0: an instant selection, which looks back by the lookback
    RangeExtension extension = RangeExtension::kNone;
    SelectValue value = SelectValue::kSample;
    // Of a histogram only count, sum and whether the counter was reset: nothing else is asked for.
    bool statistics = false;
    model::SelectHints hints;  // with the first and last time that any step can use

    [[nodiscard]] int64_t reference(int64_t t) const { return at_ms.value_or(t) - offset_ms; }
};

// A subquery as the argument of a range function: inputs[0] yields its samples.
struct SubqueryWindow {
    int64_t range_ms = 0;
    int64_t offset_ms = 0;
    std::optional<int64_t> at_ms;

    [[nodiscard]] int64_t reference(int64_t t) const { return at_ms.value_or(t) - offset_ms; }
};

enum class NodeKind : uint8_t {
    kNumber,     // a scalar that is the same at every step: `number`
    kString,     // `text`
    kTime,       // the time of the step in seconds
    kSelect,     // instant samples: `select`
    kRange,      // samples of a range: `select`, or `window` over inputs[0]
    kRollup,     // a function over a range: `source`th input is the kRange, the others are scalars
    kFunction,   // any other function; inputs in the order of its arguments
    kAggregate,  // inputs[0] the vector, inputs[1] the parameter, if any
    kBinary,     // inputs[0] op inputs[1]
    kNegate,     // -inputs[0]
    kBroadcast,  // inputs[0] has one step, and is the same at every other
};

struct Node;
using NodePtr = std::shared_ptr<Node>;

struct Node {
    NodeKind kind = NodeKind::kNumber;
    const Expr* expr = nullptr;  // never null; where annotations point
    ValueType type = ValueType::kScalar;
    Grid grid;
    std::vector<NodePtr> inputs;
    size_t source = 0;
    double number = 0;
    std::string text;
    std::optional<Select> select;
    std::optional<SubqueryWindow> window;
    // Rows stay apart when the metric name is dropped, so nobody has to look for duplicates.
    bool distinct_without_name = false;
    int uses = 0;  // by how many nodes; more than one: evaluated once, kept
    // How often a sample it looks at counts: once per place in the query, for each step that the
    // result is repeated for, and not at all within a subquery, whose windows count.
    int64_t sample_weight = 0;
};

struct Options {
    int64_t lookback_ms = 300'000;
    int64_t default_subquery_step_ms = 60'000;
};

// Borrows the tree it was made from.
struct Plan {
    NodePtr root;
    bool selects = false;  // whether anything is read at all
    int64_t min_t = 0;     // of all selections
    int64_t max_t = 0;
};

// Works the plan out for the steps start, start + step … end (one step when step is 0).
//   expr     outlives the plan
//   errors   kInvalid: a duration expression, a regular expression; kLimit: too many steps of a
//            subquery (kSubqueryStepsMax)
[[nodiscard]] base::Result<Plan> make_plan(const Expr& expr,
                                           const QueryTimes& times,
                                           const Options& options);

// Steps of one subquery, over its whole range and all steps of the query.
inline constexpr size_t kSubqueryStepsMax = 50'000'000;

}  // namespace query::plan
