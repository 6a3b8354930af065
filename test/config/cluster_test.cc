#include <fstream>

#include <catch2/catch.hpp>

#include "config/config.h"
#include "test/support/temp_folder.h"

namespace {

using std::chrono::milliseconds;

constexpr const char* kJobs = "scrape_configs: [{job_name: a}, {job_name: b}]\n";

base::Result<std::shared_ptr<const config::Config>> load(const std::string& text) {
    const test_support::TempFolder folder;
    const std::string path = folder / "p.yml";
    std::ofstream(path) << kJobs << text;
    const auto files = base::make_posix_files();
    return config::load(*files, path, {});
}

config::ClusterOptions cluster(const std::string& text) {
    const auto loaded = load(text);
    REQUIRE(loaded.has_value());
    return loaded.value()->cluster;
}

}  // namespace

TEST_CASE("the cluster is one optional key", "[config][cluster]") {
    CHECK(!load("").value()->has_cluster);
    CHECK(load("cluster: {}\n").value()->has_cluster);
    const auto options = cluster("");
    CHECK(options.replication_factor == 1);
    CHECK(options.series_budget == 0);
    CHECK(options.voters == 3);
    CHECK(options.handoff_scrapes == 2);
    CHECK(options.failure_timeout == milliseconds(5'000));
    CHECK(options.dead_timeout == milliseconds(60'000));
    CHECK(options.replicas("a") == 1);
    CHECK(!options.exclusive("a"));
}

TEST_CASE("every key of the cluster is read", "[config][cluster]") {
    const auto options = cluster(R"(
cluster:
  replication_factor: 2
  series_budget: 750000
  voters: 5
  handoff_scrapes: 3
  failure_timeout: 10s
  dead_timeout: 5m
  thresholds: {balance: 1.2, fill: 0.8, budget: 0.7, series_per_minute: 0.1}
  jobs:
    a: {replication_factor: 3}
    b: {exclusive: true}
  store_endpoints: [{static_configs: [{targets: ["x:1"]}]}]
)");
    CHECK(options.replication_factor == 2);
    CHECK(options.series_budget == 750'000);
    CHECK(options.voters == 5);
    CHECK(options.handoff_scrapes == 3);
    CHECK(options.failure_timeout == milliseconds(10'000));
    CHECK(options.dead_timeout == milliseconds(300'000));
    CHECK(options.thresholds.balance == 1.2);
    CHECK(options.thresholds.fill == 0.8);
    CHECK(options.thresholds.budget == 0.7);
    CHECK(options.thresholds.series_per_minute == 0.1);
    CHECK(options.replicas("a") == 3);
    CHECK(options.replicas("others") == 2);
    CHECK(options.replicas("b") == 1);  // exclusive
    CHECK(options.exclusive("b"));
    CHECK(!options.exclusive("a"));
    CHECK(options.store_endpoints.static_groups.size() == 1);
}

TEST_CASE("what the cluster cannot be is a problem with its line", "[config][cluster]") {
    const auto check = [](const std::string& keys, const std::string& want) {
        CAPTURE(keys);
        const auto loaded = load("cluster:\n  " + keys + "\n");
        REQUIRE(loaded.has_error());
        CAPTURE(loaded.error().message());
        CHECK(loaded.error().message().find("p.yml:3: " + want) != std::string::npos);
    };
    check("replication_factor: 0", "cluster.replication_factor must be 1 to 8");
    check("replication_factor: 9", "cluster.replication_factor must be 1 to 8");
    check("series_budget: 1000000001", "cluster.series_budget must be 0 to 1000000000");
    check("series_budget: -1", "series_budget must be a whole number");
    check("voters: 2", "cluster.voters must be 1, 3 or 5");
    check("handoff_scrapes: 0", "cluster.handoff_scrapes must be 1 to 10");
    check("handoff_scrapes: 11", "cluster.handoff_scrapes must be 1 to 10");
    check("failure_timeout: 1999ms", "cluster.failure_timeout must be 2s to 5m");
    check("failure_timeout: 301s", "cluster.failure_timeout must be 2s to 5m");
    check("dead_timeout: 9s", "cluster.dead_timeout must be 10s to 1d");
    check("failure_timeout: 31s",
          "cluster.dead_timeout (1m) must be at least twice cluster.failure_timeout (31s)");
    check("thresholds: {balance: 1.0}", "cluster.thresholds.balance must be 1.04 to 3.0");
    check("thresholds: {balance: nan}", "cluster.thresholds.balance must be");
    check("thresholds: {fill: 1}", "cluster.thresholds.fill must be 0.1 to 0.98");
    check("thresholds: {budget: 1.1}", "cluster.thresholds.budget must be 0.1 to 1.0");
    check("thresholds: {series_per_minute: 0}",
          "cluster.thresholds.series_per_minute must be 0.001 to 1.0");
    check("thresholds: {fil: 0.5}", "unknown key \"fil\" in cluster.thresholds (did you mean");
    check("jobs: {a: {replication_factor: 0}}", "cluster.jobs.a.replication_factor must be 1 to 8");
    check("jobs: {c: {exclusive: true}}",
          "cluster.jobs names the job \"c\", which scrape_configs does not have");
    check("jobs: {c: }", "cluster.jobs names the job \"c\"");
    check("jobs: {a: {exclusive: true, replication_factor: 2}}",
          "the targets of the exclusive job \"a\" are scraped by one node each");
    check("jobs: [a]", "expected keys and values in cluster.jobs");
    check("paused: true", "unknown key \"paused\" in cluster");
}

TEST_CASE("splitting a target is accepted and noted as not built", "[config][cluster]") {
    const auto loaded = load("cluster:\n  jobs:\n    a: {split: true}\n").value();
    CHECK(loaded->cluster.jobs.at("a").split);
    REQUIRE(loaded->unbuilt.size() == 1);
    CHECK(loaded->unbuilt[0].feature == "cluster.jobs.split");
    CHECK(loaded->unbuilt[0].scope == "job a");
    CHECK(loaded->unbuilt[0].place.ends_with("p.yml:4"));
}
