#include "base/kv_record.h"

#include <cstddef>
#include <string>

#include <catch2/catch.hpp>

TEST_CASE("a record gives its payload back under its own key only", "[base][kv]") {
    for (const std::string payload : {"", "x", "a payload of several words"}) {
        const std::string value = base::kv_record("key", payload);
        CHECK(value.size() == payload.size() + 4);
        const auto same = base::kv_payload("key", value);
        REQUIRE(same.has_value());
        CHECK(same.value() == payload);
        const auto other = base::kv_payload("kez", value);
        REQUIRE(!other.has_value());
        CHECK(other.error().code() == base::Code::kCorrupt);
    }
}

TEST_CASE("a record with any bit flipped, or cut anywhere, is none", "[base][kv]") {
    const std::string value = base::kv_record("key", "payload");
    for (size_t size = 0; size < value.size(); ++size) {
        CAPTURE(size);
        CHECK(!base::kv_payload("key", value.substr(0, size)).has_value());
    }
    for (size_t bit = 0; bit < value.size() * 8; ++bit) {
        CAPTURE(bit);
        std::string damaged = value;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        CHECK(!base::kv_payload("key", damaged).has_value());
    }
}
