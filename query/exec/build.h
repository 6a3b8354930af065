// From the plan to operators.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "query/exec/operator.h"
#include "query/exec/row_merger.h"
#include "query/exec/series_reader.h"
#include "query/exec/series_rows.h"
#include "query/exec/simple.h"
#include "query/plan/plan.h"
#include "query/plan/push_down.h"

namespace query::exec {

// Builds the operators of one query. Keeps what several of them share; the operators may outlive
// the builder, but not the plan, the querier and the context.
class Builder {
  public:
    // `querier` may be null when the plan selects nothing.
    Builder(model::Querier* querier, ExecContext& context) : querier_(querier), context_(context) {}

    // Who works aggregations out in parts, and the query that the plan is of.
    struct PushTarget {
        model::PushDown* to = nullptr;  // outlives the operators
        plan::WholeQuery query;
    };

    // From now on aggregations are worked out in parts where they can be.
    void push_down(const PushTarget& target) { target_ = target; }

    // Nothing is kept for several readers: what is built reads every node once.
    void share_nothing() { sharing_ = false; }

    [[nodiscard]] OperatorPtr build(const plan::Node& node);

    // The series of a kRange node.
    [[nodiscard]] std::unique_ptr<SeriesSource> build_source(const plan::Node& range);

  private:
    [[nodiscard]] OperatorPtr build_unshared(const plan::Node& node);
    [[nodiscard]] OperatorPtr build_unwatched(const plan::Node& node);
    [[nodiscard]] std::unique_ptr<SeriesSource> build_source_unwatched(const plan::Node& range);
    [[nodiscard]] OperatorPtr build_rollup(const plan::Node& node, LabelNames labels);
    [[nodiscard]] OperatorPtr build_function(const plan::Node& node);
    [[nodiscard]] OperatorPtr build_aggregate(const plan::Node& node);
    // The input of an aggregation, with no more labels than that needs.
    [[nodiscard]] OperatorPtr build_aggregated(const plan::Node& aggregate);
    // What becomes of equal rows of a node.
    //   strict   they are an error
    [[nodiscard]] Alike alike(const plan::Node& node, bool strict) const;
    // Merges rows that dropping the name made equal, when that can happen.
    [[nodiscard]] OperatorPtr merged(OperatorPtr input, const plan::Node& node, bool strict);

    model::Querier* querier_;
    ExecContext& context_;
    PushTarget target_;
    bool sharing_ = true;
    // Whose rows only go into an aggregation that folds them.
    std::unordered_set<const plan::Node*> folded_;
    std::unordered_map<const plan::Node*, std::shared_ptr<SharedResult>> shared_;
};

}  // namespace query::exec
