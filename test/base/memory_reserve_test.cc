#include "base/memory_reserve.h"

#include <catch2/catch.hpp>

using base::Budget;
using base::MemoryReserve;
using base::TakenMemory;

TEST_CASE("what is kept ready counts before it is taken, and once", "[base][memory]") {
    Budget process("process", 1000);
    MemoryReserve reserve("upkeep", process);
    reserve.keep(300);
    CHECK(process.used() == 300);
    CHECK(reserve.ready() == 300);
    CHECK(!process.reserve(701));

    reserve.take(200);
    CHECK(process.used() == 300);
    CHECK(reserve.taken() == 200);
    CHECK(reserve.ready() == 100);

    reserve.give_back(200);
    reserve.keep(0);
    CHECK(process.used() == 0);
}

TEST_CASE("memory beyond the reserve is not refused, and counts as well", "[base][memory]") {
    Budget process("process", 1000);
    MemoryReserve reserve("upkeep", process);
    reserve.keep(300);
    reserve.take(1500);
    CHECK(process.used() == 1500);
    CHECK(reserve.ready() == 0);

    reserve.keep(2000);  // while it is in use
    CHECK(process.used() == 2000);
    CHECK(reserve.ready() == 500);
    reserve.keep(100);
    CHECK(process.used() == 1500);

    reserve.give_back(1500);
    CHECK(process.used() == 100);
}

TEST_CASE("memory taken for a scope follows what the scope holds", "[base][memory]") {
    Budget process("process");
    MemoryReserve reserve("upkeep", process);
    {
        TakenMemory first(&reserve);
        TakenMemory second(&reserve);
        first.set(100);
        second.set(50);
        CHECK(reserve.taken() == 150);
        first.set(30);
        CHECK(reserve.taken() == 80);
        first.set(400);
        CHECK(process.used() == 450);
    }
    CHECK(reserve.taken() == 0);
    CHECK(reserve.most_taken() == 450);
    CHECK(process.used() == 0);

    TakenMemory uncounted(nullptr);
    uncounted.set(1000);
    CHECK(process.used() == 0);
}
