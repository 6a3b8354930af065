#include "shard/target_text.h"

#include <charconv>
#include <cstdint>
#include <cstdio>

namespace shard {

std::string target_text(model::TargetId id) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id));
    return text;
}

std::optional<model::TargetId> parse_target(std::string_view text) {
    constexpr int kBase = 16;
    constexpr size_t kDigitsMax = 16;
    if (text.empty() || text.size() > kDigitsMax ||
        text.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
        return std::nullopt;
    }
    uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, kBase);
    if (error != std::errc() || end != text.data() + text.size() || id == 0) {
        return std::nullopt;
    }
    return id;
}

}  // namespace shard
