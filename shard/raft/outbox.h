// What waits for the disk: batches under way to it, and messages that promise what is in them.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "shard/raft/types.h"

namespace shard::raft {

inline constexpr size_t kBatchesMax = 16;            // handed out and not durable; more is gathered
inline constexpr size_t kMessagesWaitingMax = 4096;  // further ones are lost, as on a network

// What a batch brings with it once it is durable.
struct Batch {
    uint64_t number = 0;
    uint64_t handed_at = 0;  // in ticks
    Index last_entry = 0;    // 0: no entries; less than was handed out when that was truncated
    std::optional<SnapshotMeta> saved;  // own snapshot, with
    Index log_begin = 0;
    std::optional<SnapshotMeta> installed;
};

// Batches become durable in the order of their numbers, 1, 2, ….
class Batches {
  public:
    // Of the batch that what changes now goes into.
    [[nodiscard]] uint64_t next() const { return last_ + 1; }

    [[nodiscard]] uint64_t durable() const { return durable_; }

    [[nodiscard]] bool full() const { return under_way_.size() >= kBatchesMax; }

    // Null: nothing is under way.
    [[nodiscard]] const Batch* oldest() const {
        return under_way_.empty() ? nullptr : &under_way_.front();
    }

    // The first under way with the entry `index`, which one of them has.
    [[nodiscard]] uint64_t with_entry(Index index) const;

    // returns  its number
    uint64_t hand_out(Batch batch);
    // The entries from `index` on were replaced.
    void truncate(Index index);
    // Nothing: up to `number` everything is.
    [[nodiscard]] std::optional<Batch> next_durable(uint64_t number);

  private:
    uint64_t last_ = 0;
    uint64_t durable_ = 0;
    std::deque<Batch> under_way_;
};

class Outbox {
  public:
    // To be sent once the batch `after` is durable.
    void add(Message message, uint64_t after);
    // Whether something can be sent.
    [[nodiscard]] bool ready(uint64_t durable) const;
    // Moves what can be sent to the end of `to`. What was said in an earlier term is dropped.
    void take(uint64_t durable, Term term, std::vector<Message>& to);

  private:
    struct Waiting {
        uint64_t after = 0;
        Message message;
    };

    std::vector<Waiting> waiting_;
};

}  // namespace shard::raft
