#include "base/metrics.h"

#include <cmath>
#include <thread>

#include <catch2/catch.hpp>

using base::MetricEmitter;
using base::MetricKind;
using base::Registry;

namespace {

std::string text_of(const Registry& registry) {
    std::string out;
    registry.write_text(out);
    return out;
}

}  // namespace

TEST_CASE("the registry prints the text format, sorted", "[base][metrics]") {
    Registry registry;
    auto& requests = registry.counters("b_requests_total", "Requests.", {"code", "path"});
    requests.with({"200", "/a\"b\\c\nd"}).add(3);
    requests.with({"200", "/"}).add(0.5);
    registry.gauge("a_level", "Line one\nline \\ two.").set(-1.5);
    auto& seconds = registry.histogram("c_seconds", "Seconds.", {0.1, 1, 1e6});
    seconds.observe(0.1);
    seconds.observe(0.5);
    seconds.observe(1e9);
    registry.summary("d_seconds", "Sum.").observe(2);
    registry.counters("e_unused_total", "Never counted.", {"x"});
    CHECK(text_of(registry) ==
          "# HELP a_level Line one\\nline \\\\ two.\n"
          "# TYPE a_level gauge\n"
          "a_level -1.5\n"
          "# HELP b_requests_total Requests.\n"
          "# TYPE b_requests_total counter\n"
          "b_requests_total{code=\"200\",path=\"/\"} 0.5\n"
          "b_requests_total{code=\"200\",path=\"/a\\\"b\\\\c\\nd\"} 3\n"
          "# HELP c_seconds Seconds.\n"
          "# TYPE c_seconds histogram\n"
          "c_seconds_bucket{le=\"0.1\"} 1\n"
          "c_seconds_bucket{le=\"1\"} 2\n"
          "c_seconds_bucket{le=\"1e+06\"} 2\n"
          "c_seconds_bucket{le=\"+Inf\"} 3\n"
          "c_seconds_sum 1.0000000006e+09\n"
          "c_seconds_count 3\n"
          "# HELP d_seconds Sum.\n"
          "# TYPE d_seconds summary\n"
          "d_seconds_sum 2\n"
          "d_seconds_count 1\n");
}

TEST_CASE("a computed metric lives as long as its handle and may come back", "[base][metrics]") {
    Registry registry;
    double level = 1;
    {
        const auto gauge =
            registry.computed(MetricKind::kGauge, "level", "A level.", [&] { return level; });
        level = HUGE_VAL;
        CHECK(text_of(registry) == "# HELP level A level.\n# TYPE level gauge\nlevel +Inf\n");
    }
    CHECK(text_of(registry).empty());
    const auto again =
        registry.computed(MetricKind::kGauge, "level", "A level.", [] { return 2.0; });
    const auto states = registry.computed(
        MetricKind::kCounter, "states", "States.", {"state"}, [](MetricEmitter& emitter) {
            emitter.emit({"b"}, 2);
            emitter.emit({"a"}, std::nan(""));
        });
    CHECK(text_of(registry) ==
          "# HELP level A level.\n# TYPE level gauge\nlevel 2\n"
          "# HELP states States.\n# TYPE states counter\n"
          "states{state=\"a\"} NaN\nstates{state=\"b\"} 2\n");
}

TEST_CASE("a family is bounded and forgets what is removed", "[base][metrics]") {
    Registry registry;
    auto& family = registry.gauges("jobs", "Jobs.", {"job"}, 2);
    auto& first = family.with({"a"});
    family.with({"b"}).set(1);
    CHECK(&family.with({"a"}) == &first);
    family.with({"c"}).set(5);
    family.with({"d"}).add(1);
    CHECK(text_of(registry).find("jobs{job=\"other\"} 6\n") != std::string::npos);
    CHECK(text_of(registry).find("job=\"c\"") == std::string::npos);
    family.remove({"a"});
    first.set(9);  // harmless
    CHECK(text_of(registry).find("job=\"a\"") == std::string::npos);
}

TEST_CASE("every metric can be listed", "[base][metrics]") {
    Registry registry;
    registry.counters("z_total", "Z.", {"x", "y"});
    const auto handle = registry.computed(MetricKind::kGauge, "a", "A.", [] { return 0.0; });
    const auto list = registry.describe();
    REQUIRE(list.size() == 2);
    CHECK(list[0].name == "a");
    CHECK(list[0].kind == MetricKind::kGauge);
    CHECK(list[1].name == "z_total");
    CHECK(list[1].help == "Z.");
    CHECK(list[1].labels == std::vector<std::string>{"x", "y"});
}

TEST_CASE("counts of many threads add up", "[base][metrics]") {
    Registry registry;
    auto& counter = registry.counter("n_total", "N.");
    auto& family = registry.counters("m_total", "M.", {"k"});
    auto& histogram = registry.histogram("h", "H.", base::exponential_bounds(1, 2, 4));
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                counter.add();
                family.with({i % 2 == 0 ? "even" : "odd"}).add(1.5);
                histogram.observe(i % 20);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(counter.value() == 4000);
    CHECK(family.with({"odd"}).value() == 3000);
    CHECK(histogram.bounds().back() == 8);
    CHECK(text_of(registry).find("h_count 4000\n") != std::string::npos);
}
