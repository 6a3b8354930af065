#include "query/engine.h"

#include <algorithm>

#include "query/exec/build.h"
#include "query/exec/output.h"
#include "query/exec/row_merger.h"
#include "query/plan/plan.h"

namespace query {
namespace {

using base::Code;
using base::Result;

// How often a waiting query looks whether its caller is still there.
constexpr std::chrono::milliseconds kQueuePoll{50};

double seconds_between(base::SteadyTime from, base::SteadyTime to) {
    return std::chrono::duration<double>(to - from).count();
}

exec::ExecOptions exec_options(const Options& options, const QueryParams& params) {
    exec::ExecOptions out;
    out.lookback_ms = params.lookback_delta.count() > 0 ? params.lookback_delta.count()
                                                        : options.lookback_delta.count();
    out.delayed_name_removal = options.delayed_name_removal;
    out.use_start_timestamps = options.use_start_timestamps;
    return out;
}

// Lets aggregations be worked out where the series lie, when there is somewhere else. What depends
// on flags of this node alone stays here.
void push_down(const Options& options,
               model::Querier* querier,
               const plan::WholeQuery& query,
               exec::Builder& builder) {
    model::PushDown* const to = querier != nullptr ? querier->push_down() : nullptr;
    if (to != nullptr && !options.delayed_name_removal && !options.use_start_timestamps) {
        builder.push_down({to, query});
    }
}

// The rows of the root, collected into a value.
Result<Value> collect(const plan::Node& root,
                      exec::Builder& builder,
                      const QueryTimes& times,
                      bool instant,
                      exec::ExecContext& context,
                      exec::HeldSamples& held) {
    if (root.kind == plan::NodeKind::kString) {
        return Value(StringValue{times.start_ms, root.text});
    }
    if (root.kind == plan::NodeKind::kRange) {
        return exec::collect_ranges(root, *builder.build_source(root), context, held);
    }
    exec::OperatorPtr rows = builder.build(root);
    if (context.options.delayed_name_removal && root.type == ValueType::kVector) {
        rows = exec::make_name_removal(std::move(rows), root.grid.count, context);
    }
    if (!instant) {
        return exec::collect_matrix(root.grid, *rows, context, held);
    }
    return root.type == ValueType::kScalar ? exec::collect_scalar(root.grid, *rows, context)
                                           : exec::collect_vector(root.grid, *rows, context, held);
}

}  // namespace

// A place among the running queries, given back at the end of the scope.
class Engine::Slot {
  public:
    explicit Slot(Engine& engine) : engine_(engine) {}

    ~Slot() { engine_.leave(); }

    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

