#include "engine/limits.h"

#include <catch2/catch.hpp>

namespace {

engine::ProcessLimits limits_of(int64_t memory) {
    return {.memory_bytes = memory,
            .memory_from = "a test",
            .all_queries_bytes = memory / 2,
            .cut_bytes = memory / 4};
}

}  // namespace

TEST_CASE("a node's budget of series is the flag's, the configuration's, or its memory's",
          "[engine][limits]") {
    const auto limits = limits_of(int64_t{4} << 30);
    CHECK(engine::series_budget(7, 9, limits) == 7);
    CHECK(engine::series_budget(0, 9, limits) == 9);
    CHECK(engine::series_budget(0, 0, limits) == 2'097'000);  // 1 GiB of 512 B each
}

TEST_CASE("a budget from memory is in thousands, and never none", "[engine][limits]") {
    CHECK(engine::series_budget(0, 0, limits_of(int64_t{1} << 30)) == 524'000);
    CHECK(engine::series_budget(0, 0, limits_of(1)) == engine::kSeriesBudgetMin);
    CHECK(engine::series_budget(0, 0, limits_of(0)) == engine::kSeriesBudgetMin);
}

TEST_CASE("series of the budget leave queries and cutting their memory", "[engine][limits]") {
    for (const int64_t gib : {1, 2, 8, 64, 512}) {
        const auto limits = limits_of(gib << 30);
        const uint64_t series = engine::series_budget(0, 0, limits);
        CHECK(static_cast<int64_t>(series * engine::kBytesPerSeries) + limits.all_queries_bytes +
                  limits.cut_bytes <=
              limits.memory_bytes);
    }
}
