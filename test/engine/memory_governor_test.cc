#include "engine/memory_governor.h"

#include <catch2/catch.hpp>

using engine::MemoryGovernor;

TEST_CASE("queries get what the head leaves, less its reserve", "[engine][memory]") {
    CHECK(MemoryGovernor::query_limit(800, 0, 400) == 400);
    CHECK(MemoryGovernor::query_limit(800, 300, 400) == 400);
    CHECK(MemoryGovernor::query_limit(800, 500, 400) == 200);
    CHECK(MemoryGovernor::query_limit(800, 700, 400) == 0);
    CHECK(MemoryGovernor::query_limit(800, 900, 400) == 0);
}

TEST_CASE("queries are refused first, then new series, never what is there", "[engine][memory]") {
    base::Budget process("storage.memory-limit", 800);
    base::Budget queries("query memory", process, 400);
    base::Budget head("head", process);
    const base::Budget scrapes("scrapes");
    MemoryGovernor governor(process, queries, scrapes, 400);
    base::Reservation query(queries);
    const auto new_series = [&] {
        base::Reservation probe(head);
        return probe.grow(10);
    };

    head.charge(500);
    governor.adjust(0);
    CHECK(query.grow(200));
    const auto refused = query.grow(1);
    REQUIRE(!refused);
    CHECK(refused.error().code() == base::Code::kLimit);
    CHECK(refused.error().message().find("query memory of 200 bytes") != std::string::npos);
    CHECK(new_series());

    head.charge(250);  // 750: within the reserve
    query.reset();
    governor.adjust(0);
    CHECK(!query.grow(1));
    CHECK(new_series());

    head.charge(50);
    governor.adjust(0);
    CHECK(!query.grow(1));
    CHECK(!new_series());
    head.charge(100);  // of series that are there
    CHECK(process.used() == 900);

    head.release(900);
    governor.adjust(0);
    CHECK(query.grow(400));
}

TEST_CASE("what is resident for long without being accounted counts as in use",
          "[engine][memory]") {
    base::Budget process("storage.memory-limit", 800);
    base::Budget queries("query memory", process, 400);
    base::Budget scrapes("scrapes");
    MemoryGovernor governor(process, queries, scrapes, 400);
    process.charge(100);
    scrapes.charge(50);
    const auto look = [&](size_t times, int64_t resident) {
        for (size_t i = 0; i < times; ++i) {
            governor.adjust(resident);
        }
    };

    look(MemoryGovernor::kLooks - 1, 550);
    CHECK(governor.unaccounted() == 0);
    CHECK(process.used() == 150);  // with the scrapes
    look(1, 600);
    CHECK(governor.unaccounted() == 400);
    CHECK(process.used() == 550);
    CHECK(queries.limit() == 150);

    look(1, 400);  // the system has it back
    CHECK(governor.unaccounted() == 250);
    look(1, 100);  // less than is accounted: swapped out
    CHECK(governor.unaccounted() == 0);
    look(MemoryGovernor::kLooks, 10'000);
    CHECK(queries.limit() == 0);
    CHECK(!process.reserve(1));
    CHECK(scrapes.reserve(1));  // of series that are there
    look(1, 0);
    CHECK(process.used() == 151);
    process.release(100);
    scrapes.release(51);
}
