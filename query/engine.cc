#include "query/engine.h"

#include <algorithm>

#include "query/exec/build.h"
#include "query/exec/explain.h"
#include "query/exec/output.h"
#include "query/exec/pieces.h"
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
                      exec::Output& output) {
    if (root.kind == plan::NodeKind::kString) {
        return Value(StringValue{times.start_ms, root.text});
    }
    if (root.kind == plan::NodeKind::kRange) {
        return exec::collect_ranges(root, *builder.build_source(root), output);
    }
    exec::OperatorPtr rows = builder.build(root);
    if (output.context.options.delayed_name_removal && root.type == ValueType::kVector) {
        rows = exec::make_name_removal(std::move(rows), root.grid.count, output.context);
    }
    if (!instant) {
        return exec::collect_matrix(*rows, output);
    }
    return root.type == ValueType::kScalar ? exec::collect_scalar(*rows, output)
                                           : exec::collect_vector(*rows, output);
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
      subquery_step_ms_(options.default_subquery_step.count()),
      active_(clock),
      helpers_(std::max<size_t>(options.max_threads, 1) - 1) {}

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

void Engine::watch_with(Metrics& metrics, const base::Logger& log) {
    metrics_ = &metrics;
    log_ = log;
}

void Engine::set_query_log(std::shared_ptr<QueryLog> log) {
    if (metrics_ != nullptr) {
        metrics_->log_enabled.set(log != nullptr ? 1 : 0);
    }
    const base::MutexLock lock(mutex_);
    query_log_.swap(log);
}

base::Status Engine::cancel(uint64_t id,
                            const std::function<base::Status(const ActiveQuery&)>& may) {
    TRY(active_.cancel(id, may));
    if (metrics_ != nullptr) {
        metrics_->cancelled.add();
    }
    return base::success();
}

base::Status Engine::enter(const model::QueryContext& request) {
    const base::MutexLock lock(mutex_);
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

// One query on its way.
struct Engine::Task {
    const Expr& expr;
    std::string_view text;
    const QueryTimes& times;
    bool instant;
    const QueryParams& params;
    model::QueryContext request;
    base::Budget& budget;
    ActiveQueries::Entry& entry;
    base::SteadyTime begun;
    QueryStats stats = {};  // as far as it came
};

Result<QueryResult> Engine::run(std::string_view query,
                                const QueryTimes& times,
                                bool instant,
                                const QueryParams& params) {
    const base::SteadyTime begun = clock_.steady();
    TRY(const ExprPtr expr, parse_query(query, parse_options()));
    if (!instant && expr->type() != ValueType::kVector && expr->type() != ValueType::kScalar) {
        return base::fail(Code::kInvalid,
                          "invalid expression type \"" + std::string(describe(expr->type())) +
                              "\" for range query, must be Scalar or instant Vector");
    }
    base::Budget budget("query.max-memory", budget_, options_.max_query_memory);
    ActiveQueries::Entry entry(active_,
                               {.query = query,
                                .times = times,
                                .instant = instant,
                                .origin = params.origin,
                                .stop = params.stop});
    Task task{*expr, query, times, instant, params, {}, budget, entry, begun};
    task.request.stop = entry.stop();
    task.request.clock = &clock_;
    task.request.budget = &budget;
    const auto timeout =
        params.timeout.count() > 0 ? std::min(params.timeout, options_.timeout) : options_.timeout;
    task.request.deadline = base::Deadline::after(clock_, timeout).earlier(params.deadline);
    auto result = queue_and_evaluate(task);
    task.stats.total_time = seconds_between(begun, clock_.steady());
    if (result) {
        result.value().stats = task.stats;
    }
    ended(task, result ? std::string_view() : std::string_view(result.error().message()));
    return result;
}

Result<QueryResult> Engine::queue_and_evaluate(Task& task) {
    const base::Status entered = enter(task.request);
    task.stats.queue_time = seconds_between(task.begun, clock_.steady());
    TRY(entered);
    const Slot slot(*this);
    task.entry.set_running();
    return evaluate(task);
}

void Engine::ended(const Task& task, std::string_view error) {
    const QueryStats& stats = task.stats;
    if (metrics_ != nullptr) {
        const auto observe = [&](std::string_view slice, double seconds) {
            metrics_->duration_seconds.with({slice}).observe(seconds);
        };
        observe("queue_time", stats.queue_time);
        observe("prepare_time", stats.preparation_time);
        observe("inner_eval", stats.inner_time());
        observe("result_sort", stats.sort_time);
        metrics_->samples.add(stats.queryable_samples);
    }
    std::shared_ptr<QueryLog> log;
    {
        const base::MutexLock lock(mutex_);
        log = query_log_;
    }
    if (log == nullptr) {
        return;
    }
    const base::Status written = log->write({.query = task.text,
                                             .times = task.times,
                                             .origin = task.params.origin,
                                             .stats = stats,
                                             .error = error,
                                             .ended_ms = clock_.now_ms()});
    if (written) {
        return;
    }
    if (metrics_ != nullptr) {
        metrics_->log_failures.add();
    }
    const auto passed = log_failure_limit_.pass(clock_.steady());
    if (log_ && passed) {
        log_->error("query not written to the query log (query_log_file)",
                    "error",
                    written.error(),
                    "suppressed",
                    *passed);
    }
}

Result<QueryResult> Engine::evaluate(Task& task) {
    const base::SteadyTime begin = clock_.steady();
    const auto& [expr, query, times, instant, params, request, budget, entry, begun, unused] = task;
    model::Queryable& queryable = params.queryable != nullptr ? *params.queryable : queryable_;
    exec::ExecContext context(
        exec_options(options_, params), request, queryable, task.budget, options_.max_samples);
    context.helpers = &helpers_;
    const exec::Helpers::Busy busy(helpers_);
    const ActiveQueries::Entry::Meters shown(task.entry, context.samples, task.budget);

    // Whatever it comes to.
    struct Figures {
        ~Figures() {
            for (const exec::SampleMeter::Step& step : samples.per_step()) {
                stats.queryable_per_step.push_back(step.queried);
                stats.first_read_per_step.push_back(step.first);
            }
            stats.queryable_samples = samples.total_queried();
            stats.samples_read = samples.total_read();
            stats.peak_samples = samples.peak();
        }

        QueryStats& stats;
        exec::SampleMeter& samples;
    } const figures{task.stats, context.samples};

    const plan::Options plan_options{context.options.lookback_ms,
                                     subquery_step_ms_.load(std::memory_order_relaxed)};
    TRY(const plan::Plan plan, plan::make_plan(expr, times, plan_options));
    std::unique_ptr<model::Querier> querier;
    if (plan.selects) {
        TRY(querier, queryable.querier(plan.min_t, plan.max_t));
    }
    if (options_.per_step_stats && params.per_step_stats) {
        context.samples.count_steps(plan.root->grid.count);
        task.stats.first_step_ms = plan.root->grid.start;
        task.stats.step_ms = plan.root->grid.step;
    }
    exec::Explain explain(clock_, task.budget, context.samples);
    context.explain = params.explain ? &explain : nullptr;
    QueryResult out;
    task.stats.preparation_time = seconds_between(begin, clock_.steady());
    exec::HeldSamples held(context.samples);
    exec::Builder builder(querier.get(), context);
    push_down(options_,
              querier.get(),
              {query, times, plan.root->grid, context.options.lookback_ms},
              builder);
    base::Reservation memory(budget);
    exec::Output output{plan.root->grid, context, held, memory};
    auto value = collect(*plan.root, builder, times, instant, output);
    const base::SteadyTime evaluated = clock_.steady();
    task.stats.eval_time = seconds_between(begin, evaluated);
    TRY(out.value, std::move(value));
    if (auto* matrix = std::get_if<MatrixValue>(&out.value)) {
        TRY(exec::sort_in_pieces(
            context, *matrix, [](const MatrixSeries& a, const MatrixSeries& b) {
                return a.labels < b.labels;
            }));
    }
    task.stats.sort_time = seconds_between(evaluated, clock_.steady());
    // The answer outlives the query and its budget.
    int64_t answer_bytes = memory.bytes();
    memory.reset();
    if (std::holds_alternative<MatrixValue>(out.value)) {
        answer_bytes += static_cast<int64_t>(context.labels.capacity_bytes());
        context.give_labels_away();
    }
    out.memory = base::Reservation(budget_);
    TRY(out.memory.grow(answer_bytes));
    out.warnings = context.annotations.warnings(query);
    out.infos = context.annotations.infos(query);
    if (params.explain) {
        out.explain = std::make_unique<ExplainedOperator>(explain.tree(*plan.root));
    }
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
