// What queries make of the samples that the nodes of a simulated cluster have stored.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "model/sample.h"
#include "query/exec/replica_join.h"
#include "test/sim/cluster_checks.h"
#include "test/sim/raft_checks.h"

namespace sim {

namespace {

struct Accounts {
    std::vector<query::exec::Columns> columns;
    // Between two samples of one node: what the join may take for the interval.
    int64_t shortest = query::exec::kUnknownIntervalMs;
};

// The series is a counter: it has the world's time.
Accounts accounts_of(const std::map<ProcessId, std::vector<SimSample>>& stored) {
    Accounts accounts;
    for (const auto& [process, samples] : stored) {
        query::exec::Columns& one = accounts.columns.emplace_back();
        for (const SimSample& sample : samples) {
            if (!one.t.empty() && sample.wall_ms <= one.t.back()) {
                continue;  // its clock went back: the head refuses it
            }
            if (!one.t.empty()) {
                accounts.shortest = std::min(accounts.shortest, sample.wall_ms - one.t.back());
            }
            const auto now = std::chrono::duration<double, std::milli>(sample.at).count();
            one.add(sample.wall_ms, sample.kind == SampleKind::kGood ? now : model::kStaleNan);
        }
    }
    return accounts;
}

}  // namespace

void ClusterChecks::check_queries() {
    for (uint32_t number = 0; number < targets_.size(); ++number) {
        check_query(number);
    }
}

void ClusterChecks::check_query(uint32_t number) {
    const auto skew = skews_.find(number);
    const int64_t half = targets_.at(number).target->interval.count() / 2;
    if (skew == skews_.end() || skew->second.second - skew->second.first > half) {
        return;
    }
    const Accounts accounts = accounts_of(records_.stored(number));
    const int64_t apart = std::min(half, accounts.shortest / 2);
    // Samples may be that near each other, and those of clocks further apart in the wrong order.
    const bool ordered = skew->second.second - skew->second.first < apart;
    query::exec::Columns joined;
    query::exec::join_replicas(accounts.columns, INT64_MAX, joined);
    double last = -1;
    for (size_t at = 0; at < joined.t.size(); ++at) {
        if (at > 0 && joined.t[at] - joined.t[at - 1] < apart) {
            return world_.fail("Q1",
                               words("samples of target",
                                     number,
                                     "at",
                                     joined.t[at - 1],
                                     "and",
                                     joined.t[at],
                                     "are too close"));
        }
        if (std::isnan(joined.v[at])) {
            continue;
        }
        if (ordered && joined.v[at] < last) {
            return world_.fail("Q2",
                               words("a counter of target", number, "steps back at", joined.t[at]));
        }
        last = joined.v[at];
    }
}

}  // namespace sim
