// When a member takes a snapshot of its state machine and cuts its log.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "shard/raft/driver.h"
#include "shard/raft/types.h"

namespace shard::raft {

// Counts what was applied. One snapshot is on its way to the disk at most.
class Compaction {
  public:
    explicit Compaction(const DriverOptions& options) : options_(options) {}

    void applied(const Entry& entry) {
        bytes_ += entry.bytes();
        ++entries_;
    }

    [[nodiscard]] bool due() const {
        return !under_way_ &&
               (bytes_ >= options_.compact_bytes || entries_ >= options_.compact_entries);
    }

    void begin() {
        bytes_ = 0;
        entries_ = 0;
        under_way_ = true;
    }

    // The state machine became that of another snapshot, before which its own is dropped unless it
    // is on its way to the disk.
    void restart() {
        bytes_ = 0;
        entries_ = 0;
        under_way_ = meta_.has_value();
    }

    // The batch `number` has the snapshot.
    void saving(uint64_t number, const SnapshotMeta& meta) {
        number_ = number;
        meta_ = meta;
    }

    // returns  what became durable with the batches up to `number`
    [[nodiscard]] std::optional<SnapshotMeta> persisted(uint64_t number) {
        if (!meta_ || number < number_) {
            return std::nullopt;
        }
        under_way_ = false;
        return std::exchange(meta_, std::nullopt);
    }

  private:
    const DriverOptions& options_;
    size_t bytes_ = 0;  // applied since the last one
    Index entries_ = 0;
    bool under_way_ = false;
    uint64_t number_ = 0;
    std::optional<SnapshotMeta> meta_;
};

}  // namespace shard::raft
