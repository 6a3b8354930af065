// Dates of Unix times, over the whole range of int64: what date functions need and std::chrono,
// whose years end at 32767, does not have.
#pragma once

#include <cstdint>

namespace query::exec {

// A second of the proleptic Gregorian calendar, in UTC.
class Moment {
  public:
    //   unix_seconds  cut to a whole number; NaN, and what does not fit int64, is the lowest
    //                 int64, as on the processors that Prometheus mostly runs on
    explicit Moment(double unix_seconds);

    [[nodiscard]] int64_t year() const { return year_; }

    [[nodiscard]] uint32_t month() const { return month_; }  // 1 .. 12

    [[nodiscard]] uint32_t day() const { return day_; }  // 1 .. 31

    [[nodiscard]] uint32_t day_of_year() const { return day_of_year_; }  // 1 .. 366

    [[nodiscard]] uint32_t day_of_week() const { return day_of_week_; }  // 0 is Sunday

    [[nodiscard]] uint32_t days_in_month() const { return days_in_month_; }

    [[nodiscard]] uint32_t hour() const { return second_of_day_ / 3600; }

    [[nodiscard]] uint32_t minute() const { return second_of_day_ / 60 % 60; }

  private:
    void set_date(uint64_t days);
    void set_month(bool leap);

    int64_t year_ = 0;
    uint32_t month_ = 0;
    uint32_t day_ = 0;
    uint32_t day_of_year_ = 0;
    uint32_t day_of_week_ = 0;
    uint32_t days_in_month_ = 0;
    uint32_t second_of_day_ = 0;
};

}  // namespace query::exec
