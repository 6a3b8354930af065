#include "base/byte_size.h"

#include "base/float_format.h"
#include "base/number.h"

namespace base {

namespace {

constexpr std::string_view kPrefixes = "KMGTPE";

auto not_a_size(std::string_view text) {
    return fail(Code::kInvalid,
                "not a valid size: \"" + std::string(text) +
                    "\"; write it like 512MB or 1.5GB (powers of 1024)");
}

// The factor of "B", "KB", "KiB", …; 0 when there is no such unit.
double unit_factor(std::string_view name) {
    if (name == "B") {
        return 1;
    }
    const size_t prefix = name.empty() ? std::string_view::npos : kPrefixes.find(name[0]);
    const std::string_view suffix = name.empty() ? name : name.substr(1);
    if (prefix == std::string_view::npos || (suffix != "B" && suffix != "iB")) {
        return 0;
    }
    return static_cast<double>(uint64_t{1} << (10 * (prefix + 1)));
}

bool is_number_part(char c) {
    return (c >= '0' && c <= '9') || c == '.';
}

}  // namespace

Result<int64_t> parse_byte_size(std::string_view text) {
    if (text == "0") {
        return int64_t{0};
    }
    double sum = 0;
    std::string_view rest = text;
    if (rest.empty()) {
        return not_a_size(text);
    }
    while (!rest.empty()) {
        size_t length = 0;
        while (length < rest.size() && is_number_part(rest[length])) {
            ++length;
        }
        double number = 0;
        if (!parse_float(rest.substr(0, length), number)) {
            return not_a_size(text);
        }
        rest.remove_prefix(length);
        length = 0;
        while (length < rest.size() && !is_number_part(rest[length])) {
            ++length;
        }
        const double factor = unit_factor(rest.substr(0, length));
        if (factor == 0) {
            return not_a_size(text);
        }
        rest.remove_prefix(length);
        sum += number * factor;
    }
    if (sum >= 9223372036854775808.0) {
        return fail(Code::kInvalid, "size out of range: \"" + std::string(text) + "\"");
    }
    return static_cast<int64_t>(sum);
}

std::string format_byte_size(int64_t bytes) {
    std::string out;
    auto rest = static_cast<uint64_t>(bytes);
    if (bytes < 0) {
        out.push_back('-');
        rest = 0 - rest;
    }
    for (size_t power = kPrefixes.size(); power > 0; --power) {
        const uint64_t size = uint64_t{1} << (10 * power);
        if (rest >= size) {
            append_natural(out, rest / size);
            out.push_back(kPrefixes[power - 1]);
            out.append("iB");
            rest %= size;
        }
    }
    if (rest != 0 || bytes == 0) {
        append_natural(out, rest);
        out.push_back('B');
    }
    return out;
}

}  // namespace base
