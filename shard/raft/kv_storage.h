// The disk of a member: its log, what it has promised and its snapshots, in a key–value store.
// docs/formats/raft.md
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/kv_store.h"
#include "base/result.h"
#include "base/sync.h"
#include "shard/raft/driver.h"
#include "shard/raft/storage_batch.h"
#include "shard/raft/storage_layout.h"

namespace shard::raft {

// Families that the store is opened with.
inline constexpr std::string_view kLogFamily = "raft-log";
inline constexpr std::string_view kMetaFamily = "raft-meta";
inline constexpr std::string_view kSnapshotFamily = "raft-snapshot";

// --- limits
// ----------------------------------------------------------------------------------------

// Of the batches that are written together: beyond it the next group begins.
inline constexpr size_t kGroupBytesMax = size_t{4} << 20;

// Batches that wait while one is being written become durable together, with one sync. How many
// wait is the core's to limit.
//   threads   The driver's, and one of its own that writes. `post` is called from that one, and
//             runs what it is given on the driver's thread, after those it was given before.
//   lifetime  `store` outlives it. What waits when it goes is written first, and its `done` is
//             posted.
class KvStorage final : public RaftStorage {
  public:
    using Post = std::function<void(std::function<void()>)>;

    KvStorage(base::KvStore& store, Post post);
    ~KvStorage() override;
    KvStorage(const KvStorage&) = delete;
    KvStorage& operator=(const KvStorage&) = delete;

    // Waits until what was persisted before is durable: a founder loads, persists what it founds
    // with, and loads again.
    [[nodiscard]] base::Result<Stored> load() override;
    // After load().
    void persist(Persist batch, Done done) override;
    [[nodiscard]] base::Result<std::string> snapshot_bytes(const SnapshotMeta& meta,
                                                           uint64_t offset,
                                                           size_t bytes) override;
    [[nodiscard]] base::Result<std::string> installed_snapshot(const SnapshotMeta& meta) override;

  private:
    struct Waiting {
        Persist batch;
        Done done;
    };

    using Group = std::vector<Waiting>;

    void run();
    // Nothing: it is over.
    [[nodiscard]] Group next_group();
    [[nodiscard]] base::Status write(const Group& group);
    void finish(Group group, const base::Status& status);
    // The generation of the snapshot that is durable. errors  kNotFound: that is another one
    [[nodiscard]] base::Result<uint64_t> generation_of(const SnapshotMeta& meta);
    [[nodiscard]] base::Result<std::string> read_parts(const SnapshotMeta& meta,
                                                       uint64_t offset,
                                                       size_t bytes);

    base::KvStore& store_;
    const StorageFamilies families_;
    const Post post_;

    base::Mutex mutex_;
    base::CondVar changed_;
    std::deque<Waiting> queue_ GUARDED_BY(mutex_);
    bool writing_ GUARDED_BY(mutex_) = false;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::optional<Manifest> snapshot_ GUARDED_BY(mutex_);  // durable

    // The writing thread's; load() sets it while that one has nothing to do.
    std::unique_ptr<BatchWriter> writer_;
    base::Status failed_ = base::success();  // the writing thread's: the first error

    std::thread thread_;  // last: it uses everything above
};

}  // namespace shard::raft
