// Any bytes as a raft message: what is read is within the limits, and comes back from its own
// bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "shard/raft/wire.h"

namespace {

using shard::raft::Entry;

bool within_limits(const shard::raft::MessageBody& body) {
    if (const auto* append = std::get_if<shard::raft::AppendRequest>(&body)) {
        size_t bytes = 0;
        for (const Entry& entry : append->entries) {
            bytes += entry.bytes();
        }
        return append->entries.size() < 2 || bytes <= shard::raft::kAppendBytesMax;
    }
    if (const auto* chunk = std::get_if<shard::raft::SnapshotChunk>(&body)) {
        return chunk->data.size() <= shard::raft::kSnapshotChunkBytesMax &&
               chunk->meta.configuration.members.size() <= shard::raft::kMembersMax;
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto read = shard::raft::decode_envelope(base::ByteView(data, size));
    if (!read) {
        return 0;
    }
    const std::string bytes = encode(read.value());
    const auto again = shard::raft::decode_envelope(bytes);
    if (!within_limits(read.value().message.body) || !again || encode(again.value()) != bytes) {
        std::abort();
    }
    return 0;
}
