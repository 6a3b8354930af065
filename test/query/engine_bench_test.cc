// Hidden: how long heavy queries take over a storage in memory. Run with an optimised build:
//   query_test "[bench]"
#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>

#include <catch2/catch.hpp>

#include "query/engine.h"
#include "query/testing/memory_storage.h"

namespace {

constexpr size_t kSeries = 100'000;
constexpr int64_t kStep = 15'000;
constexpr int64_t kSteps = 21;
constexpr int64_t kSamples = 41;  // of each series: the steps and a rate's window before them

void fill(query::testing::MemoryStorage& storage) {
    for (size_t i = 0; i < kSeries; ++i) {
        std::vector<model::ChunkSample> samples;
        for (int64_t n = 0; n < kSamples; ++n) {
            const auto value = static_cast<double>(n * static_cast<int64_t>(1 + i % 97));
            samples.push_back({n * kStep, 0, value, nullptr});
        }
        const std::string instance = "node-" + std::to_string(i / 100);
        const std::string handler = "/path/" + std::to_string(i % 100);
        const std::string code = std::to_string(200 + i % 36);
        storage.add(model::Labels{{"__name__", "requests_total"},
                                  {"code", code},
                                  {"handler", handler},
                                  {"instance", instance},
                                  {"job", "web"}},
                    samples);
    }
}

}  // namespace

TEST_CASE("heavy queries are measured", "[.bench]") {
    query::testing::MemoryStorage storage;
    fill(storage);
    query::Options options;
    const base::SystemClock clock;
    base::Budget budget("bench");
    query::Engine engine(options, storage, clock, budget);
    const int64_t start = (kSamples - kSteps) * kStep;
    for (const char* text : {"sum by (code) (rate(requests_total[5m]))",
                             "sum by (code) (requests_total)",
                             "count(requests_total)",
                             "topk(10, rate(requests_total[5m]))",
                             "max_over_time(requests_total[5m]) > 1e9",
                             "sum(requests_total) / count(requests_total)"}) {
        double best = 1e9;
        int64_t read = 0;
        for (int run = 0; run < 5; ++run) {
            const auto begin = std::chrono::steady_clock::now();
            const auto answer = engine.range(text, start, start + (kSteps - 1) * kStep, kStep);
            REQUIRE(answer.has_value());
            read = answer.value().stats.samples_read;
            best = std::min(
                best,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        }
        const auto points = static_cast<double>(kSeries * kSteps);
        std::cout << text << ": " << best * 1e3 << " ms, " << best * 1e9 / static_cast<double>(read)
                  << " ns per sample read, " << best * 1e9 / points << " ns per series and step\n";
    }
}
