#include "base/budget.h"

#include <catch2/catch.hpp>

TEST_CASE("a budget charges its ancestors or nobody", "[base][budget]") {
    base::Budget process("process", 100);
    base::Budget query("query", process, 80);
    REQUIRE(query.reserve(60).has_value());
    CHECK(process.used() == 60);

    const auto over = query.reserve(30);
    REQUIRE(over.has_error());
    CHECK(over.error().code() == base::Code::kLimit);
    CHECK(over.error().message().find("query") != std::string::npos);

    process.charge(30);
    const auto above = query.reserve(15);
    REQUIRE(above.has_error());
    CHECK(above.error().message().find("process") != std::string::npos);
    CHECK(query.used() == 60);

    process.release(30);
    query.release(60);
    CHECK(process.used() == 0);
}

TEST_CASE("a reservation gives its bytes back when it goes", "[base][budget]") {
    base::Budget process("process", 100);
    {
        base::Reservation first(process);
        REQUIRE(first.grow(40).has_value());
        base::Reservation second = std::move(first);
        CHECK(second.bytes() == 40);
        CHECK(first.bytes() == 0);
        CHECK(process.used() == 40);
    }
    CHECK(process.used() == 0);
}
