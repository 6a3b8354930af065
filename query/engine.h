// The query engine: text in, values out.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>

#include "base/budget.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rate_limit.h"
#include "base/result.h"
#include "base/sync.h"
#include "model/push_down.h"
#include "model/storage.h"
#include "query/active_queries.h"
#include "query/ast.h"
#include "query/duration.h"
#include "query/exec/helpers.h"
#include "query/metrics.h"
#include "query/options.h"
#include "query/parser.h"
#include "query/query_log.h"
#include "query/value.h"

namespace query {

// What one query may say beside its text and times.
struct QueryParams {
    std::chrono::milliseconds lookback_delta{0};  // 0: the engine's
    std::chrono::milliseconds timeout{0};         // 0: the engine's, which also bounds this one
    base::Deadline deadline;                      // of the request, if any
    std::stop_token stop;                         // the caller went away
    model::Queryable* queryable = nullptr;        // outlives the query; null: the engine's
    QueryOrigin origin;
    bool per_step_stats = false;  // where Options::per_step_stats allows it
    bool explain = false;         // what every operator did
};

// Runs queries on the calling thread, which may block, with the help of threads of its own.
//   threads   any; at most max_concurrency queries run, the others wait (within their timeout)
//   lifetime  the storage, clock and budget outlive the engine; the engine outlives its queries
class Engine {
  public:
    // `budget` is the parent of every query's own.
    Engine(const Options& options,
           model::Queryable& queryable,
           const base::Clock& clock,
           base::Budget& budget);

    // The value of an expression at one time (ms).
    //   errors   kInvalid: the query is wrong; kExecution, kTimeout, kCanceled with the texts of
    //            the API; kLimit naming a budget; those of the storage
    [[nodiscard]] base::Result<QueryResult> instant(std::string_view query,
                                                    int64_t t_ms,
                                                    const QueryParams& params = {});

    // The value at start, start + step … end; a matrix. step > 0, end >= start.
    //   errors   the same, and kInvalid for an expression that is neither a scalar nor a vector
    [[nodiscard]] base::Result<QueryResult> range(std::string_view query,
                                                  int64_t start_ms,
                                                  int64_t end_ms,
                                                  int64_t step_ms,
                                                  const QueryParams& params = {});

    // This node's part of another one's query, over `series`. Takes no place among the queries that
    // run at most: nodes that ask one another would wait for each other for ever.
    //   errors   kInvalid: not an aggregation that can be worked out in parts; kExecution,
    //   kTimeout,
    //            kCanceled, kLimit as for queries; those of the storage
    [[nodiscard]] base::Result<model::Partial> partial(const model::Fragment& fragment,
                                                       model::Queryable& series,
                                                       const model::QueryContext& caller);

    // What counts queries and says what went wrong beside them; before the first query. Borrowed.
    void watch_with(Metrics& metrics, const base::Logger& log);

    // Queries that end from now on are written to it; null: to none. Threads: any.
    void set_query_log(std::shared_ptr<QueryLog> log);

    // Of queries that begin from now on: the step of subqueries that name none.
    void set_default_subquery_step(std::chrono::milliseconds step) {
        subquery_step_ms_.store(step.count(), std::memory_order_relaxed);
    }

    // What of the language is switched on.
    [[nodiscard]] ParseOptions parse_options() const;

    [[nodiscard]] const Options& options() const { return options_; }

    // Queries that run or wait, other nodes' among them.
    [[nodiscard]] ActiveQueries& active_queries() { return active_; }

    // Ends one of them, as ActiveQueries::cancel() does.
    [[nodiscard]] base::Status cancel(uint64_t id,
                                      const std::function<base::Status(const ActiveQuery&)>& may);

    [[nodiscard]] const ActiveQueries& active_queries() const { return active_; }

    // Threads that help its queries, and those who write answers.
    [[nodiscard]] exec::Helpers& helpers() { return helpers_; }

  private:
    static constexpr std::chrono::minutes kLogFailuresApart{1};

    class Slot;

    [[nodiscard]] base::Result<QueryResult> run(std::string_view query,
                                                const QueryTimes& times,
                                                bool instant,
                                                const QueryParams& params);
    struct Task;
    [[nodiscard]] base::Result<QueryResult> queue_and_evaluate(Task& task);
    [[nodiscard]] base::Result<QueryResult> evaluate(Task& task);
    // Tells metrics and log of a query that ended.
    void ended(const Task& task, std::string_view error);
    // Waits for a slot.
    [[nodiscard]] base::Status enter(const model::QueryContext& request);
    void leave();

    const Options options_;
    model::Queryable& queryable_;
    const base::Clock& clock_;
    base::Budget& budget_;
    std::atomic<int64_t> subquery_step_ms_;
    ActiveQueries active_;
    exec::Helpers helpers_;
    Metrics* metrics_ = nullptr;
    std::optional<base::Logger> log_;
    base::RateLimit log_failure_limit_{kLogFailuresApart};

    mutable base::Mutex mutex_;
    base::CondVar freed_;
    size_t running_ GUARDED_BY(mutex_) = 0;
    std::shared_ptr<QueryLog> query_log_ GUARDED_BY(mutex_);
};

}  // namespace query
