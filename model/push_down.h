// Parts of a query that are worked out where the series lie. A storage that spans several nodes
// offers it; PromQL takes it up for aggregations over functions of single series.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/storage.h"

namespace model {

// An aggregation over functions of the series of one selection.
struct Fragment {
    std::string query;  // PromQL, whole: `sum by (job) (rate(x[5m]))`
    int64_t start_ms = 0, end_ms = 0;
    int64_t step_ms = 0;  // 0: one step
    int64_t lookback_ms = 0;

    // The one selection in it: whom to ask.
    std::vector<Matcher> matchers;
    int64_t min_t = kMinTime, max_t = kMaxTime;  // ms, inclusive

    // Stable hashes of label sets, ascending: series that are left out.
    std::vector<uint64_t> without;
};

// One group of a partial answer.
struct PartialRow {
    Labels labels;
    std::vector<uint64_t> present;  // a bit per step, the first one lowest
    std::vector<double> values;     // `width` for each step that is present, in the steps' order
};

// Something to tell the user, about a place in the fragment's query (half open, in bytes).
struct PartialNote {
    bool warning = false;
    std::string text;
    bool placed = true;
    int32_t start = 0, end = 0;
};

// What one holder makes of a fragment: the state of an aggregation, to be merged with others'.
struct Partial {
    // Some series cannot be given in parts (they hold histograms): select them instead. Nothing
    // else is set.
    bool refused = false;
    uint32_t width = 1;  // numbers per group and step; what they mean is the aggregation's affair
    std::vector<PartialRow> rows;
    std::vector<uint64_t> series;  // stable hashes of the series it was made of, ascending
    std::vector<PartialNote> notes;
    std::vector<std::string> warnings;  // of the storage
    int64_t samples_read = 0;
    int64_t samples_queried = 0;
};

// A holder's answer that is on its way.
class PendingPartial {
  public:
    virtual ~PendingPartial() = default;
    // Waits. Once. A holder that does not answer is an empty answer with a warning, or an error, as
    // the query's scope has it.
    [[nodiscard]] virtual base::Result<Partial> wait() = 0;
};

// Threads: one; lives as long as its querier.
//
// Whoever uses it asks all holders, this node included, and compares the series they used: those
// that several have must not count twice. It asks again without them, until no series is in two
// answers, and selects those that several hold by select_only().
class PushDown {
  public:
    virtual ~PushDown() = default;

    // Whether it is worth it: somebody else may hold such series, and everybody who may can answer.
    [[nodiscard]] virtual bool possible(const Fragment& fragment) = 0;

    // Asks everybody else at once.
    //   context  outlives the answers
    [[nodiscard]] virtual base::Result<std::vector<std::unique_ptr<PendingPartial>>> ask(
        const Fragment& fragment, const QueryContext& context) = 0;

    // This node's own series; lives as long as this.
    [[nodiscard]] virtual Querier& own() = 0;

    // As Querier::select(), of series with these hashes only.
    //   hashes  ascending
    [[nodiscard]] virtual base::Result<std::unique_ptr<SeriesSet>> select_only(
        const SelectHints& hints,
        std::span<const Matcher> matchers,
        std::span<const uint64_t> hashes,
        const QueryContext& context) = 0;
};

}  // namespace model
