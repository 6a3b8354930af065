#include "tsdb/block/chunk_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/block/format.h"

namespace tsdb::block {
namespace {

// The number that a chunk file has for a name; nothing for other files.
std::optional<uint32_t> segment_number(std::string_view name) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size()) {
        return std::nullopt;
    }
    return number;
}

base::Status check_header(base::ByteView file) {
    base::ByteReader reader(file);
    const uint32_t magic = reader.be32();
    const uint8_t version = reader.u8();
    if (magic != kChunksMagic || file.size() < kChunksHeaderBytes) {
        return base::fail(base::Code::kCorrupt, "the file does not begin as a chunk file does");
    }
    if (version != kChunksVersion) {
        return base::fail(
            base::Code::kUnsupported, "chunk file version", int{version}, "; 1 can be read");
    }
    return base::success();
}

bool is_known(uint8_t encoding) {
    return encoding >= static_cast<uint8_t>(model::Encoding::kXor) &&
           encoding <= static_cast<uint8_t>(model::Encoding::kFloatHistogramSt);
}

}  // namespace

base::Result<ChunkReader> ChunkReader::open(base::Files& files, const base::Path& folder) {
    const base::Path chunks = base::join_path(folder, kChunksFolder);
    TRY(const auto entries, files.list(chunks));
    std::vector<std::pair<uint32_t, base::Path>> segments;
    for (const base::FolderEntry& entry : entries) {
        if (const auto number = segment_number(entry.name); number && !entry.is_directory) {
            segments.emplace_back(*number, base::join_path(chunks, entry.name));
        }
    }
    std::ranges::sort(segments);
    ChunkReader reader;
    for (const auto& [number, path] : segments) {
        // A reference counts files; behind a gap it would mean another chunk.
        if (number != reader.segments_.size() + 1) {
            return base::fail(base::Code::kCorrupt,
                              chunks + ": chunk file",
                              reader.segments_.size() + 1,
                              "is missing in front of",
                              path);
        }
        TRY(auto file, files.map(path));
        TRY(base::context(check_header(file->bytes()), path));
        reader.segments_.push_back(std::move(file));
    }
    if (reader.segments_.empty()) {
        return base::fail(base::Code::kCorrupt, chunks + ": there is no chunk file");
    }
    return reader;
}

base::Result<ChunkBytes> ChunkReader::chunk(ChunkRef ref) const {
    const uint64_t segment = ref >> 32;
    const auto offset = static_cast<uint32_t>(ref);
    if (segment >= segments_.size()) {
        return base::fail(base::Code::kCorrupt, "there is no chunk file", segment + 1);
    }
    const base::MappedFile& file = *segments_[segment];
    const auto damaged = [&](std::string_view what) {
        return base::fail(base::Code::kCorrupt, file.path() + ": the chunk at", offset, what);
    };
    if (offset < kChunksHeaderBytes) {
        return damaged("lies in the header");
    }
    base::ByteReader reader(file.bytes().part(offset));
    const uint32_t length = reader.uvarint32();
    const base::ByteView body = reader.bytes(size_t{1} + length);
    const uint32_t sum = reader.be32();
    if (!reader.ok()) {
        return damaged("would end behind the end");
    }
    if (base::crc32c(body) != sum) {
        return damaged("fails its checksum");
    }
    if (!is_known(body[0])) {
        return base::fail(base::Code::kUnsupported,
                          file.path() + ": the chunk at",
                          offset,
                          "has the unknown encoding",
                          int{body[0]});
    }
    return ChunkBytes{.encoding = static_cast<model::Encoding>(body[0]),
                      .bytes = body.part(1).span()};
}

void ChunkReader::prefetch(ChunkRef ref) const {
    constexpr size_t kCacheLineBytes = 64;
    constexpr size_t kLines = 3;  // many chunks are not longer; the processor sees where others go
    const uint64_t segment = ref >> 32;
    if (segment >= segments_.size()) {
        return;
    }
    const base::ByteView file = segments_[segment]->bytes();
    const size_t offset = static_cast<uint32_t>(ref);
    for (size_t line = 0; line < kLines && offset + line * kCacheLineBytes < file.size(); ++line) {
        __builtin_prefetch(file.data() + offset + line * kCacheLineBytes);
    }
}

}  // namespace tsdb::block
