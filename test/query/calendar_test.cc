#include "query/exec/calendar.h"

#include <chrono>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

namespace query::exec {
namespace {

using std::chrono::sys_days;

void check_day(int64_t days_since_1970) {
    CAPTURE(days_since_1970);
    const sys_days day{std::chrono::days(days_since_1970)};
    const std::chrono::year_month_day want(day);
    const sys_days first = want.year() / std::chrono::January / 1;
    const Moment got(static_cast<double>(days_since_1970) * 86400.0 + 86399);
    REQUIRE(got.year() == static_cast<int>(want.year()));
    REQUIRE(got.month() == static_cast<unsigned>(want.month()));
    REQUIRE(got.day() == static_cast<unsigned>(want.day()));
    REQUIRE(got.day_of_year() == (day - first).count() + 1);
    REQUIRE(got.day_of_week() == std::chrono::weekday(day).c_encoding());
    REQUIRE(got.days_in_month() ==
            static_cast<unsigned>((want.year() / want.month() / std::chrono::last).day()));
    REQUIRE(got.hour() * 60 + got.minute() == 24 * 60 - 1);
}

}  // namespace

TEST_CASE("dates are those of the Gregorian calendar", "[query]") {
    for (int64_t day = -800'000; day < 800'000; day += 1 + (day % 7 == 0 ? 11 : 0)) {
        check_day(day);
    }
}

TEST_CASE("times that are no int64 lie at the end of time", "[query]") {
    const double odd = GENERATE(std::numeric_limits<double>::quiet_NaN(),
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity(),
                                1e19,
                                -1e300);
    const Moment at(odd);
    CHECK(at.year() == 292'277'026'596);
    CHECK(at.month() == 12);
    CHECK(at.day() == 4);
    CHECK(at.hour() == 15);
    CHECK(at.minute() == 30);
}

TEST_CASE("a time is cut towards zero to whole seconds", "[query]") {
    CHECK(Moment(-0.9).year() == 1970);
    CHECK(Moment(-1).year() == 1969);
    CHECK(Moment(59.99).minute() == 0);
}

}  // namespace query::exec
