// The engine's side of push-down: fragments of other nodes' queries over this node's series.
#include <algorithm>

#include "query/engine.h"
#include "query/exec/partial.h"
#include "query/plan/push_down.h"

namespace query {
namespace {

using base::Code;
using base::Result;

// errors  kInvalid
base::Status check(const model::Fragment& fragment) {
    int64_t span = 0;
    if (fragment.step_ms < 0 || __builtin_sub_overflow(fragment.end_ms, fragment.start_ms, &span) ||
        span < 0) {
        return base::fail(Code::kInvalid, "the times of the query's part are not in order");
    }
    if (fragment.step_ms > 0 && span / fragment.step_ms >= int64_t{plan::kSubqueryStepsMax}) {
        return base::fail(Code::kInvalid,
                          "the query's part has too many steps, the limit is",
                          plan::kSubqueryStepsMax);
    }
    if (fragment.lookback_ms <= 0) {
        return base::fail(Code::kInvalid, "the lookback of the query's part is not above zero");
    }
    if (!std::ranges::is_sorted(fragment.without)) {
        return base::fail(Code::kInvalid, "the series to leave out are not in order");
    }
    return base::success();
}

}  // namespace

Result<model::Partial> Engine::partial(const model::Fragment& fragment,
                                       model::Queryable& series,
                                       const model::QueryContext& caller) {
    TRY(check(fragment));
    TRY(const ExprPtr expr, parse_query(fragment.query, ParseOptions::everything()));
    const QueryTimes times{fragment.start_ms, fragment.end_ms, fragment.step_ms};
    TRY(const plan::Plan plan,
        plan::make_plan(*expr, times, {.lookback_ms = fragment.lookback_ms}));
    if (plan.root->kind != plan::NodeKind::kAggregate ||
        plan::selection_in_parts(*plan.root) == nullptr) {
        return base::fail(
            Code::kInvalid, "not an aggregation that can be worked out in parts:", fragment.query);
    }
    base::Budget budget("query.max-memory",
                        caller.budget != nullptr ? *caller.budget : budget_,
                        options_.max_query_memory);
    const QueryOrigin origin;
    ActiveQueries::Entry entry(active_,
                               {.query = fragment.query,
                                .times = times,
                                .instant = fragment.step_ms == 0,
                                .part = true,
                                .origin = origin,
                                .stop = caller.stop});
    model::QueryContext request;
    request.stop = entry.stop();
    request.clock = &clock_;
    request.budget = &budget;
    request.deadline = base::Deadline::after(clock_, options_.timeout).earlier(caller.deadline);
    exec::ExecOptions options;
    options.lookback_ms = fragment.lookback_ms;
    exec::ExecContext context(options, request, series, budget, options_.max_samples);
    context.helpers = &helpers_;
    const exec::Helpers::Busy busy(helpers_);
    const ActiveQueries::Entry::Meters shown(entry, context.samples, budget);
    entry.set_running();
    TRY(const auto querier, series.querier(plan.min_t, plan.max_t));
    return exec::work_out_part({*plan.root, *querier, fragment.without}, context);
}

}  // namespace query
