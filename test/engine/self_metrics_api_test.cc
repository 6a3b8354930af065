#include "engine/self_metrics_api.h"

#include <catch2/catch.hpp>

namespace {

std::string ask(const base::Registry& registry, const std::string& pattern = {}) {
    std::string page;
    registry.write_text(page);
    return engine::metric_families_json(page, pattern).value();
}

}  // namespace

TEST_CASE("own metrics of every kind are told as JSON", "[engine][self]") {
    base::Registry registry;
    registry.counter("b_total", "With \"quotes\"\nand lines.").add(3);
    registry.gauges("c", "A gauge.", {"x", "y"}).with({"1", "a\"b"}).set(-0.5);
    registry.gauge("d", "No number.").set(std::nan(""));
    auto& histogram = registry.histogram("e_seconds", "A histogram.", {0.5, 2});
    histogram.observe(0.25);
    histogram.observe(1);
    histogram.observe(100);
    registry.summary("f", "A summary.").observe(7);
    registry.counters("empty_total", "Without a metric.", {"x"});
    CHECK(ask(registry) ==
          R"([{"name":"b_total","help":"With \"quotes\"\nand lines.","type":"COUNTER",)"
          R"("metric":[{"counter":{"value":3}}]},)"
          R"({"name":"c","help":"A gauge.","type":"GAUGE","metric":[{"label":[)"
          R"({"name":"x","value":"1"},{"name":"y","value":"a\"b"}],"gauge":{"value":-0.5}}]},)"
          R"({"name":"d","help":"No number.","type":"GAUGE","metric":[{"gauge":{"value":"NaN"}}]},)"
          R"({"name":"e_seconds","help":"A histogram.","type":"HISTOGRAM","metric":[{"histogram":)"
          R"({"sampleCount":"3","sampleSum":101.25,"bucket":[)"
          R"({"cumulativeCount":"1","upperBound":0.5},{"cumulativeCount":"2","upperBound":2}]}}]},)"
          R"({"name":"f","help":"A summary.","type":"SUMMARY","metric":[)"
          R"({"summary":{"sampleCount":"1","sampleSum":7}}]}])");
}

TEST_CASE("own metrics are told of families whose whole name matches", "[engine][self]") {
    base::Registry registry;
    registry.counter("a_total", "a");
    registry.counter("aa_total", "aa");
    registry.gauge("b", "b");
    CHECK(ask(registry, "a_total|b") ==
          R"([{"name":"a_total","help":"a","type":"COUNTER","metric":[{"counter":{"value":0}}]},)"
          R"({"name":"b","help":"b","type":"GAUGE","metric":[{"gauge":{"value":0}}]}])");
    CHECK(ask(registry, "c") == "[]");
    const auto bad = engine::metric_families_json("", "(");
    REQUIRE(bad.has_error());
    CHECK(bad.error().code() == base::Code::kInvalid);
    CHECK_THAT(bad.error().message(), Catch::Matchers::StartsWith("invalid metric_name_pattern: "));
}