  private:
    Engine& engine_;
};

Engine::Engine(const Options& options,
               model::Queryable& queryable,
               const base::Clock& clock,
               base::Budget& budget)
    : options_(options),
      queryable_(queryable),
      clock_(clock),
      budget_(budget),
      subquery_step_ms_(options.default_subquery_step.count()) {}

Result<QueryResult> Engine::instant(std::string_view query,
                                    int64_t t_ms,
                                    const QueryParams& params) {
    return run(query, {t_ms, t_ms, 0}, true, params);
}

Result<QueryResult> Engine::range(std::string_view query,
                                  int64_t start_ms,
                                  int64_t end_ms,
                                  int64_t step_ms,
                                  const QueryParams& params) {
    return run(query, {start_ms, end_ms, step_ms}, false, params);
}

ParseOptions Engine::parse_options() const {
    return {options_.experimental_functions,
            options_.extended_range_selectors,
            options_.binop_fill_modifiers};
}

size_t Engine::active() const {
    const base::MutexLock lock(mutex_);
    return running_ + waiting_;
}

base::Status Engine::enter(const model::QueryContext& request) {
    const base::MutexLock lock(mutex_);
    ++waiting_;
    base::Status status = base::success();
    while (running_ >= options_.max_concurrency) {
        if (request.stop.stop_requested()) {
            status = base::fail(Code::kCanceled, "query was canceled in query queue");
            break;
        }
        if (request.deadline.passed(clock_.steady())) {
            status = base::fail(Code::kTimeout, "query timed out in query queue");
            break;
        }
        freed_.wait_until(mutex_, std::chrono::steady_clock::now() + kQueuePoll);
    }
    --waiting_;
    if (status) {
        ++running_;
    }
    return status;
}

void Engine::leave() {
    const base::MutexLock lock(mutex_);
    --running_;
    freed_.notify_one();
}

Result<QueryResult> Engine::run(std::string_view query,
                                const QueryTimes& times,
                                bool instant,
                                const QueryParams& params) {
    const base::SteadyTime begin = clock_.steady();
    TRY(const ExprPtr expr, parse_query(query, parse_options()));
    if (!instant && expr->type() != ValueType::kVector && expr->type() != ValueType::kScalar) {
        return base::fail(Code::kInvalid,
                          "invalid expression type \"" + std::string(describe(expr->type())) +
                              "\" for range query, must be Scalar or instant Vector");
    }
    base::Budget budget("query.max-memory", budget_, options_.max_query_memory);
    model::QueryContext request;
    request.stop = params.stop;
    request.clock = &clock_;
    request.budget = &budget;
    const auto timeout =
        params.timeout.count() > 0 ? std::min(params.timeout, options_.timeout) : options_.timeout;
    request.deadline = base::Deadline::after(clock_, timeout).earlier(params.deadline);
    TRY(enter(request));
    const Slot slot(*this);
    const double queued = seconds_between(begin, clock_.steady());
    auto result = evaluate(*expr, query, times, instant, params, request, budget);
    if (result) {
        result.value().stats.queue_time = queued;
        result.value().stats.total_time = seconds_between(begin, clock_.steady());
    }
    return result;
}

Result<QueryResult> Engine::evaluate(const Expr& expr,
                                     std::string_view query,
                                     const QueryTimes& times,
                                     bool instant,
                                     const QueryParams& params,
                                     const model::QueryContext& request,
                                     base::Budget& budget) {
    const base::SteadyTime begin = clock_.steady();
    model::Queryable& queryable = params.queryable != nullptr ? *params.queryable : queryable_;
    exec::ExecContext context(
        exec_options(options_, params), request, queryable, budget, options_.max_samples);
    const plan::Options plan_options{context.options.lookback_ms,
                                     subquery_step_ms_.load(std::memory_order_relaxed)};
    TRY(const plan::Plan plan, plan::make_plan(expr, times, plan_options));
    std::unique_ptr<model::Querier> querier;
    if (plan.selects) {
        TRY(querier, queryable.querier(plan.min_t, plan.max_t));
    }
    QueryResult out;
    out.stats.preparation_time = seconds_between(begin, clock_.steady());
    exec::HeldSamples held(context.samples);
    exec::Builder builder(querier.get(), context);
    push_down(options_,
              querier.get(),
              {query, times, plan.root->grid, context.options.lookback_ms},
              builder);
    TRY(out.value, collect(*plan.root, builder, times, instant, context, held));
    const base::SteadyTime evaluated = clock_.steady();
    if (auto* matrix = std::get_if<MatrixValue>(&out.value)) {
        std::ranges::sort(*matrix, {}, &MatrixSeries::labels);
    }
    out.stats.sort_time = seconds_between(evaluated, clock_.steady());
    out.stats.eval_time = seconds_between(begin, clock_.steady());
    out.stats.queryable_samples = context.samples.total_queried();
    out.stats.samples_read = context.samples.total_read();
    out.stats.peak_samples = context.samples.peak();
    out.warnings = context.annotations.warnings(query);
    out.infos = context.annotations.infos(query);
    return out;
}

ValueType type_of(const Value& value) {
    switch (value.index()) {
        case 0:
            return ValueType::kScalar;
        case 1:
            return ValueType::kString;
        case 2:
            return ValueType::kVector;
        default:
            return ValueType::kMatrix;
    }
}

}  // namespace query
