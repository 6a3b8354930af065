// Who scrapes what: the part of a voter that decides it while it leads. Keeps sessions with all
// nodes, edits the table through consensus, and tells nodes what the table says of them.
// source: docs/placement.md, docs/protocol.md
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "shard/assignment/table.h"
#include "shard/leader/handoffs.h"
#include "shard/leader/liveness.h"
#include "shard/leader/load_view.h"
#include "shard/leader/placing.h"
#include "shard/leader/ports.h"

namespace shard {

struct LeaderOptions {
    LivenessOptions liveness;
    HandoffOptions handoffs;
    LoadViewOptions loads;
    PlacingOptions placing;
    std::chrono::milliseconds lease{5'000};
    std::chrono::milliseconds lease_every{1'000};
    std::chrono::milliseconds clock_drift{1'000};       // that two clocks may differ over a lease
    std::chrono::milliseconds plan_every{5'000};        // when nothing calls for one before
    std::chrono::milliseconds clock_skew_max{60'000};   // a node further off gets nothing new
    std::chrono::milliseconds first_plan_wait{10'000};  // for nodes that are expected
    std::chrono::milliseconds calm{60'000};  // after an election: nothing is moved to balance
    // After the first plan, which had to guess: bounds of what is moved to balance are wider.
    std::chrono::milliseconds cold{300'000};
    size_t nodes_expected = 1;  // by --cluster.join
    size_t events_max = 10'000;
    std::function<uint8_t(std::string_view job)> replicas;  // 1 .. kReplicasMax
    std::function<bool(std::string_view job)> exclusive;
};

// Something that was decided, for people.
struct LeaderEvent {
    int64_t time_ms = 0;
    std::string text;
};

struct NodeStatus {
    NodeNumber number = kNoNode;
    NodeLife life = NodeLife::kDead;
    bool session = false;
    base::SteadyTime silent_since{};  // as far as this leader knows
    Totals totals;
    std::vector<std::string> foreign_jobs;  // configured otherwise than here
    bool clock_off = false;
};

struct LeaderStatus {
    bool leading = false;
    std::vector<NodeStatus> nodes;  // by number
    uint32_t needed_nodes = 0;
    double ratio = 0;  // highest share / mean, as planned last
    uint64_t unplaced = 0;
    std::vector<NodeNumber> over_budget;
};

// A step machine: every call does what can be done now and returns.
//   threads   one: the one that applies the table's edits
//   lifetime  what it borrows outlives it; Proposer calls nothing of it after it is gone
class Leader {
  public:
    struct Parts {
        Proposer& proposer;
        NodeLinks& links;
        Table& table;
        DiscoveredTargets& targets;
        const base::Clock& clock;
        base::Logger log;
        // Whether that member of the group votes: nodes are told, and again when it is otherwise at
        // a poll(). Empty: nobody does.
        std::function<bool(uint64_t member)> votes = {};
        // Where the leader is, as far as this node heard of it in another way; empty: not known.
        // For redirecting nodes while the proposer knows of no leader that is in the table.
        std::function<std::string()> leader_hint = {};
    };

    Leader(const LeaderOptions& options, const Parts& parts);
    ~Leader();
    Leader(const Leader&) = delete;
    Leader& operator=(const Leader&) = delete;

    // Also after the table has changed. returns  when to call again, at the latest
    base::SteadyTime poll();

    void opened(SessionId session);
    void received(SessionId session, NodeMessage message);
    void closed(SessionId session);

    // This node's own configuration: others are compared with it.
    void configured(std::vector<JobHash> jobs);
    // Other options from now on; nothing is forgotten. Leases stay as they were: those that nodes
    // have must be over when they are thought to be.
    void reconfigure(const LeaderOptions& options);
    // Asked for by a person; refusals are the table's.
    void edit(Edit edit, std::function<void(base::Result<EditAnswer>)> done);
    // What would be done now, without doing it.
    [[nodiscard]] Placing plan() const;

    [[nodiscard]] LeaderStatus status() const;
    [[nodiscard]] const std::deque<LeaderEvent>& events() const;

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace shard
