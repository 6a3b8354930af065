// Who holds which target, as the table has it: what nodes are told, and what they should have.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "shard/assignment/table.h"
#include "shard/session/messages.h"
#include "shard/types.h"

namespace shard {

// One node's part in a target.
struct Holder {
    NodeNumber node = kNoNode;
    uint8_t slot = 0;
    Holding holding = Holding::kOwner;
    Epoch since = 0;  // of the move, for kIncoming

    bool operator==(const Holder&) const = default;
};

// Each node at most once: who owns a slot is in no other way part of the target.
[[nodiscard]] std::vector<Holder> holders_of(const TargetView& target,
                                             std::span<const Takeover> takeovers,
                                             std::span<const NodeRecord> nodes);
// Who is to have a target that only one may scrape: who stands in for its owner, or its owner.
// nullopt: nobody.
[[nodiscard]] std::optional<Holder> exclusive_holder(std::span<const Holder> holders);

// What one node is to be told of one target.
struct HolderChange {
    NodeNumber node = kNoNode;
    model::TargetId target = 0;
    bool released = false;
    ReleaseReason reason = ReleaseReason::kMoved;  // with `released`
    Holder holder;                                 // without
};

// Remembers the holders that nodes were told of.
//   threads  one
class Holders {
  public:
    Holders();
    ~Holders();
    Holders(const Holders&) = delete;
    Holders& operator=(const Holders&) = delete;

    // What is different now. Who holds it in the same way as before is told nothing.
    //   gone  nobody discovers the target any more; `now` is empty
    void update(model::TargetId target,
                std::span<const Holder> now,
                bool gone,
                std::vector<HolderChange>& changes);
    void clear();

    // What the node should have; nothing for one that is not known.
    [[nodiscard]] HoldingDigest digest(NodeNumber node) const;
    // In no order. Looks at all targets.
    void for_each(NodeNumber node,
                  const std::function<void(model::TargetId, const Holder&)>& visit) const;
    // Valid until the next update().
    [[nodiscard]] std::span<const Holder> find(model::TargetId target) const;
    [[nodiscard]] size_t size() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace shard
