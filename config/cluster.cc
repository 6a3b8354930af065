// The cluster key.
#include <algorithm>
#include <string>
#include <string_view>

#include "base/duration.h"
#include "config/blocks.h"

namespace config {
namespace {

// Writes numbers as a user would: 5s, 0.9, 8.
std::string text_of(uint64_t number) {
    return std::to_string(number);
}

std::string text_of(double number) {
    std::string text = std::to_string(number);
    text.erase(text.find_last_not_of('0') + 1);
    return text.ends_with('.') ? text + "0" : text;
}

std::string text_of(Milliseconds time) {
    return base::format_duration_ms(time.count());
}

// Reads a number that must lie in a range, both ends included.
template <class Number>
void read_between(MapReader& map, std::string_view key, Number least, Number most, Number& out) {
    Number value = out;
    map.read(key, value);
    // Said so that no number, which is in no order with any, is outside.
    if (!(value >= least && value <= most)) {
        map.problem(map.at(key),
                    map.what() + "." + std::string(key) + " must be " + text_of(least) + " to " +
                        text_of(most));
        return;
    }
    out = value;
}

void read_thresholds(const Node& node, Scope& scope, ClusterOptions::Thresholds& out) {
    MapReader map(node, "cluster.thresholds", scope.problems);
    read_between(map, "balance", 1.04, 3.0, out.balance);
    read_between(map, "fill", 0.1, 0.98, out.fill);
    read_between(map, "budget", 0.1, 1.0, out.budget);
    read_between(map, "series_per_minute", 0.001, 1.0, out.series_per_minute);
}

void read_job(const Node& node,
              const std::string& name,
              const Node& key,
              Scope& scope,
              const std::vector<scrape::JobOptions>& jobs,
              ClusterOptions& out) {
    MapReader map(node, "cluster.jobs." + name, scope.problems);
    const bool known = std::any_of(
        jobs.begin(), jobs.end(), [&](const auto& job) { return job.job_name == name; });
    if (!known) {
        map.problem(
            key,
            "cluster.jobs names the job \"" + name +
                "\", which scrape_configs does not have: correct the name, or leave it out");
    }
    ClusterOptions::Job& job = out.jobs[name];
    if (map.find("replication_factor") != nullptr) {
        job.replication_factor = 1;
        read_between(map, "replication_factor", uint64_t{1}, kReplicasMax, job.replication_factor);
    }
    map.read("exclusive", job.exclusive);
    map.read("split", job.split);
    if (job.exclusive && job.replication_factor > 1) {
        map.problem(map.at("replication_factor"),
                    "the targets of the exclusive job \"" + name +
                        "\" are scraped by one node each: replication_factor can only be 1");
    }
    if (job.split) {
        scope.unbuilt.push_back({"cluster.jobs.split", "job " + name, map.at("split").place()});
    }
}

void read_jobs(const Node& node,
               Scope& scope,
               const std::vector<scrape::JobOptions>& jobs,
               ClusterOptions& out) {
    MapReader map(node, "cluster.jobs", scope.problems);
    for (const auto& [name, value] : node.entries) {
        static_cast<void>(map.find(name->text));
        read_job(*value, name->text, *name, scope, jobs, out);
    }
}

}  // namespace

uint64_t ClusterOptions::replicas(const std::string& job) const {
    const auto found = jobs.find(job);
    if (found == jobs.end()) {
        return replication_factor;
    }
    if (found->second.exclusive) {
        return 1;
    }
    return found->second.replication_factor != 0 ? found->second.replication_factor
                                                 : replication_factor;
}

bool ClusterOptions::exclusive(const std::string& job) const {
    const auto found = jobs.find(job);
    return found != jobs.end() && found->second.exclusive;
}

void read_cluster(const Node& node,
                  Scope& scope,
                  const std::vector<scrape::JobOptions>& jobs,
                  ClusterOptions& out) {
    MapReader map(node, "cluster", scope.problems);
    read_between(map, "replication_factor", uint64_t{1}, kReplicasMax, out.replication_factor);
    read_between(map, "series_budget", uint64_t{0}, kSeriesBudgetMax, out.series_budget);
    map.read("voters", out.voters);
    if (out.voters != 1 && out.voters != 3 && out.voters != 5) {
        map.problem(map.at("voters"), "cluster.voters must be 1, 3 or 5");
    }
    read_between(map, "handoff_scrapes", uint64_t{1}, kHandoffScrapesMax, out.handoff_scrapes);
    read_between(
        map, "failure_timeout", kFailureTimeoutMin, kFailureTimeoutMax, out.failure_timeout);
    read_between(map, "dead_timeout", kDeadTimeoutMin, kDeadTimeoutMax, out.dead_timeout);
    if (out.dead_timeout < 2 * out.failure_timeout) {
        map.problem(map.at(map.has("dead_timeout") ? "dead_timeout" : "failure_timeout"),
                    "cluster.dead_timeout (" + text_of(out.dead_timeout) +
                        ") must be at least twice cluster.failure_timeout (" +
                        text_of(out.failure_timeout) + ")");
    }
    if (const Node* thresholds = map.find("thresholds")) {
        read_thresholds(*thresholds, scope, out.thresholds);
    }
    if (const Node* listed = map.find("jobs")) {
        read_jobs(*listed, scope, jobs, out);
    }
    map.each("store_endpoints", [&](const Node& item) {
        MapReader endpoints(item, "cluster.store_endpoints", scope.problems);
        read_discovery(endpoints, scope, "cluster.store_endpoints", false, out.store_endpoints);
    });
}

}  // namespace config
