#include "tsdb/head/chunk_entry.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/checksum.h"

namespace tsdb {

namespace {

constexpr size_t kNameDigits = 6;
constexpr size_t kEndMarkBytes = 24;  // ref, min_t and max_t of zero: nothing was written here
constexpr size_t kChecksumBytes = 4;

bool all_zeros(base::ByteView bytes) {
    return bytes.empty() ||
           (bytes[0] == 0 && std::equal(bytes.begin(), bytes.end() - 1, bytes.begin() + 1));
}

bool known(model::Encoding encoding) {
    return encoding >= model::Encoding::kXor && encoding <= model::Encoding::kFloatHistogramSt;
}

const char* header_fault(base::ByteView bytes) {
    if (bytes.size() < kChunkFileHeaderBytes) {
        return "shorter than a header";
    }
    if (base::load_be<uint32_t>(bytes.data()) != kChunkFileMagic) {
        return "not a chunk file: wrong magic number";
    }
    return bytes[4] == kChunkFileVersion ? nullptr : "unknown version of the format";
}

// True where no further entry begins.
bool at_end(base::ByteView rest) {
    return all_zeros(rest.part(0, rest.size() < kChunkEntryMetaMax ? rest.size() : kEndMarkBytes));
}

}  // namespace

std::string chunk_file_name(uint32_t number) {
    std::string digits = std::to_string(number);
    return digits.size() < kNameDigits ? std::string(kNameDigits - digits.size(), '0') + digits
                                       : digits;
}

std::optional<uint32_t> chunk_file_number(std::string_view name) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || chunk_file_name(number) != name) {
        return std::nullopt;
    }
    return number;
}

base::Result<std::vector<ChunkFileName>> list_chunk_files(base::Files& files,
                                                          const base::Path& folder) {
    TRY(const auto entries, files.list(folder));
    std::vector<ChunkFileName> names;
    for (const auto& entry : entries) {
        const auto number = chunk_file_number(entry.name);
        if (number && !entry.is_directory) {
            names.push_back({*number, base::join_path(folder, entry.name)});
        }
    }
    std::sort(names.begin(), names.end(), [](const auto& left, const auto& right) {
        return left.number < right.number;
    });
    return names;
}

std::string chunk_file_header() {
    std::string header;
    base::ByteWriter out(header);
    out.be32(kChunkFileMagic);
    out.u8(kChunkFileVersion);
    out.zeros(3);
    out.finish();
    return header;
}

bool chunk_file_unborn(base::ByteView bytes) {
    return bytes.size() < kChunkFileHeaderBytes || base::load_be<uint32_t>(bytes.data()) == 0;
}

size_t chunk_entry_bytes(size_t payload_bytes) {
    return kChunkEntryFixedBytes + base::uvarint_size(payload_bytes) + payload_bytes +
           kChecksumBytes;
}

void put_chunk_entry(std::string& out, const FiledChunk& chunk) {
    const size_t start = out.size();
    out.resize(start + chunk_entry_bytes(chunk.bytes.size()));
    auto* const entry = reinterpret_cast<uint8_t*>(out.data()) + start;
    base::store_be(entry, chunk.series_ref);
    base::store_be(entry + 8, static_cast<uint64_t>(chunk.min_t));
    base::store_be(entry + 16, static_cast<uint64_t>(chunk.max_t));
    entry[24] = static_cast<uint8_t>(static_cast<uint8_t>(chunk.encoding) |
                                     (chunk.out_of_order ? kOutOfOrderBit : 0));
    uint8_t* at = entry + kChunkEntryFixedBytes;
    for (size_t length = chunk.bytes.size(); true; length >>= 7) {
        *at++ = static_cast<uint8_t>(length < 0x80 ? length : length | 0x80);
        if (length < 0x80) {
            break;
        }
    }
    at = std::copy(chunk.bytes.begin(), chunk.bytes.end(), at);
    base::store_be(at, base::crc32c({entry, static_cast<size_t>(at - entry)}));
}

