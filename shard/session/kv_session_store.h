// What a node remembers of its session, in the node's key–value store. docs/formats/session.md
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/kv_store.h"
#include "base/log.h"
#include "base/result.h"
#include "shard/session/worker.h"

namespace shard {

// A family that the store is opened with.
inline constexpr std::string_view kSessionFamily = "session";
// Of every record. Another one is not read.
inline constexpr uint8_t kSessionRecordVersion = 1;

// A write is one batch: all of it is there after a crash, or nothing.
//   threads   one
//   lifetime  `store` outlives it
class KvSessionStore final : public SessionStore {
  public:
    KvSessionStore(base::KvStore& store, base::Logger log);

    // A target whose record is damaged is left out, logged and forgotten: the leader gives it
    // again.
    //   errors  kCorrupt, kUnsupported: who the node is, or what it has obeyed, cannot be read; the
    //           message says what to do. Those of the store
    [[nodiscard]] base::Result<StoredSession> load() override;
    // Waits for the disk when the cluster or the number is another one than before.
    //   errors  kLimit: nodes of more than kSessionMessageBytesMax; those of the store
    base::Status save_identity(const std::string& cluster_id,
                               NodeNumber number,
                               std::span<const KnownNode> nodes) override;
    base::Status save_targets(Order seen,
                              std::span<const AssignedTarget> put,
                              std::span<const model::TargetId> removed,
                              bool sync) override;

    // Forgets everything, for good when it returns: the node belongs to no cluster any more.
    [[nodiscard]] base::Status reset();

    // Targets that load() left out.
    [[nodiscard]] uint64_t damaged() const { return damaged_; }

  private:
    [[nodiscard]] base::Status load_identity(StoredSession& to);
    [[nodiscard]] base::Status load_order(StoredSession& to, bool& found);
    [[nodiscard]] base::Status load_targets(StoredSession& to);
    void forget(std::span<const std::string> keys);

    base::KvStore& store_;
    const base::KvFamily family_;
    const base::Logger log_;
    // As stored.
    std::string cluster_id_;
    NodeNumber number_ = kNoNode;
    uint64_t damaged_ = 0;
};

}  // namespace shard
