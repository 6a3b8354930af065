// Run by skip_test.cc, one case at a time.
#include <catch2/catch.hpp>

#include "test/support/skip.h"

TEST_CASE("skips") {
    SKEIN_SKIP("nothing to see");
}

TEST_CASE("fails, then skips") {
    CHECK(1 + 1 == 3);
    SKEIN_SKIP("too late");
}

TEST_CASE("runs") {
    CHECK(1 + 1 == 2);
}
