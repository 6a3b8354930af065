// The keys that a member's disk holds, and what the records (base/kv_record.h) under them say.
// source: docs/formats/raft.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "shard/raft/types.h"

namespace shard::raft {

inline constexpr uint8_t kStorageFormat = 1;
inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kHardStateKey = "hard_state";
inline constexpr std::string_view kLogBeginKey = "log_begin";
inline constexpr std::string_view kSnapshotKey = "snapshot";
inline constexpr std::string_view kReceivingKey = "receiving";

// A snapshot, whole or not, and under which number its parts lie.
struct Manifest {
    uint64_t generation = 0;
    SnapshotMeta meta;
};

// Keys that sort as their numbers.
[[nodiscard]] std::string log_key(Index index);
[[nodiscard]] std::string part_key(uint64_t generation, uint64_t offset);

struct PartPlace {
    uint64_t generation = 0;
    uint64_t offset = 0;
};

// Nothing: no such key.
[[nodiscard]] std::optional<Index> parse_log_key(std::string_view key);
[[nodiscard]] std::optional<PartPlace> parse_part_key(std::string_view key);

// Payloads, and back. errors  kCorrupt
[[nodiscard]] std::string encode_entry(const Entry& entry);
[[nodiscard]] base::Result<Entry> decode_entry(Index index, std::string_view payload);
[[nodiscard]] std::string encode_hard_state(const HardState& state);
[[nodiscard]] base::Result<HardState> decode_hard_state(std::string_view payload);
[[nodiscard]] std::string encode_number(uint64_t number);
[[nodiscard]] base::Result<uint64_t> decode_number(std::string_view payload);
[[nodiscard]] std::string encode_manifest(const Manifest& manifest);
[[nodiscard]] base::Result<Manifest> decode_manifest(std::string_view payload);

}  // namespace shard::raft
