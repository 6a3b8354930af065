// What every operator of a query did: for explain=1.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/clock.h"
#include "query/exec/operator.h"
#include "query/exec/series_reader.h"
#include "query/plan/plan.h"
#include "query/value.h"

namespace query::exec {

// Looks over the shoulder of the operators that it wraps. What happens while an operator calls
// another that is watched, too, counts for the other. Threads: one. Outlives what it wraps.
class Explain {
  public:
    // Borrows all three.
    Explain(const base::Clock& clock, const base::Budget& budget, const SampleMeter& samples)
        : clock_(clock), budget_(budget), samples_(samples) {}

    [[nodiscard]] OperatorPtr watch(const plan::Node& node, OperatorPtr rows);
    [[nodiscard]] std::unique_ptr<SeriesSource> watch(const plan::Node& node,
                                                      std::unique_ptr<SeriesSource> series);

    // The whole tree, once the query has ended.
    [[nodiscard]] ExplainedOperator tree(const plan::Node& root) const;

  private:
    class WatchedRows;
    class WatchedSeries;

    struct Figures {
        int64_t series = 0;
        int64_t points = 0;
        int64_t samples_read = 0;
        int64_t bytes = 0;  // held now
        int64_t peak_bytes = 0;
        base::Duration whole{0};
        base::Duration own{0};
    };

    // A call that is running.
    struct Call {
        Call* caller = nullptr;
        base::Duration inner_time{0};
        int64_t inner_bytes = 0;
        int64_t inner_read = 0;
    };

    // Runs one call of an operator and books it.
    template <class Run>
    auto book(Figures& figures, Run&& run);
    void add(const plan::Node& node, ExplainedOperator& out) const;

    const base::Clock& clock_;
    const base::Budget& budget_;
    const SampleMeter& samples_;
    Call* running_ = nullptr;
    std::unordered_map<const plan::Node*, Figures> figures_;
};

}  // namespace query::exec
