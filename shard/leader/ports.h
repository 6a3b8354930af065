// What a leader needs of its node, and gives to it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "shard/leader/placing.h"
#include "shard/session/messages.h"

namespace shard {

// One call of a node's; never given twice.
using SessionId = uint64_t;

// The way of edits into the table, and who leads.
class Proposer {
  public:
    virtual ~Proposer() = default;
    // This member leads, and its table has all that was committed before it did.
    [[nodiscard]] virtual bool leads() const = 0;
    [[nodiscard]] virtual uint64_t term() const = 0;
    // Of the group; 0: nobody known, or this member, which does not lead() yet.
    [[nodiscard]] virtual uint64_t leader() const = 0;
    // The table's answer, an encoded EditAnswer. `done` is called once, later or at once.
    virtual void propose(std::string edit, std::function<void(base::Result<std::string>)> done) = 0;
    // Asks the group whether this member leads still. Success: it did at some time after the call.
    // `done` is called once, later or at once.
    virtual void confirm(std::function<void(base::Status)> done) = 0;
};

// The way to nodes.
class NodeLinks {
  public:
    virtual ~NodeLinks() = default;
    // What cannot be sent is dropped, and the session closed: Leader::closed() follows.
    virtual void send(SessionId session, LeaderMessage message) = 0;
    // After what was sent before. Leader::closed() follows.
    virtual void close(SessionId session) = 0;
};

// What this node has discovered.
class DiscoveredTargets {
  public:
    virtual ~DiscoveredTargets() = default;
    // Changes with whatever for_each() says.
    [[nodiscard]] virtual uint64_t version() const = 0;
    // Every job has said once what it has, or has had its time.
    [[nodiscard]] virtual bool complete() const = 0;
    // A job that has not said yet what it has: nothing of it is known to be gone.
    [[nodiscard]] virtual bool awaited(std::string_view job) const = 0;
    virtual void for_each(const std::function<void(const WantedTarget&)>& visit) const = 0;
    // Null: it is not discovered, here.
    [[nodiscard]] virtual std::shared_ptr<const TargetDescriptor> descriptor(
        model::TargetId id) const = 0;
    // Targets that have another description since this was last asked.
    [[nodiscard]] virtual std::vector<model::TargetId> take_redescribed() = 0;
};

}  // namespace shard
