// Who scrapes what: the part of a voter that decides it while it leads. Keeps sessions with all
// nodes, edits the table through consensus, and tells nodes what the table says of them.
// source: docs/placement.md, docs/protocol.md
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "shard/assignment/table.h"
#include "shard/leader/events.h"
#include "shard/leader/handoffs.h"
#include "shard/leader/holders.h"
#include "shard/leader/liveness.h"
#include "shard/leader/load_view.h"
#include "shard/leader/placing.h"
#include "shard/leader/ports.h"
#include "shard/leader/what_if.h"

namespace shard {

// Between two calls of Leader::take_plan_times().
inline constexpr size_t kPlanTimesMax = 1'000;
// Targets that get an owner by one plan and have an event each; more are told by node.
inline constexpr size_t kPlacedEventsMax = 100;

struct LeaderOptions {
    LivenessOptions liveness;
    HandoffOptions handoffs;
    LoadViewOptions loads;
    PlacingOptions placing;
    std::chrono::milliseconds lease{5'000};
    std::chrono::milliseconds lease_every{1'000};
    std::chrono::milliseconds clock_drift{1'000};  // that two clocks may differ over a lease
    // Leases are given for so long after the group last confirmed that this one leads: it may have
    // been stopped for any time, and another one be chosen.
    std::chrono::milliseconds unconfirmed_max{4'000};
    // From when this one leads, that leases of the one before may last: `unconfirmed_max`, a lease
    // and `clock_drift`.
    std::chrono::milliseconds former_leases{10'000};
    std::chrono::milliseconds plan_every{5'000};        // when nothing calls for one before
    std::chrono::milliseconds clock_skew_max{60'000};   // a node further off gets nothing new
    std::chrono::milliseconds refused_wait{1'000};      // after an edit that the table refused
    std::chrono::milliseconds first_plan_wait{10'000};  // for nodes that are expected
    std::chrono::milliseconds calm{60'000};  // after an election: nothing is moved to balance
    // After the first plan, which had to guess: bounds of what is moved to balance are wider.
    std::chrono::milliseconds cold{300'000};
    // Descriptions of targets are told again in parts: so many a second, or in so long a time.
    size_t retold_least = 1'000;
    std::chrono::seconds retold_within{300};
    size_t nodes_expected = 1;  // by --cluster.join
    size_t events_max = 10'000;
    std::function<uint8_t(std::string_view job)> replicas;  // 1 .. kReplicasMax
    std::function<bool(std::string_view job)> exclusive;
};

struct NodeStatus {
    NodeNumber number = kNoNode;
    NodeLife life = NodeLife::kDead;
    bool session = false;
    base::SteadyTime silent_since{};  // as far as this leader knows
    Totals totals;
    std::vector<std::string> foreign_jobs;  // configured otherwise than here
    bool clock_off = false;
    int64_t clock_behind_ms = 0;  // of this node's, as it last reported
    uint64_t targets = 0;         // that it owns, as the table has it
};

// What is known of one target beside the table.
struct TargetStatus {
    uint64_t series = 0;  // measured, or what such targets have
    bool measured = false;
    std::optional<bool> up;  // its last scrape was good; nullopt: nobody has said
    std::vector<Holder> holders;
};

struct LeaderStatus {
    bool leading = false;
    uint64_t term = 0;
    int64_t began_ms = 0;  // wall clock
    size_t sessions = 0;
    bool planned = false;           // the figures below are of a plan of this term
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
    //   full  without damping, as after a cold start
    [[nodiscard]] Placing plan(bool full = false) const;
    // Carries that out. `done` has the answer to its last part, or to the first that was refused;
    // not applied and without a reason: there is nothing to do.
    void apply_plan(bool full, std::function<void(base::Result<EditAnswer>)> done);
    // A copy of all that a plan is made of, for trying things out elsewhere.
    [[nodiscard]] WhatIf what_if() const;

    // For the event log, from who decides beside this leader.
    void note(EventKind kind, NodeNumber node, std::string text);

    [[nodiscard]] LeaderStatus status() const;
    // Of the status, without the targets that each has: those take a look at all.
    [[nodiscard]] std::vector<NodeStatus> nodes() const;
    [[nodiscard]] TargetStatus target(model::TargetId id) const;
    // Ascending numbers.
    [[nodiscard]] const std::deque<LeaderEvent>& events() const;
    [[nodiscard]] const LeaderCounters& counters() const;
    // How long plans took since this was last called; the first kPlanTimesMax of them.
    [[nodiscard]] std::vector<base::Duration> take_plan_times();

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace shard
