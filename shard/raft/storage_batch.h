// A group of batches on its way to the disk: turned into one write.
#pragma once

#include <optional>

#include "base/kv_store.h"
#include "base/result.h"
#include "shard/raft/storage_layout.h"
#include "shard/raft/types.h"

namespace shard::raft {

// Of an own snapshot's part; received ones are as large as they came.
inline constexpr size_t kSnapshotPartBytes = size_t{1} << 20;

// Knows the layout as it is after the batches that were added.
//   threads   one at a time
class BatchWriter {
  public:
    // `store` is borrowed.
    BatchWriter(base::KvStore& store, const StorageFamilies& families, StorageLayout layout)
        : store_(store), families_(families), layout_(std::move(layout)) {}

    // Adds a batch to the group. The parts of an own snapshot are written at once, where nobody
    // looks before commit().
    //   errors  kCorrupt: a received snapshot that is to be installed is not what was announced;
    //           those of the store. Nothing more may be added then.
    [[nodiscard]] base::Status add(const Persist& batch);
    // Makes the group durable, all or nothing, with one sync.
    [[nodiscard]] base::Status commit();

    [[nodiscard]] const StorageLayout& layout() const { return layout_; }

  private:
    void put(std::string_view key, std::string_view payload);
    void put_entries(const std::vector<Entry>& entries);
    [[nodiscard]] base::Status put_snapshot(const SavedSnapshot& snapshot);
    [[nodiscard]] base::Status write_parts(uint64_t generation, std::string_view data);
    void receive(const SnapshotChunk& chunk);
    [[nodiscard]] base::Status install();
    void cut_log(Index begin);
    void drop_parts(uint64_t generation);

    base::KvStore& store_;
    const StorageFamilies families_;
    StorageLayout layout_;
    base::KvBatch group_;
};

}  // namespace shard::raft