std::optional<ChunkEntry> parse_chunk_entry(base::ByteView bytes) {
    base::ByteReader reader(bytes);
    ChunkEntry entry;
    entry.chunk.series_ref = reader.be64();
    entry.chunk.min_t = reader.be64i();
    entry.chunk.max_t = reader.be64i();
    const uint8_t encoding = reader.u8();
    entry.chunk.encoding = static_cast<model::Encoding>(encoding & ~kOutOfOrderBit);
    entry.chunk.out_of_order = (encoding & kOutOfOrderBit) != 0;
    const uint32_t length = reader.uvarint32();
    entry.chunk.bytes = reader.bytes(length).span();
    reader.be32();
    entry.bytes = reader.position();
    if (!reader.ok() || entry.chunk.min_t > entry.chunk.max_t) {
        return std::nullopt;
    }
    return entry;
}

bool chunk_entry_intact(base::ByteView bytes, const ChunkEntry& entry) {
    const base::ByteView covered = bytes.part(0, entry.bytes - kChecksumBytes);
    return base::crc32c(covered) == base::load_be<uint32_t>(covered.end());
}

ChunkFileWalk walk_chunk_file(base::ByteView whole,
                              const ChunkFileName& name,
                              const std::function<void(const FiledChunk&)>& found,
                              std::vector<ChunkFileDamage>& damages) {
    const base::ByteView bytes = whole.part(0, ChunkFiles::kFileBytes);
    ChunkFileWalk walk;
    if (const char* const fault = header_fault(bytes)) {
        damages.push_back({name.path, 0, fault});
        return walk;
    }
    walk.header_good = true;
    walk.end = kChunkFileHeaderBytes;
    while (!at_end(bytes.part(walk.end))) {
        const base::ByteView rest = bytes.part(walk.end);
        auto entry = parse_chunk_entry(rest);
        if (!entry || !chunk_entry_intact(rest, *entry)) {
            damages.push_back(
                {name.path, walk.end, entry ? "checksum does not match" : "malformed chunk"});
            return walk;
        }
        walk.last_start = walk.end;
        walk.max_t = std::max(walk.max_t, entry->chunk.max_t);
        walk.end += entry->bytes;
        if (!known(entry->chunk.encoding)) {
            damages.push_back({name.path,
                               walk.last_start,
                               "chunk of unknown encoding " +
                                   std::to_string(static_cast<int>(entry->chunk.encoding)) +
                                   " passed over"});
            continue;
        }
        ++walk.chunks;
        entry->chunk.place = chunk_place(name.number, walk.last_start);
        found(entry->chunk);
    }
    if (whole.size() > ChunkFiles::kFileBytes) {
        damages.push_back({name.path, ChunkFiles::kFileBytes, "longer than a chunk file can be"});
    } else if (!all_zeros(bytes.part(walk.end))) {
        damages.push_back({name.path, walk.end, "zeros where chunks were"});
    }
    return walk;
}

base::Result<std::vector<ChunkFileDamage>> walk_chunk_files(
    base::Files& files,
    const base::Path& folder,
    const std::function<void(const FiledChunk&)>& found) {
    TRY(const auto names, list_chunk_files(files, folder));
    std::vector<ChunkFileDamage> damages;
    for (size_t i = 0; i < names.size(); ++i) {
        if (i != 0 && names[i].number != names[i - 1].number + 1) {
            damages.push_back(
                {names[i].path,
                 0,
                 "the file before it, " + chunk_file_name(names[i].number - 1) + ", is missing"});
        }
        const auto map = files.map(names[i].path);
        if (!map) {
            damages.push_back({names[i].path, 0, map.error().message()});
            continue;
        }
        const base::ByteView bytes = map.value()->bytes();
        map.value()->advise(base::MappedFile::Advice::kSequential);
        // What a crash while the file was begun leaves is no damage.
        if (i + 1 != names.size() || !chunk_file_unborn(bytes)) {
            walk_chunk_file(bytes, names[i], found, damages);
        }
    }
    return damages;
}

}  // namespace tsdb
