// Where things lie on a member's disk: what load finds and each batch changes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/kv_store.h"
#include "base/result.h"
#include "shard/raft/storage_records.h"
#include "shard/raft/types.h"

namespace shard::raft {

struct StorageFamilies {
    base::KvFamily log, meta, snapshot;
};

// A snapshot of the leader's that is not whole.
struct ReceivedParts {
    Manifest manifest;
    uint64_t bytes = 0;
    uint32_t crc = 0;  // of them
};

struct StorageLayout {
    bool written = false;  // something is there
    Index log_begin = 1;
    Index log_end = 1;  // after the last entry
    std::optional<Manifest> snapshot;
    std::optional<ReceivedParts> receiving;
    uint64_t last_generation = 0;  // that was used
};

struct LoadedStorage {
    Stored stored;
    StorageLayout layout;
};

// Everything that is on the disk, after checking that it fits together. Leftovers of snapshots that
// were being written or dropped are removed.
//   errors  kCorrupt: what, and where; kUnsupported: written by a newer program; those of the store
[[nodiscard]] base::Result<LoadedStorage> load_storage(base::KvStore& store,
                                                       const StorageFamilies& families);

// Calls visit(data) for the parts of a snapshot from the one that has the byte `offset` on, in
// order, with what they have from there, until it returns false.
//   returns  the offset after what was visited last, or `offset`
//   errors   kCorrupt: a hole, a checksum; those of the store
[[nodiscard]] base::Result<uint64_t> visit_parts(
    const base::KvStore& store,
    base::KvFamily family,
    uint64_t generation,
    uint64_t offset,
    const std::function<bool(std::string_view)>& visit);

}  // namespace shard::raft
