// What a leader consists of. Private to it: each group of functions has the file that is named
// above it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "shard/leader/grants.h"
#include "shard/leader/holders.h"
#include "shard/leader/leader.h"

namespace shard {

struct NodeSession {
    NodeNumber node = kNoNode;  // kNoNode: it is not welcome yet
    std::string node_id;
    uint64_t report = 0;  // number of the last one
    base::SteadyTime heard{};
    Totals totals;
    std::vector<std::string> foreign_jobs;
    std::vector<JobHash> jobs;
    bool clock_off = false;
    int64_t clock_behind_ms = 0;
    std::vector<Held> holdings;  // of a list that is not complete
};

struct Leader::Body {
    Body(const LeaderOptions& how, const Parts& with);

    using EditDone = std::function<void(base::Result<EditAnswer>)>;

    // A plan that expects epoch 0 is one of whatever table there is when it is proposed.
    struct QueuedEdit {
        Edit edit;
        EditDone done;
        std::shared_ptr<const Placing> placing;  // that it is a part of; null: of none
    };

    // --- leader.cc: its term, and edits ----------------------------------------------------------
    base::SteadyTime poll();
    void begin();
    void follow_leader();
    void end();
    void queue(Edit edit, EditDone done, std::shared_ptr<const Placing> placing = nullptr);
    [[nodiscard]] std::optional<Edit> next_edit();
    void propose_next();
    void reconfigure(LeaderOptions to);
    void proposed(const base::Result<std::string>& answer);
    [[nodiscard]] Order order() const;
    [[nodiscard]] uint32_t now_s() const;

    // --- leader_events.cc: the event log ---------------------------------------------------------
    void note(LeaderEvent event);
    void note(EventKind kind, NodeNumber node, std::string text);
    // What is to be noted when the edit that is being made is carried out.
    void foresee(const Edit& edit);
    void foresee(const EditPlan& plan);
    void foresee(const HandoffDecision& decision);
    void foresee(const Placing& placing, const EditPlan& part);
    void foresee(const ExplainedMove& move, bool orphan, std::vector<ExplainedMove>& placed);
    void foresee_placed(const std::vector<ExplainedMove>& placed);
    void note_foreseen();
    [[nodiscard]] std::string node_name(NodeNumber node) const;
    [[nodiscard]] std::string target_name(model::TargetId target) const;
    [[nodiscard]] uint64_t missed_slots(const HandoffDecision& decision) const;

    // --- leader_sessions.cc: what nodes say and are told -----------------------------------------
    void handle(SessionId id, NodeSession& session, const Hello& hello);
    void handle(SessionId id, NodeSession& session, const Report& report);
    void handle(SessionId id, NodeSession& session, const Progress& progress);
    void handle(SessionId id, NodeSession& session, Holdings& holdings);
    void handle(SessionId id, NodeSession& session, const Configured& configured);
    void handle(SessionId id, NodeSession& session, const Released& released);
    void refuse(SessionId id, Refusal why, std::string reason);
    void redirect(SessionId id);
    [[nodiscard]] bool is_twin(SessionId id, const Hello& hello) const;
    void welcome(SessionId id, const Hello& hello);
    void send_lease(SessionId id, const NodeSession& session);
    // 0: it is not sure that it leads.
    [[nodiscard]] std::chrono::milliseconds lease() const;
    void confirm();
    void send_leases(base::SteadyTime now);
    void send_nodes();
    void follow_voters();
    [[nodiscard]] bool votes(uint64_t member) const;
    void compare_jobs(NodeSession& session) const;
    void closed(SessionId id);

    // --- leader_holders.cc: what the table says of nodes -----------------------------------------
    void rebuild_holders();
    void follow_table();
    [[nodiscard]] std::vector<Holder> holders_now(const TargetView& target);
    [[nodiscard]] bool exclusive(const TargetView& target) const;
    void refresh(model::TargetId id, std::vector<HolderChange>& changes);
    void refresh_exclusive();
    void follow_maintenance(const NodeRecord& record);
    void follow_takeovers();
    void refresh_owned_by(NodeNumber node);
    void tell_redescribed();
    void tell_descriptions_again();
    void tell_again(const std::set<uint32_t>& jobs_told);
    void tell(const std::vector<HolderChange>& changes);
    void send_assignment(NodeNumber node,
                         const std::vector<std::pair<model::TargetId, Holder>>& put,
                         std::vector<Release> releases);
    [[nodiscard]] bool lease_over(NodeNumber node) const;
    void watch_grants();
    void ask_releases();

