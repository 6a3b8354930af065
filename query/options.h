// What a user may say about queries. config/ fills it; the defaults are Prometheus'.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace query {

struct Options {
    std::chrono::milliseconds lookback_delta{5 * 60 * 1000};  // --query.lookback-delta
    std::chrono::milliseconds timeout{2 * 60 * 1000};         // --query.timeout
    int64_t max_samples = 50'000'000;                         // --query.max-samples
    size_t max_concurrency = 20;                              // --query.max-concurrency
    // --query.max-memory: of one query, in bytes; all queries together are bounded by the budget
    // above them.
    int64_t max_query_memory = int64_t{4} << 30;
    // --query.max-threads: that work on one query, its own among them. Helpers are shared by all
    // queries; with 1 there are none.
    size_t max_threads = 1;
    // What a subquery without a resolution uses: the global evaluation_interval.
    std::chrono::milliseconds default_subquery_step{60 * 1000};

    // Feature flags of the same names.
    bool experimental_functions = false;    // promql-experimental-functions
    bool extended_range_selectors = false;  // promql-extended-range-selectors
    bool binop_fill_modifiers = false;      // promql-binop-fill-modifiers
    bool delayed_name_removal = false;      // promql-delayed-name-removal
    bool use_start_timestamps = false;      // use-start-timestamps
    bool per_step_stats = false;            // promql-per-step-stats
};

}  // namespace query
