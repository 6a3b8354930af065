#include "tsdb/block/ulid.h"

namespace tsdb::block {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr unsigned kTimeBytes = 6;

// 26 characters carry 130 bits: the first one holds three.
int value_of(char c) {
    const size_t at = kAlphabet.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

Ulid Ulid::make(int64_t now_ms, base::Random& random) {
    Ulid ulid;
    random.bytes(std::span(ulid.bytes).subspan(kTimeBytes));
    const auto time = static_cast<uint64_t>(now_ms);
    for (unsigned i = 0; i < kTimeBytes; ++i) {
        ulid.bytes[i] = static_cast<uint8_t>(time >> (8 * (kTimeBytes - 1 - i)));
    }
    return ulid;
}

std::optional<Ulid> Ulid::parse(std::string_view text) {
    if (text.size() != kCharacters || value_of(text[0]) > 7) {
        return std::nullopt;
    }
    Ulid ulid;
    unsigned __int128 number = 0;
    for (const char c : text) {
        const int value = value_of(c);
        if (value < 0) {
            return std::nullopt;
        }
        number = number << 5 | static_cast<unsigned>(value);
    }
    for (size_t i = ulid.bytes.size(); i-- > 0; number >>= 8) {
        ulid.bytes[i] = static_cast<uint8_t>(number);
    }
    return ulid;
}

std::string Ulid::text() const {
    unsigned __int128 number = 0;
    for (const uint8_t byte : bytes) {
        number = number << 8 | byte;
    }
    std::string text(kCharacters, '0');
    for (size_t i = kCharacters; i-- > 0; number >>= 5) {
        text[i] = kAlphabet[static_cast<size_t>(number & 31)];
    }
    return text;
}

int64_t Ulid::time_ms() const {
    uint64_t time = 0;
    for (unsigned i = 0; i < kTimeBytes; ++i) {
        time = time << 8 | bytes[i];
    }
    return static_cast<int64_t>(time);
}

}  // namespace tsdb::block
