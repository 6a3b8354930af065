#include "base/checksum.h"

#include <climits>

#include <isa-l.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/bytes.h"
#include "base/check.h"

namespace base {

namespace {

// Digests `bytes` with an algorithm fetched once per process; `out` is as long as the digest.
void digest(const EVP_MD* algorithm, ByteView bytes, uint8_t* out) {
    unsigned length = 0;
    const int good = EVP_Digest(bytes.data(), bytes.size(), out, &length, algorithm, nullptr);
    SKEIN_CHECK(good == 1, "OpenSSL has no such digest");
}

// EVP_md5() would look the implementation up at every call. The few bytes live with the process.
const EVP_MD* fetched(const char* name) {
    const EVP_MD* algorithm = EVP_MD_fetch(nullptr, name, nullptr);
    SKEIN_CHECK(algorithm != nullptr, "OpenSSL lacks the digest", name);
    return algorithm;
}

}  // namespace

uint32_t crc32c(ByteView bytes, uint32_t before) {
    // ISA-L takes an int for the length and leaves both inversions to the caller.
    uint32_t crc = ~before;
    while (!bytes.empty()) {
        const ByteView piece = bytes.part(0, INT_MAX);
        crc = crc32_iscsi(
            const_cast<unsigned char*>(piece.data()), static_cast<int>(piece.size()), crc);
        bytes = bytes.part(piece.size());
    }
    return ~crc;
}

uint64_t hash64(ByteView bytes, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t xxh64(ByteView bytes, uint64_t seed) {
    return XXH64(bytes.data(), bytes.size(), seed);
}

uint64_t md5_tail64(ByteView bytes) {
    static const EVP_MD* const algorithm = fetched("MD5");
    std::array<uint8_t, 16> out{};
    digest(algorithm, bytes, out.data());
    return load_be<uint64_t>(out.data() + 8);
}

Sha256 sha256(ByteView bytes) {
    static const EVP_MD* const algorithm = fetched("SHA256");
    Sha256 out{};
    digest(algorithm, bytes, out.data());
    return out;
}

std::string sha256_hex(ByteView bytes) {
    const Sha256 out = sha256(bytes);
    return to_hex(std::span<const uint8_t>(out));
}

Sha256 hmac_sha256(ByteView key, ByteView bytes) {
    Sha256 out{};
    unsigned length = 0;
    // OpenSSL wants a pointer even for an empty key.
    const uint8_t* const key_data = key.empty() ? out.data() : key.data();
    const auto* good = HMAC(EVP_sha256(),
                            key_data,
                            static_cast<int>(key.size()),
                            bytes.data(),
                            bytes.size(),
                            out.data(),
                            &length);
    SKEIN_CHECK(good != nullptr, "OpenSSL lacks HMAC");
    return out;
}

bool same_mac(const Sha256& mac, ByteView other) {
    return mac.size() == other.size() && CRYPTO_memcmp(mac.data(), other.data(), mac.size()) == 0;
}

std::string to_hex(ByteView bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const uint8_t byte : bytes) {
        out.push_back(kDigits[byte >> 4]);
        out.push_back(kDigits[byte & 15]);
    }
    return out;
}

}  // namespace base
