// Names and numbers of a block's files. source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tsdb::block {

inline constexpr std::string_view kIndexFile = "index";
inline constexpr std::string_view kChunksFolder = "chunks";

inline constexpr uint32_t kChunksMagic = 0x85bd40dd;
inline constexpr uint8_t kChunksVersion = 1;
inline constexpr size_t kChunksHeaderBytes = 8;

inline constexpr uint32_t kIndexMagic = 0xbaaad700;
inline constexpr uint8_t kIndexVersion = 2;
inline constexpr size_t kIndexHeaderBytes = 5;
inline constexpr size_t kSeriesAlignment = 16;
inline constexpr size_t kPostingsAlignment = 4;
inline constexpr size_t kCrcBytes = 4;

}  // namespace tsdb::block
