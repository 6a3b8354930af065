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
    MemoryGovernor governor(process, queries, 400);
    base::Reservation query(queries);
    const auto new_series = [&] {
        base::Reservation probe(head);
        return probe.grow(10);
    };

    head.charge(500);
    governor.adjust();
    CHECK(query.grow(200));
    const auto refused = query.grow(1);
    REQUIRE(!refused);
    CHECK(refused.error().code() == base::Code::kLimit);
    CHECK(refused.error().message().find("query memory of 200 bytes") != std::string::npos);
    CHECK(new_series());

    head.charge(250);  // 750: within the reserve
    query.reset();
    governor.adjust();
    CHECK(!query.grow(1));
    CHECK(new_series());

    head.charge(50);
    governor.adjust();
    CHECK(!query.grow(1));
    CHECK(!new_series());
    head.charge(100);  // of series that are there
    CHECK(process.used() == 900);

    head.release(900);
    governor.adjust();
    CHECK(query.grow(400));
}
