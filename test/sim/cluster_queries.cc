// What queries make of the samples that the nodes of a simulated cluster have stored.
#include <algorithm>
#include <cmath>
#include <set>
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
    std::vector<std::set<int64_t>> times;

    // Both are of one node, so that it is not the join that put them so close.
    [[nodiscard]] bool of_one(int64_t a, int64_t b) const {
        return std::ranges::any_of(
            times, [&](const auto& some) { return some.contains(a) && some.contains(b); });
    }
};

// The series is a counter: it has the world's time.
Accounts accounts_of(const std::map<ProcessId, std::vector<SimSample>>& stored) {
    Accounts accounts;
    for (const auto& [process, samples] : stored) {
        query::exec::Columns& one = accounts.columns.emplace_back();
        std::set<int64_t>& times = accounts.times.emplace_back();
        for (const SimSample& sample : samples) {
            if (!one.t.empty() && sample.wall_ms <= one.t.back()) {
                continue;  // its clock went back: the head refuses it
            }
            const auto now = std::chrono::duration<double, std::milli>(sample.at).count();
            one.add(sample.wall_ms, sample.kind == SampleKind::kGood ? now : model::kStaleNan);
            times.insert(sample.wall_ms);
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
    query::exec::Columns joined;
    query::exec::join_replicas(accounts.columns, INT64_MAX, joined);
    double last = -1;
    for (size_t at = 0; at < joined.t.size(); ++at) {
        if (at > 0 && joined.t[at] - joined.t[at - 1] < half &&
            !accounts.of_one(joined.t[at - 1], joined.t[at])) {
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
        if (joined.v[at] < last) {
            return world_.fail("Q2",
                               words("a counter of target", number, "steps back at", joined.t[at]));
        }
        last = joined.v[at];
    }
}

}  // namespace sim
