#include "scrape/discovery/resolve.h"

#include <catch2/catch.hpp>

#include "scrape/discovery/groups.h"

namespace {

scrape::JobOptions job() {
    scrape::JobOptions options;
    options.job_name = "node";
    options.interval = std::chrono::seconds(15);
    options.timeout = std::chrono::seconds(10);
    return options;
}

model::TargetGroup group(std::vector<std::string> addresses, model::Labels labels = {}) {
    model::TargetGroup made;
    made.source = "g";
    made.labels = std::move(labels);
    for (const std::string& address : addresses) {
        made.targets.push_back(model::Labels({{"__address__", address}}));
    }
    return made;
}

model::RelabelRule replace(std::string target, std::string replacement) {
    model::RelabelRule rule;
    rule.target_label = std::move(target);
    rule.replacement = std::move(replacement);
    return rule;
}

// The one target, or null; with the failure in `why`.
std::shared_ptr<const model::Target> resolve_one(const scrape::JobOptions& options,
                                                 const model::TargetGroup& of,
                                                 std::string* why = nullptr) {
    auto resolution = scrape::resolve_job(options, {of});
    if (why != nullptr && !resolution.failures.empty()) {
        *why = resolution.failures.front();
    }
    return resolution.job->active.empty() ? nullptr : resolution.job->active.front();
}

}  // namespace

TEST_CASE("a target gets the job's defaults, instance and URL", "[scrape][resolve]") {
    const auto target = resolve_one(job(), group({"host:9100"}, {{"env", "prod"}}));
    REQUIRE(target != nullptr);
    CHECK(target->labels ==
          model::Labels({{"env", "prod"}, {"instance", "host:9100"}, {"job", "node"}}));
    CHECK(target->url == "http://host:9100/metrics");
    CHECK(target->discovered == model::Labels({{"__address__", "host:9100"},
                                               {"__metrics_path__", "/metrics"},
                                               {"__scheme__", "http"},
                                               {"__scrape_interval__", "15s"},
                                               {"__scrape_timeout__", "10s"},
                                               {"env", "prod"},
                                               {"job", "node"}}));
    CHECK(target->interval == std::chrono::seconds(15));
    CHECK(target->id != 0);
}

TEST_CASE("labels steer scheme, path, parameters, interval and timeout", "[scrape][resolve]") {
    scrape::JobOptions options = job();
    options.params = {{"module", {"a", "b"}}, {"x", {"1 2"}}};
    const auto target = resolve_one(options,
                                    group({"h"},
                                          {{"__scheme__", "https"},
                                           {"__metrics_path__", "probe it"},
                                           {"__param_module", "c"},
                                           {"__param_new", "é"},
                                           {"__scrape_interval__", "1m"},
                                           {"__scrape_timeout__", "5s"},
                                           {"__meta_secret", "no"}}));
    REQUIRE(target != nullptr);
    CHECK(target->url == "https://h/probe%20it?module=c&module=b&new=%C3%A9&x=1+2");
    CHECK(target->interval == std::chrono::minutes(1));
    CHECK(target->timeout == std::chrono::seconds(5));
    CHECK(target->labels == model::Labels({{"instance", "h"}, {"job", "node"}}));
}

TEST_CASE("what makes no target is a failure that says why", "[scrape][resolve]") {
    const auto check = [](model::Labels labels, std::string_view want) {
        std::string why;
        CHECK(resolve_one(job(), group({"h"}, std::move(labels)), &why) == nullptr);
        CHECK(why.find(want) != std::string::npos);
    };
    check({{"__scrape_interval__", "x"}}, "error parsing scrape interval");
    check({{"__scrape_interval__", "0s"}}, "scrape interval cannot be 0");
    check({{"__scrape_timeout__", "0s"}}, "scrape timeout cannot be 0");
    check({{"__scrape_timeout__", "1m"}},
          "scrape timeout cannot be greater than scrape interval (\"1m\" > \"15s\")");
    check({{"x", "\xff"}}, "invalid label value");
    std::string why;
    CHECK(resolve_one(job(), group({"http://h/"}), &why) == nullptr);
    CHECK(why.find("is not a valid hostname") != std::string::npos);
    scrape::JobOptions options = job();
    options.relabel_rules = {replace("__address__", "")};
    CHECK(resolve_one(options, group({"h"}), &why) == nullptr);
    CHECK(why.find("no address") != std::string::npos);
}

TEST_CASE("targets equal after relabelling are one; dropped ones are counted and kept to a number",
          "[scrape][resolve]") {
    scrape::JobOptions options = job();
    options.limits.keep_dropped_targets = 1;
    model::RelabelRule drop;
    drop.action = model::RelabelAction::kDrop;
    drop.source_labels = {"__address__"};
    drop.regex = model::Regex::compile("bad.*").value();
    options.relabel_rules = {drop};
    const auto resolution =
        scrape::resolve_job(options, {group({"a", "bad1", "a", "bad2", "b"}), group({"b"})});
    CHECK(resolution.job->active.size() == 2);
    CHECK(resolution.job->dropped_count == 2);
    CHECK(resolution.job->dropped.size() == 1);
    CHECK_FALSE(resolution.job->over_target_limit);
    options.limits.target_limit = 1;
    CHECK(scrape::resolve_job(options, {group({"a", "b"})}).job->over_target_limit);
}

TEST_CASE("a unix socket stands in for the address", "[scrape][resolve]") {
    scrape::JobOptions options = job();
    model::TargetGroup of;
    of.source = "g";
    of.targets = {model::Labels({{"__unix_socket__", "/run/x.sock"}})};
    const auto target = resolve_one(options, of);
    REQUIRE(target != nullptr);
    CHECK(target->unix_socket == "/run/x.sock");
    CHECK(target->url == "http://localhost/metrics");
}

TEST_CASE("the id does not depend on anything but labels and URL", "[scrape][resolve]") {
    const auto first = resolve_one(job(), group({"h"}));
    scrape::JobOptions other = job();
    other.honor_labels = true;
    CHECK(resolve_one(other, group({"h"}))->id == first->id);
    other.params = {{"a", {"b"}}};
    CHECK(resolve_one(other, group({"h"}))->id != first->id);
}

TEST_CASE("target groups in JSON are read strictly", "[scrape][discovery]") {
    const auto groups = scrape::parse_json_groups(
        R"([{"targets":["a:1","b:2"],"labels":{"x":"y"}},{"targets":[]},{"labels":null}])", "f");
    REQUIRE(groups);
    REQUIRE(groups.value().size() == 3);
    CHECK(groups.value()[0].source == "f:0");
    CHECK(groups.value()[0].targets[1].get("__address__") == "b:2");
    CHECK(groups.value()[0].labels.get("x") == "y");
    for (const char* bad : {"{}",
                            "[1]",
                            R"([{"targets":"a"}])",
                            R"([{"targets":[1]}])",
                            R"([{"labels":{"a":1}}])",
                            R"([{"what":1}])",
                            "[",
                            ""}) {
        CAPTURE(bad);
        CHECK_FALSE(scrape::parse_json_groups(bad, "f"));
    }
}
