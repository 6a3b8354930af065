#include "shard/raft/storage_records.h"

#include "base/bytes.h"
#include "shard/raft/core.h"

namespace shard::raft {

using base::ByteReader;
using base::ByteWriter;
using base::Code;
using base::fail;
using base::Result;

namespace {

bool known(EntryKind kind) {
    switch (kind) {
        case EntryKind::kCommand:
        case EntryKind::kNoop:
        case EntryKind::kConfiguration:
            return true;
    }
    return false;
}

}  // namespace

std::string log_key(Index index) {
    std::string key;
    ByteWriter(key).be64(index);
    return key;
}

std::string part_key(uint64_t generation, uint64_t offset) {
    std::string key;
    ByteWriter writer(key);
    writer.be64(generation);
    writer.be64(offset);
    writer.finish();
    return key;
}

std::optional<Index> parse_log_key(std::string_view key) {
    ByteReader reader(key);
    const Index index = reader.be64();
    return reader.finished() ? std::optional(index) : std::nullopt;
}

std::optional<PartPlace> parse_part_key(std::string_view key) {
    ByteReader reader(key);
    PartPlace place;
    place.generation = reader.be64();
    place.offset = reader.be64();
    return reader.finished() ? std::optional(place) : std::nullopt;
}

std::string encode_entry(const Entry& entry) {
    std::string payload;
    payload.reserve(sizeof(Term) + 1 + entry.data->size());
    ByteWriter writer(payload);
    writer.be64(entry.term);
    writer.u8(static_cast<uint8_t>(entry.kind));
    writer.bytes(*entry.data);
    writer.finish();
    return payload;
}

Result<Entry> decode_entry(Index index, std::string_view payload) {
    ByteReader reader(payload);
    Entry entry;
    entry.index = index;
    entry.term = reader.be64();
    entry.kind = static_cast<EntryKind>(reader.u8());
    if (!reader.ok() || !known(entry.kind)) {
        return fail(Code::kCorrupt, "no log entry, of", payload.size(), "bytes");
    }
    entry.data = std::make_shared<const std::string>(reader.rest().text());
    return entry;
}

std::string encode_hard_state(const HardState& state) {
    std::string payload;
    ByteWriter writer(payload);
    writer.be64(state.term);
    writer.be64(state.vote);
    writer.finish();
    return payload;
}

Result<HardState> decode_hard_state(std::string_view payload) {
    ByteReader reader(payload);
    HardState state;
    state.term = reader.be64();
    state.vote = reader.be64();
    if (!reader.finished()) {
        return fail(Code::kCorrupt, "no term and vote, of", payload.size(), "bytes");
    }
    return state;
}

std::string encode_number(uint64_t number) {
    return log_key(number);
}

Result<uint64_t> decode_number(std::string_view payload) {
    ByteReader reader(payload);
    const uint64_t number = reader.be64();
    if (!reader.finished()) {
        return fail(Code::kCorrupt, "no number, of", payload.size(), "bytes");
    }
    return number;
}

std::string encode_manifest(const Manifest& manifest) {
    std::string payload;
    ByteWriter writer(payload);
    writer.be64(manifest.generation);
    writer.be64(manifest.meta.index);
    writer.be64(manifest.meta.term);
    writer.be64(manifest.meta.size);
    writer.be32(manifest.meta.crc);
    writer.bytes(encode(manifest.meta.configuration));
    writer.finish();
    return payload;
}

Result<Manifest> decode_manifest(std::string_view payload) {
    ByteReader reader(payload);
    Manifest manifest;
    manifest.generation = reader.be64();
    manifest.meta.index = reader.be64();
    manifest.meta.term = reader.be64();
    manifest.meta.size = reader.be64();
    manifest.meta.crc = reader.be32();
    if (!reader.ok() || manifest.meta.size > kSnapshotBytesMax) {
        return fail(Code::kCorrupt, "no description of a snapshot, of", payload.size(), "bytes");
    }
    TRY(manifest.meta.configuration, decode_configuration(reader.rest().text()));
    return manifest;
}

}  // namespace shard::raft
