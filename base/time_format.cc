// Civil dates from day numbers and back, after Howard Hinnant's "chrono-Compatible Low-Level Date
// Algorithms" (eras of 400 years, years that start in March).
#include "base/time_format.h"

#include <array>

#include "base/float_format.h"

namespace base {

namespace {

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kDaysPerEra = 146'097;

struct Date {
    int64_t year;
    unsigned month;  // 1 .. 12
    unsigned day;    // 1 .. 31
};

struct Moment {
    int64_t unix_s;
    uint32_t ns;  // 0 .. 999'999'999, later than unix_s
};

int64_t floor_div(int64_t number, int64_t by) {
    return number / by - (number % by < 0 ? 1 : 0);
}

Date date_of(int64_t days_since_epoch) {
    const int64_t days = days_since_epoch + 719'468;  // since 0000-03-01
    const int64_t era = floor_div(days, kDaysPerEra);
    const int64_t day_of_era = days - era * kDaysPerEra;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t march_month = (5 * day_of_year + 2) / 153;
    const auto day = static_cast<unsigned>(day_of_year - (153 * march_month + 2) / 5 + 1);
    const auto month = static_cast<unsigned>(march_month < 10 ? march_month + 3 : march_month - 9);
    return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

int64_t days_of(const Date& date) {
    const int64_t year = date.year - (date.month <= 2 ? 1 : 0);
    const int64_t era = floor_div(year, 400);
    const int64_t year_of_era = year - era * 400;
    const int64_t march_month = date.month > 2 ? date.month - 3 : date.month + 9;
    const int64_t day_of_year = (153 * march_month + 2) / 5 + date.day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * kDaysPerEra + day_of_era - 719'468;
}

unsigned days_in_month(const Date& date) {
    constexpr std::array<unsigned, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    return date.month == 2 && leap ? 29 : kDays[date.month - 1];
}

void append_padded(std::string& out, uint64_t number, size_t width) {
    std::array<char, 20> digits{};
    size_t at = digits.size();
    do {
        digits[--at] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0 || digits.size() - at < width);
    out.append(digits.data() + at, digits.size() - at);
}

void append_date_and_time(std::string& out, int64_t unix_s) {
    const int64_t days = floor_div(unix_s, kSecondsPerDay);
    const auto second = static_cast<uint64_t>(unix_s - days * kSecondsPerDay);
    const Date date = date_of(days);
    if (date.year < 0) {
        out.push_back('-');
    }
    append_padded(out, static_cast<uint64_t>(date.year < 0 ? -date.year : date.year), 4);
    out.push_back('-');
    append_padded(out, date.month, 2);
    out.push_back('-');
    append_padded(out, date.day, 2);
    out.push_back('T');
    append_padded(out, second / 3600, 2);
    out.push_back(':');
    append_padded(out, second / 60 % 60, 2);
    out.push_back(':');
    append_padded(out, second % 60, 2);
}

void append_moment(std::string& out, const Moment& moment) {
    append_date_and_time(out, moment.unix_s);
    if (moment.ns != 0) {
        out.push_back('.');
        append_padded(out, moment.ns, 9);
        out.erase(out.find_last_not_of('0') + 1);
    }
    out.push_back('Z');
}

// Takes pieces off the front of a text; once something is missing, ok stays false.
struct Scanner {
    std::string_view text;
    bool ok = true;

    unsigned number(size_t digits) {
        if (text.size() < digits) {
            ok = false;
            return 0;
        }
        unsigned value = 0;
        for (const char c : text.substr(0, digits)) {
            ok = ok && c >= '0' && c <= '9';
            value = value * 10 + static_cast<unsigned>(c - '0');
        }
        text.remove_prefix(digits);
        return value;
    }

    bool accept(char c) {
        if (!text.starts_with(c)) {
            return false;
        }
        text.remove_prefix(1);
        return true;
    }

    void expect(char c) { ok = accept(c) && ok; }

    // The digits after the point, as nanoseconds; further digits are cut off.
    uint32_t fraction_ns() {
        uint32_t ns = 0;
        uint32_t unit = 100'000'000;
        size_t digits = 0;
        for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
            ns += static_cast<uint32_t>(text[digits] - '0') * unit;
            unit /= 10;
        }
        ok = ok && digits > 0;
        text.remove_prefix(digits);
        return ns;
    }

    // "Z" or "+hh:mm", in seconds east.
    int64_t offset_s() {
        if (accept('Z')) {
            return 0;
        }
        const bool west = accept('-');
        if (!west) {
            expect('+');
        }
        const unsigned hours = number(2);
        expect(':');
        const unsigned minutes = number(2);
        ok = ok && hours <= 24 && minutes < 60;
        const int64_t seconds = int64_t{hours} * 3600 + int64_t{minutes} * 60;
        return west ? -seconds : seconds;
    }
};

Result<Moment> parse_moment(std::string_view text) {
    Scanner scanner{text};
    Date date{};
    date.year = scanner.number(4);
    scanner.expect('-');
    date.month = scanner.number(2);
    scanner.expect('-');
    date.day = scanner.number(2);
    scanner.expect('T');
    const unsigned hour = scanner.number(2);
    scanner.expect(':');
    const unsigned minute = scanner.number(2);
    scanner.expect(':');
    const unsigned second = scanner.number(2);
    const uint32_t ns = scanner.accept('.') ? scanner.fraction_ns() : 0;
    const int64_t offset = scanner.offset_s();
    const bool in_range = date.month >= 1 && date.month <= 12 && date.day >= 1 && hour < 24 &&
                          minute < 60 && second < 60;
    if (!scanner.ok || !scanner.text.empty() || !in_range || date.day > days_in_month(date)) {
        return fail(
            Code::kInvalid,
            "not a valid time: \"" + std::string(text) + "\"; write it like 2006-01-02T15:04:05Z");
    }
    const int64_t seconds = int64_t{hour} * 3600 + int64_t{minute} * 60 + second;
    return Moment{days_of(date) * kSecondsPerDay + seconds - offset, ns};
}

}  // namespace

void append_rfc3339_ns(std::string& out, int64_t unix_ns) {
    const int64_t seconds = floor_div(unix_ns, 1'000'000'000);
    append_moment(out, {seconds, static_cast<uint32_t>(unix_ns - seconds * 1'000'000'000)});
}

void append_rfc3339_ms(std::string& out, int64_t unix_ms) {
    const int64_t seconds = floor_div(unix_ms, 1000);
    append_moment(out, {seconds, static_cast<uint32_t>(unix_ms - seconds * 1000) * 1'000'000});
}

void append_rfc3339_fixed_ms(std::string& out, int64_t unix_ms) {
    const int64_t seconds = floor_div(unix_ms, 1000);
    append_date_and_time(out, seconds);
    out.push_back('.');
    append_padded(out, static_cast<uint64_t>(unix_ms - seconds * 1000), 3);
    out.push_back('Z');
}

std::string format_rfc3339_ns(int64_t unix_ns) {
    std::string out;
    append_rfc3339_ns(out, unix_ns);
    return out;
}

std::string format_rfc3339_ms(int64_t unix_ms) {
    std::string out;
    append_rfc3339_ms(out, unix_ms);
    return out;
}

Result<int64_t> parse_rfc3339_ns(std::string_view text) {
    TRY(const auto moment, parse_moment(text));
    // The first nanosecond of 64 bits lies within a second whose beginning does not fit.
    const auto ns = static_cast<__int128>(moment.unix_s) * 1'000'000'000 + moment.ns;
    if (ns < INT64_MIN || ns > INT64_MAX) {
        return fail(Code::kInvalid, "time out of range: \"" + std::string(text) + "\"");
    }
    return static_cast<int64_t>(ns);
}

Result<int64_t> parse_rfc3339_ms(std::string_view text) {
    TRY(const auto moment, parse_moment(text));
    return moment.unix_s * 1000 + moment.ns / 1'000'000;
}

}  // namespace base
