#include "tsdb/wal/format.h"

#include <charconv>

namespace tsdb::wal {
namespace {

constexpr size_t kNameDigits = 8;

}  // namespace

std::string segment_name(uint32_t segment) {
    std::string digits = std::to_string(segment);
    if (digits.size() < kNameDigits) {
        digits.insert(0, kNameDigits - digits.size(), '0');
    }
    return digits;
}

std::optional<uint32_t> parse_segment_name(std::string_view name) {
    uint32_t segment = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), segment);
    if (error != std::errc() || end != name.data() + name.size() || name.size() < kNameDigits) {
        return std::nullopt;
    }
    return segment;
}

}  // namespace tsdb::wal
