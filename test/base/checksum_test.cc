#include "base/checksum.h"

#include <catch2/catch.hpp>

TEST_CASE("checksums and hashes give their published values", "[base][checksum]") {
    CHECK(base::crc32c("123456789") == 0xe3069283);
    CHECK(base::crc32c("") == 0);
    CHECK(base::crc32c(std::string(32, '\0')) == 0x8a9136aa);  // RFC 3720 B.4
    CHECK(base::xxh64("") == 0xef46db3751d8e999);
    CHECK(base::hash64("") == 0x2d06800538d394c2);
    CHECK(base::hash64("a", 1) != base::hash64("a", 2));
    CHECK(base::fnv1a64("") == 0xcbf29ce484222325);
    CHECK(base::fnv1a64("foobar") == 0x85944171f73967e8);
    // md5("") = d41d8cd98f00b204 e9800998ecf8427e
    CHECK(base::md5_tail64("") == 0xe9800998ecf8427e);
    CHECK(base::sha256_hex("abc") ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    // RFC 4231 test case 2
    const base::Sha256 mac = base::hmac_sha256("Jefe", "what do ya want for nothing?");
    CHECK(base::to_hex(std::span<const uint8_t>(mac)) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(base::hmac_sha256("", "").size() == 32);
}

TEST_CASE("a MAC is the same as its own bytes only", "[base][checksum]") {
    const base::Sha256 mac = base::hmac_sha256("key", "message");
    const std::string bytes(mac.begin(), mac.end());
    CHECK(base::same_mac(mac, bytes));
    CHECK_FALSE(base::same_mac(mac, bytes.substr(1)));
    CHECK_FALSE(base::same_mac(mac, bytes + '\0'));
    CHECK_FALSE(base::same_mac(mac, ""));
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        CAPTURE(bit);
        std::string other = bytes;
        other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
        CHECK_FALSE(base::same_mac(mac, other));
    }
}

TEST_CASE("a checksum goes on from the bytes in front", "[base][checksum]") {
    const std::string text = "the quick brown fox jumps over the lazy dog";
    for (size_t at = 0; at <= text.size(); ++at) {
        const base::ByteView all(text);
        CHECK(base::crc32c(all.part(at), base::crc32c(all.part(0, at))) == base::crc32c(all));
        CHECK(base::fnv1a64(text.substr(at), base::fnv1a64(text.substr(0, at))) ==
              base::fnv1a64(text));
    }
}
