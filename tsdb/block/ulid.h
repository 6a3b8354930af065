// Names of blocks: 48 bits of time, 80 of chance, written in 26 characters that sort by time.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace tsdb::block {

struct Ulid {
    static constexpr size_t kCharacters = 26;

    std::array<uint8_t, 16> bytes{};

    [[nodiscard]] static Ulid make(int64_t now_ms, base::Random& random);
    // Crockford's base 32, upper case as it is written; nothing else is a block's name.
    [[nodiscard]] static std::optional<Ulid> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    [[nodiscard]] int64_t time_ms() const;

    auto operator<=>(const Ulid&) const = default;
};

}  // namespace tsdb::block
