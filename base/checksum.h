// Checksums and hashes: what guards files, what spreads keys, what signs requests.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/byte_view.h"

namespace base {

// CRC-32C (Castagnoli), the checksum of every file format here: crc32c("123456789") == 0xe3069283.
//   before  the checksum of the bytes in front of these, to go on from
[[nodiscard]] uint32_t crc32c(ByteView bytes, uint32_t before = 0);

// XXH3-64 with a seed: our own hash tables and caches. Not stable on disk or on the wire.
[[nodiscard]] uint64_t hash64(ByteView bytes, uint64_t seed = 0);

// XXH64: Prometheus' label hash and the StoreAPI's sharding rule.
[[nodiscard]] uint64_t xxh64(ByteView bytes, uint64_t seed = 0);

inline constexpr uint64_t kFnv1aBasis = 14695981039346656037ULL;

// FNV-1a, 64 bits.
//   before  the hash of the bytes in front of these, to go on from
[[nodiscard]] constexpr uint64_t fnv1a64(std::string_view text, uint64_t before = kFnv1aBasis) {
    for (const char byte : text) {
        before = (before ^ static_cast<uint8_t>(byte)) * 1099511628211ULL;
    }
    return before;
}

// The last 8 bytes of the MD5 digest as a big-endian number: relabelling's hashmod.
[[nodiscard]] uint64_t md5_tail64(ByteView bytes);

using Sha256 = std::array<uint8_t, 32>;

[[nodiscard]] Sha256 sha256(ByteView bytes);
// In lower-case hexadecimal.
[[nodiscard]] std::string sha256_hex(ByteView bytes);
[[nodiscard]] Sha256 hmac_sha256(ByteView key, ByteView bytes);
// Takes the same time wherever they differ, so that nobody can find a MAC out byte by byte.
[[nodiscard]] bool same_mac(const Sha256& mac, ByteView other);

// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(ByteView bytes);

}  // namespace base
