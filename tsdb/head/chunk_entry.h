// The bytes of chunks_head files: headers, entries, and the walk over a whole file.
// source: docs/formats/chunks_head.md
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/file.h"
#include "base/result.h"
#include "tsdb/head/chunk_files.h"

namespace tsdb {

inline constexpr uint32_t kChunkFileMagic = 0x0130bc91;
inline constexpr uint8_t kChunkFileVersion = 1;
inline constexpr size_t kChunkFileHeaderBytes = 8;
inline constexpr size_t kChunkEntryFixedBytes = 25;  // ref, min_t, max_t, encoding
inline constexpr size_t kChunkEntryMetaMax = 34;     // all of an entry but the payload
inline constexpr uint8_t kOutOfOrderBit = 0x80;

struct ChunkFileName {
    uint32_t number = 0;
    base::Path path;
};

// "000001": six digits, more when the number needs them.
[[nodiscard]] std::string chunk_file_name(uint32_t number);
// The number in a name that chunk_file_name() made.
[[nodiscard]] std::optional<uint32_t> chunk_file_number(std::string_view name);
// The chunk files of a folder by number; anything else in it is passed over. errors  kNotFound
[[nodiscard]] base::Result<std::vector<ChunkFileName>> list_chunk_files(base::Files& files,
                                                                        const base::Path& folder);

[[nodiscard]] std::string chunk_file_header();
// True for what a crash leaves of a file that was being made: no whole header, or zeros for one.
[[nodiscard]] bool chunk_file_unborn(base::ByteView bytes);

[[nodiscard]] inline ChunkPlace chunk_place(uint32_t number, uint64_t offset) {
    constexpr auto kGranules =
        static_cast<uint32_t>(ChunkFiles::kFileBytes / ChunkFiles::kGranuleBytes);
    return number % ChunkFiles::kFilesMax * kGranules +
           static_cast<uint32_t>(offset / ChunkFiles::kGranuleBytes);
}

[[nodiscard]] inline uint32_t place_file(ChunkPlace place) {
    return place / static_cast<uint32_t>(ChunkFiles::kFileBytes / ChunkFiles::kGranuleBytes);
}

// Of the granule's first byte.
[[nodiscard]] inline uint64_t place_offset(ChunkPlace place) {
    const uint64_t granules = ChunkFiles::kFileBytes / ChunkFiles::kGranuleBytes;
    return place % granules * ChunkFiles::kGranuleBytes;
}

// Appends an entry to `out`. FiledChunk::place is not looked at; the payload has up to 4 GiB.
void put_chunk_entry(std::string& out, const FiledChunk& chunk);
[[nodiscard]] size_t chunk_entry_bytes(size_t payload_bytes);

struct ChunkEntry {
    FiledChunk chunk;  // without its place; the payload points into the bytes read
    size_t bytes = 0;  // the whole entry
};

// The entry at the front of `bytes` by its structure; its checksum is not looked at.
[[nodiscard]] std::optional<ChunkEntry> parse_chunk_entry(base::ByteView bytes);
// `bytes` begin with the entry.
[[nodiscard]] bool chunk_entry_intact(base::ByteView bytes, const ChunkEntry& entry);

// What one file held.
struct ChunkFileWalk {
    bool header_good = false;
    uint64_t chunks = 0;
    uint64_t last_start = 0;  // of the last whole entry
    uint64_t end = 0;         // of the header and the whole entries
    int64_t max_t = INT64_MIN;
};

// Tells of each whole chunk of a file. Damage ends the walk, but for a whole entry in an unknown
// encoding, which is passed over; each is put behind `damages`.
ChunkFileWalk walk_chunk_file(base::ByteView bytes,
                              const ChunkFileName& name,
                              const std::function<void(const FiledChunk&)>& found,
                              std::vector<ChunkFileDamage>& damages);

// Looks through a folder and changes nothing: for tools. Each chunk that is whole is told of; a gap
// in the numbers is a damage too.
//   errors  kNotFound: no such folder
[[nodiscard]] base::Result<std::vector<ChunkFileDamage>> walk_chunk_files(
    base::Files& files,
    const base::Path& folder,
    const std::function<void(const FiledChunk&)>& found);

}  // namespace tsdb
