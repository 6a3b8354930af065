// What a member consists of. Private to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shard/assignment/table_machine.h"
#include "shard/inventory/inventory_targets.h"
#include "shard/member/member.h"
#include "shard/membership/list_check.h"

namespace shard {

struct Member::Body final : public Proposer {
    Body(MemberOptions how, const Parts& with);
    ~Body() override;
    Body(const Body&) = delete;
    Body& operator=(const Body&) = delete;

    // --- member.cc: its life ---------------------------------------------------------------------
    base::Status start();
    base::SteadyTime poll();
    base::SteadyTime poll_leader(base::SteadyTime now);
    void look_for_cluster();
    void follow_leader();
    // Where the group's leader is, as consensus has it; empty: it is not known.
    [[nodiscard]] std::string leader_address() const;
    // … or as its own session has it.
    [[nodiscard]] std::string leader_hint() const;
    [[nodiscard]] Identity identity() const;
    [[nodiscard]] base::Status transfer_to(raft::MemberId to);

    // --- member_raft.cc: its part in consensus ---------------------------------------------------
    // The cluster that the disk has state of; empty: of none.
    [[nodiscard]] base::Result<std::string> stored_cluster();
    [[nodiscard]] base::Status begin_raft(const std::string& cluster_id);
    // The first of --cluster.join, once a majority of the listed nodes belongs to none.
    void found();
    void take_part(const base::Status& begun);
    void keep_voters(base::SteadyTime now);
    [[nodiscard]] std::vector<VoterCandidate> candidates() const;

    // --- Proposer ---
    [[nodiscard]] bool leads() const override;
    [[nodiscard]] uint64_t term() const override;
    [[nodiscard]] uint64_t leader() const override;
    void propose(std::string edit, std::function<void(base::Result<std::string>)> done) override;
    void confirm(std::function<void(base::Status)> done) override;

    const MemberOptions options;
    const Parts parts;
    LeaderOptions leader_options;
    VoterOptions voter_options;
    std::vector<JobHash> jobs;

    Table table;
    TableMachine machine{table};
    InventoryTargets targets;
    std::unique_ptr<Founding> founding;     // null: it has a cluster, or need not found one
    std::unique_ptr<ListCheck> list_check;  // null: it has none yet
    std::unique_ptr<raft::RaftTransport> transport;
    std::unique_ptr<raft::Driver> driver;  // null: it knows no cluster yet
    std::unique_ptr<Leader> leading;       // with the driver
    std::unique_ptr<Voters> voters;
    std::unique_ptr<Worker> worker;

    std::string cluster_id;   // empty: none yet
    std::string problem;      // why it has no part in consensus
    std::string told_leader;  // address, to the worker
    base::SteadyTime next_voters{};
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
    base::SteadyTime stopping_since = base::SteadyTime::max();  // max: it does not stop
};

}  // namespace shard
