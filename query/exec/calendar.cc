#include "query/exec/calendar.h"

#include <algorithm>
#include <array>
#include <limits>

namespace query::exec {
namespace {

constexpr uint64_t kDaySeconds = 86'400;
constexpr uint64_t kYearDays = 365;
constexpr uint64_t kFourYearsDays = 4 * kYearDays + 1;
constexpr uint64_t kCenturyDays = 25 * kFourYearsDays - 1;
constexpr uint64_t kEraDays = 4 * kCenturyDays + 1;  // 400 years, after which the calendar repeats

// Days are counted from the first of January of this year, a Monday with which an era begins. It is
// so far back that nearly every second of int64 comes later; the earliest eight thousand million
// come round to the end of time, as in Go.
constexpr int64_t kFirstYear = -292'277'022'399;
constexpr uint64_t kDaysBefore1970 = 106'751'991'073'094;

constexpr std::array<uint32_t, 12> kMonthDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

int64_t whole_seconds(double seconds) {
    constexpr double kEdge = 9223372036854775808.0;  // 2^63
    const bool fits = seconds >= -kEdge && seconds < kEdge;
    return fits ? static_cast<int64_t>(seconds) : std::numeric_limits<int64_t>::min();
}

// How many units of `length` have passed, at most `last`: a leap day makes the last unit longer.
uint64_t take(uint64_t& days, uint64_t length, uint64_t last) {
    const uint64_t count = std::min(days / length, last);
    days -= count * length;
    return count;
}

}  // namespace

Moment::Moment(double unix_seconds) {
    const auto seconds =
        static_cast<uint64_t>(whole_seconds(unix_seconds)) + kDaysBefore1970 * kDaySeconds;
    second_of_day_ = static_cast<uint32_t>(seconds % kDaySeconds);
    set_date(seconds / kDaySeconds);
}

void Moment::set_date(uint64_t days) {
    day_of_week_ = static_cast<uint32_t>((days + 1) % 7);
    const uint64_t eras = days / kEraDays;
    days %= kEraDays;
    const uint64_t centuries = take(days, kCenturyDays, 3);
    const uint64_t fours = days / kFourYearsDays;
    days %= kFourYearsDays;
    const uint64_t years = take(days, kYearDays, 3);
    year_ = kFirstYear + static_cast<int64_t>(400 * eras + 100 * centuries + 4 * fours + years);
    day_of_year_ = static_cast<uint32_t>(days) + 1;
    set_month(years == 3 && (fours != 24 || centuries == 3));
}

void Moment::set_month(bool leap) {
    day_ = day_of_year_;
    for (month_ = 1;; ++month_) {
        days_in_month_ = kMonthDays[month_ - 1] + (leap && month_ == 2 ? 1 : 0);
        if (day_ <= days_in_month_) {
            return;
        }
        day_ -= days_in_month_;
    }
}

}  // namespace query::exec
