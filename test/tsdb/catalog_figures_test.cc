// Figures of the catalog, printed: bytes per series by part, nanoseconds per series made and gone.
// Hidden; run tsdb_test "[.figures]" of an optimised build.
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/budget.h"
#include "tsdb/head/catalog.h"

namespace {

constexpr uint32_t kTargets = 1000;
constexpr uint32_t kSeriesPerTarget = 1000;
constexpr double kSeries = double{kTargets} * kSeriesPerTarget;

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Ten labels, `unique` of them with a value that no other series has.
model::Labels series_labels(uint32_t target, uint32_t series, int unique) {
    const uint32_t number = target * kSeriesPerTarget + series;
    const std::string instance = "10.0.12." + std::to_string(target) + ":9100";
    const std::string pod = "checkout-7f9c6d5b8-" + std::to_string(target * 7919 + 10000);
    const std::string name = "http_request_metric_" + std::to_string(series / 10) + "_total";
    const std::string path = "/api/v1/orders/" + std::to_string(unique > 0 ? number : series % 10);
    const std::string version = unique > 1 ? "id-" + std::to_string(4000000000u + number) : "v2.13";
    return model::Labels::from_unsorted({{"__name__", name},
                                         {"instance", instance},
                                         {"job", "checkout"},
                                         {"namespace", "shop"},
                                         {"pod", pod},
                                         {"node", instance},
                                         {"method", series % 2 == 0 ? "GET" : "POST"},
                                         {"code", "200"},
                                         {"handler", path},
                                         {"version", version}});
}

void print_memory(const tsdb::HeadMemory& memory) {
    for (const auto part : {tsdb::HeadPart::kLabels,
                            tsdb::HeadPart::kSymbols,
                            tsdb::HeadPart::kPostings,
                            tsdb::HeadPart::kSeriesMap}) {
        std::printf("  %-14s %7.1f B/series\n",
                    std::string(tsdb::kHeadPartNames[static_cast<size_t>(part)]).c_str(),
                    static_cast<double>(memory.bytes(part)) / kSeries);
    }
    std::printf(
        "  %-14s %7.1f B/series\n", "catalog", static_cast<double>(memory.total()) / kSeries);
}

}  // namespace

TEST_CASE("figures of the catalog", "[.figures]") {
    const int unique = GENERATE(0, 1, 2);
    base::Budget budget("figures");
    tsdb::HeadMemory memory(budget);
    tsdb::Catalog catalog(memory);
    std::vector<uint32_t> slots;
    const auto make = [&](uint32_t target) {
        std::vector<model::Labels> labels;
        for (uint32_t series = 0; series < kSeriesPerTarget; ++series) {
            labels.push_back(series_labels(target, series, unique));
        }
        const double began = cpu_seconds();
        for (const auto& of_series : labels) {
            bool created = false;
            const auto reserve = [&]() -> base::Result<uint32_t> {
                return static_cast<uint32_t>(slots.size());
            };
            const auto publish = [&](uint32_t slot, tsdb::LabelsRef) { slots.push_back(slot); };
            REQUIRE(catalog.find_or_create(
                of_series, of_series.hash(), reserve, publish, [](uint32_t) {}, created));
        }
        return cpu_seconds() - began;
    };
    double spent = 0;
    for (uint32_t target = 0; target < kTargets; ++target) {
        spent += make(target);
    }
    std::printf("%d unique values of ten; new series: %.0f ns\n", unique, spent / kSeries * 1e9);
    print_memory(memory);
    const double began = cpu_seconds();
    auto unlinked = catalog.unlink(slots);
    const double between = cpu_seconds();
    catalog.recycle(std::move(unlinked));
    std::printf("unlinked: %.0f ns, recycled: %.0f ns\n",
                (between - began) / kSeries * 1e9,
                (cpu_seconds() - between) / kSeries * 1e9);
}
