// Numbers of the write-ahead log's framing. source: docs/formats/wal.md, after the Prometheus WAL
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tsdb::wal {

// A segment is a run of pages; a page holds fragments; a fragment never crosses a page, a record
// never a segment.
inline constexpr size_t kPageBytes = 32 * 1024;
inline constexpr size_t kFragmentHeaderBytes = 7;  // type and flags, be16 length, be32 CRC-32C

enum class FragmentType : uint8_t { kPageEnd = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

inline constexpr uint8_t kTypeMask = 0x07;
inline constexpr uint8_t kSnappyFlag = 0x08;
inline constexpr uint8_t kZstdFlag = 0x10;
inline constexpr uint8_t kFlagsMask = kSnappyFlag | kZstdFlag;

// A record decompressed is at most this long; what says more is damage.
inline constexpr size_t kRecordBytesMax = size_t{256} << 20;

// "00000042", the file of segment 42.
[[nodiscard]] std::string segment_name(uint32_t segment);
// The segment a file name names, if it is one.
[[nodiscard]] std::optional<uint32_t> parse_segment_name(std::string_view name);

inline constexpr std::string_view kCheckpointPrefix = "checkpoint.";
// Behind the name of what is being written or removed.
inline constexpr std::string_view kBuildingSuffix = ".tmp";

}  // namespace tsdb::wal