    // --- leader_plan.cc: what is to change -------------------------------------------------------
    void follow_lives();
    [[nodiscard]] std::set<NodeNumber> owners() const;
    void count_targets(std::vector<NodeStatus>& nodes);
    [[nodiscard]] std::optional<Edit> next_takeover();
    [[nodiscard]] std::optional<Edit> next_admin();
    [[nodiscard]] std::optional<Edit> next_handoffs();
    [[nodiscard]] std::optional<Edit> next_plan();
    [[nodiscard]] std::optional<EditPlan> next_part();
    [[nodiscard]] Placing place_now(bool full) const;
    void find_fresh(std::vector<WantedTarget>& fresh, std::vector<model::TargetId>& gone) const;
    void apply_plan(bool full, EditDone done);
    [[nodiscard]] WhatIf what_if() const;
    [[nodiscard]] NodeView view_of(const NodeRecord& record) const;
    void take_discovered();
    [[nodiscard]] bool may_plan() const;

    LeaderOptions options;
    const Parts parts;

    bool leading = false;
    uint64_t term = 0;
    uint64_t latest = 0;  // member that leads, or was last known to
    uint64_t former = 0;  // … and the one before
    base::SteadyTime began{};
    int64_t began_ms = 0;  // wall clock
    base::SteadyTime now{};

    std::map<SessionId, NodeSession> sessions;
    std::map<NodeNumber, SessionId> by_node;
    std::vector<JobHash> jobs;  // own
    std::string refused_last;   // why a node was refused last
    base::SteadyTime next_leases{};
    base::SteadyTime confirmed{};  // when it surely led, in this term
    bool confirming = false;
    bool nodes_changed = false;
    base::SteadyTime next_nodes{};   // when all nodes may be told of all nodes again
    std::vector<NodeNumber> voters;  // by number, as nodes were told

    Liveness liveness;
    Handoffs handoffs;
    LoadView loads;
    UnableMarks unable;
    Holders holders;
    std::set<NodeNumber> taken_over;  // nodes of the table's takeovers, as told
    // Which descriptions are told again, from the back, and to which nodes; those whose sessions
    // have begun since come after that.
    std::vector<model::TargetId> to_retell;
    std::set<NodeNumber> retold;
    std::set<NodeNumber> retold_next;
    bool retell_later = false;  // some could not be told in this round
    base::SteadyTime next_retell{};
    Grants grants;
    base::SteadyTime grants_from{};  // nothing exclusive is given before
    bool granting = false;           // it is

    bool takeovers_due = true;      // lives or the table changed since they were looked at
    Epoch takeovers_looked_at = 0;  // of the table whose owners were looked at
    Epoch drains_looked_at = 0;
    Epoch counted_at = 0;                            // of the table that `owned` counts
    std::unordered_map<NodeNumber, uint64_t> owned;  // targets
    std::deque<QueuedEdit> edits;
    bool proposing = false;
    base::SteadyTime refused_until{};  // nothing is decided before
    EditDone proposing_done;
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);

    std::optional<uint64_t> discovered_version;  // of `discovered`; nothing: it is of another term
    std::vector<WantedTarget> discovered;        // by id
    std::set<std::string, std::less<>> discovered_jobs;  // what the targets' views point into
    bool plan_due = true;
    std::deque<EditPlan> rest;  // of the last plan, for the epochs that follow each other
    base::SteadyTime next_plan_at{};
    base::SteadyTime cold_until{};  // sizes were guessed when everything was placed
    std::deque<std::pair<uint32_t, uint64_t>> recent;  // moves for balance: when, and series
    std::optional<Placing> last;
    std::deque<LeaderEvent> events;
    uint64_t events_noted = 0;
    LeaderCounters counters;
    std::vector<base::Duration> plan_times;

    // Of the edit that is proposed.
    struct Foreseen {
        std::vector<LeaderEvent> events;
        std::vector<std::pair<MoveReason, uint64_t>> moves;  // and series
        uint64_t done = 0, aborted = 0, missed = 0;
    };

    Foreseen foreseen;
};

}  // namespace shard
