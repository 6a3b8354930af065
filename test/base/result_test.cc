#include "base/result.h"

#include <catch2/catch.hpp>

namespace {

base::Result<int> half(int number) {
    if (number % 2 != 0) {
        return base::fail(base::Code::kInvalid, "odd number", number);
    }
    return number / 2;
}

base::Result<int> quarter(int number) {
    TRY(auto once, half(number));
    TRY(auto twice, base::context(half(once), "halve again", once));
    return twice;
}

}  // namespace

TEST_CASE("a result hands its error up with context in front", "[base][result]") {
    CHECK(quarter(8).value() == 2);
    CHECK(quarter(3).error().message() == "odd number 3");
    CHECK(quarter(6).error().message() == "halve again 3: odd number 3");
    CHECK(quarter(6).error().code() == base::Code::kInvalid);
}
