#include "base/duration.h"

#include <array>

#include "base/float_format.h"

namespace base {

namespace {

struct Unit {
    std::string_view name;
    int64_t ms;
    bool only_whole;  // printed only when it divides the rest
};

constexpr int64_t kSecond = 1000;
constexpr int64_t kDay = 24 * 60 * 60 * kSecond;
constexpr std::array<Unit, 7> kUnits{{{"y", 365 * kDay, true},
                                      {"w", 7 * kDay, true},
                                      {"d", kDay, false},
                                      {"h", 60 * 60 * kSecond, false},
                                      {"m", 60 * kSecond, false},
                                      {"s", kSecond, false},
                                      {"ms", 1, false}}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view take_while(std::string_view& text, bool digits) {
    size_t length = 0;
    while (length < text.size() && is_digit(text[length]) == digits) {
        ++length;
    }
    const std::string_view taken = text.substr(0, length);
    text.remove_prefix(length);
    return taken;
}

auto not_a_duration(std::string_view text) {
    return fail(Code::kInvalid,
                "not a valid duration string: \"" + std::string(text) +
                    "\"; write it like 30s, 5m, 1h30m or 15d");
}

auto out_of_range(std::string_view text) {
    return fail(Code::kInvalid, "duration out of range: \"" + std::string(text) + "\"");
}

// The fraction `part` / `whole` as ".5", without trailing zeros; nothing when zero.
void append_fraction(std::string& out, uint64_t part, uint64_t whole) {
    if (part == 0) {
        return;
    }
    out.push_back('.');
    while (part != 0) {
        part *= 10;
        out.push_back(static_cast<char>('0' + part / whole));
        part %= whole;
    }
}

}  // namespace

Result<int64_t> parse_duration_ms(std::string_view text) {
    if (text == "0") {
        return int64_t{0};
    }
    if (text.empty()) {
        return fail(Code::kInvalid, "empty duration string");
    }
    std::string_view rest = text;
    int64_t sum = 0;
    size_t next_unit = 0;
    while (!rest.empty()) {
        const std::string_view digits = take_while(rest, true);
        const std::string_view name = take_while(rest, false);
        size_t unit = next_unit;
        while (unit < kUnits.size() && kUnits[unit].name != name) {
            ++unit;
        }
        if (digits.empty() || unit == kUnits.size()) {
            return not_a_duration(text);
        }
        next_unit = unit + 1;
        int64_t count = 0;
        for (const char digit : digits) {
            if (__builtin_mul_overflow(count, 10, &count) ||
                __builtin_add_overflow(count, digit - '0', &count)) {
                return out_of_range(text);
            }
        }
        if (__builtin_mul_overflow(count, kUnits[unit].ms, &count) ||
            __builtin_add_overflow(sum, count, &sum) || sum > kDurationMaxMs) {
            return out_of_range(text);
        }
    }
    return sum;
}

std::string format_duration_ms(int64_t duration_ms) {
    if (duration_ms == 0) {
        return "0s";
    }
    std::string out;
    auto rest = static_cast<uint64_t>(duration_ms);
    if (duration_ms < 0) {
        out.push_back('-');
        rest = 0 - rest;
    }
    for (const Unit& unit : kUnits) {
        const auto size = static_cast<uint64_t>(unit.ms);
        if (rest < size || (unit.only_whole && rest % size != 0)) {
            continue;
        }
        append_natural(out, rest / size);
        out.append(unit.name);
        rest %= size;
    }
    return out;
}

std::string format_go_duration_ns(int64_t duration_ns) {
    if (duration_ns == 0) {
        return "0s";
    }
    std::string out;
    auto rest = static_cast<uint64_t>(duration_ns);
    if (duration_ns < 0) {
        out.push_back('-');
        rest = 0 - rest;
    }
    const auto append_unit = [&](uint64_t size, std::string_view name) {
        append_natural(out, rest / size);
        append_fraction(out, rest % size, size);
        out.append(name);
    };
    constexpr uint64_t kNsPerSecond = 1'000'000'000;
    if (rest < 1000) {
        append_unit(1, "ns");
    } else if (rest < 1'000'000) {
        append_unit(1000, "µs");
    } else if (rest < kNsPerSecond) {
        append_unit(1'000'000, "ms");
    } else {
        const uint64_t minutes = rest / (60 * kNsPerSecond);
        if (minutes >= 60) {
            append_natural(out, minutes / 60);
            out.push_back('h');
        }
        if (minutes > 0) {
            append_natural(out, minutes % 60);
            out.push_back('m');
        }
        rest %= 60 * kNsPerSecond;
        append_unit(kNsPerSecond, "s");
    }
    return out;
}

}  // namespace base
