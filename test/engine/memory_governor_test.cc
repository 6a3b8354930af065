#include "engine/memory_governor.h"

#include <catch2/catch.hpp>

#include "base/memory_reserve.h"

using engine::MemoryGovernor;

namespace {

const engine::FreeMemory kNoFreeMemory{.bytes = [] { return int64_t{0}; }, .give_back = [] {}};

}  // namespace

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
    MemoryGovernor governor(process, queries, scrapes, 400, kNoFreeMemory);
    base::Reservation query(queries);
    const auto new_series = [&] {
        base::Reservation probe(head);
        return probe.grow(10);
    };

    head.charge(500);
    governor.adjust(0, 0);
    CHECK(query.grow(200));
    const auto refused = query.grow(1);
    REQUIRE(!refused);
    CHECK(refused.error().code() == base::Code::kLimit);
    CHECK(refused.error().message().find("query memory of 200 bytes") != std::string::npos);
    CHECK(new_series());

    head.charge(250);  // 750: within the reserve
    query.reset();
    governor.adjust(0, 0);
    CHECK(!query.grow(1));
    CHECK(new_series());

    head.charge(50);
    governor.adjust(0, 0);
    CHECK(!query.grow(1));
    CHECK(!new_series());
    head.charge(100);  // of series that are there
    CHECK(process.used() == 900);

    head.release(900);
    governor.adjust(0, 0);
    CHECK(query.grow(400));
}

TEST_CASE("what is resident for long without being accounted counts as in use",
          "[engine][memory]") {
    base::Budget process("storage.memory-limit", 800);
    base::Budget queries("query memory", process, 400);
    base::Budget scrapes("scrapes");
    MemoryGovernor governor(process, queries, scrapes, 400, kNoFreeMemory);
    process.charge(100);
    scrapes.charge(50);
    const auto look = [&](size_t times, int64_t resident) {
        for (size_t i = 0; i < times; ++i) {
            governor.adjust(resident, 0);
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

TEST_CASE("what is kept ready counts as in use, though it is not resident", "[engine][memory]") {
    base::Budget process("storage.memory-limit", 800);
    base::Budget queries("query memory", process, 400);
    base::Budget head("head", process);
    const base::Budget scrapes("scrapes");
    base::MemoryReserve upkeep("upkeep memory", process);
    MemoryGovernor governor(process, queries, scrapes, 400, kNoFreeMemory);
    const auto look = [&](int64_t resident) {
        for (size_t i = 0; i < MemoryGovernor::kLooks; ++i) {
            governor.adjust(resident, upkeep.ready());
        }
    };
    head.charge(300);
    upkeep.keep(100);

    look(350);  // 50 of nobody
    CHECK(governor.unaccounted() == 50);
    CHECK(process.used() == 450);
    CHECK(queries.limit() == 250);

    upkeep.take(80);  // a block is being cut
    look(430);
    CHECK(governor.unaccounted() == 50);
    CHECK(process.used() == 450);
    CHECK(queries.limit() == 250);

    upkeep.take(70);  // more than was kept
    look(500);
    CHECK(governor.unaccounted() == 50);
    CHECK(process.used() == 500);
    CHECK(queries.limit() == 200);

    upkeep.give_back(150);
    head.release(300);
}

TEST_CASE("free memory is given back near the limit when it is much, and else kept",
          "[engine][memory]") {
    base::Budget process("storage.memory-limit", 800);
    base::Budget queries("query memory", process, 400);
    const base::Budget scrapes("scrapes");
    int64_t free = 0;
    const engine::FreeMemory allocator{.bytes = [&] { return free; },
                                       .give_back = [&] { free = 0; }};
    MemoryGovernor governor(process, queries, scrapes, 400, allocator);
    const auto left = [&](int64_t resident, int64_t free_before) {
        free = free_before;
        governor.adjust(resident, 0);
        return free;
    };
    CHECK(left(0, 500) == 500);
    CHECK(left(600, 500) == 500);
    CHECK(left(601, 500) == 0);
    CHECK(left(601, 25) == 25);
    CHECK(left(900, 26) == 0);
}
