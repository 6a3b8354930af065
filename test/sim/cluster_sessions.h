// The sessions of a simulated cluster: connections in which nothing is lost or overtaken, and which
// break when the network does not let anything through for long, or when an end dies.
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "base/random.h"
#include "shard/leader/ports.h"
#include "shard/session/messages.h"
#include "test/sim/network.h"
#include "test/sim/world.h"

namespace sim {

// What a node's program is told of sessions.
class SessionEnds {
  public:
    virtual ~SessionEnds() = default;
    // --- it called ---
    virtual void link_opened(shard::SessionId id) = 0;
    virtual void link_received(shard::SessionId id, const shard::LeaderMessage& message) = 0;
    virtual void link_closed(shard::SessionId id) = 0;
    // --- it was called ---
    virtual void session_opened(shard::SessionId id) = 0;
    virtual void session_received(shard::SessionId id, const shard::NodeMessage& message) = 0;
    virtual void session_closed(shard::SessionId id) = 0;
};

class ClusterSessions {
  public:
    // The ends of a process; null: it is down.
    using Ends = std::function<SessionEnds*(ProcessId)>;

    ClusterSessions(World& world, Network& network, Ends ends);

    [[nodiscard]] shard::SessionId open(ProcessId from, ProcessId to);
    void send(shard::SessionId id, shard::NodeMessage message);
    void send(shard::SessionId id, shard::LeaderMessage message);
    // The caller wants no more of it, and is told nothing.
    void leave(shard::SessionId id);
    // The called one ends it, after what it has sent.
    void close(shard::SessionId id);
    // The process has died: whoever it spoke to finds out.
    void died(ProcessId process);

  private:
    using Item = std::function<void(SessionEnds&)>;

    struct Way {
        ProcessId from = kNoProcess, to = kNoProcess;
        std::deque<std::pair<Time, Item>> items;  // when each is there
        bool stalled = false;
        Time stalled_since{};
    };

    struct Session {
        Way up, down;             // to the called one, and back
        bool caller_open = true;  // who may still be told something
        bool called_open = false;
        bool called_gone = false;
        Time patience{};  // with a network that lets nothing through
    };

    void put(shard::SessionId id, bool up, size_t bytes, Item item);
    void wake(shard::SessionId id, bool up, Time when);
    void step(shard::SessionId id, bool up);
    void arrived_nowhere(shard::SessionId id);
    void tell_caller_closed(shard::SessionId id);
    void tell_called_closed(shard::SessionId id);
    // The network has given up on it: each end finds out by itself.
    void break_off(shard::SessionId id);
    void forget_if_over(shard::SessionId id);

    World& world_;
    Network& network_;
    const Ends ends_;
    base::SeededRandom random_;
    std::map<shard::SessionId, Session> sessions_;
    shard::SessionId last_ = 0;
};

}  // namespace sim
