// One node's whole part in its cluster: founds or joins it, votes if it is chosen to, leads when it
// is elected, and scrapes what it is given. Disk, network and threads are ports; the program and
// the simulator put theirs around it.
// source: docs/protocol.md, docs/placement.md
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "shard/assignment/table.h"
#include "shard/inventory/inventory.h"
#include "shard/leader/leader.h"
#include "shard/membership/founding.h"
#include "shard/membership/voters.h"
#include "shard/raft/driver.h"
#include "shard/raft/wire.h"
#include "shard/session/session_handler.h"
#include "shard/session/worker.h"

namespace shard {

// What this program's entries and messages need of others.
inline constexpr uint32_t kFeatureLevel = 1;

struct MemberOptions {
    std::string node_id;
    std::string address;  // host:port where others reach its gRPC server
    std::string zone;
    uint64_t member = 0;  // its raft::MemberId
    uint64_t series_budget = 0;
    std::vector<std::string> join;  // addresses, the same on every node
    // From when it says that it stops to when it may, at least, and at most.
    std::chrono::milliseconds stop_min{1'500}, stop_max{5'000};
    raft::DriverOptions raft;
    LeaderOptions leader;      // nodes_expected is the member's to fill in
    WorkerOptions worker;      // join is
    FoundingOptions founding;  // join and self_address are
    VoterOptions voters;
    std::chrono::milliseconds voters_look{1'000};  // between looks at who votes
};

struct MemberStatus {
    std::string cluster_id;  // empty: it belongs to none yet
    bool leads = false;
    bool votes = false;
    bool learns = false;  // is sent the log, and may become a voter
    WorkerStatus session;
    raft::DriverStatus raft;     // of nobody while it has no part in consensus
    std::string raft_problem;    // why it has none, though it should
    std::string leader_id;       // empty: not known
    std::string leader_address;  // empty: not known
};

// A step machine: every call does what can be done now and returns; after any call but poll(),
// poll() is due.
//   threads   one
//   lifetime  what it borrows outlives it
class Member final : public SessionHandler {
  public:
    struct Parts {
        raft::RaftStorage& storage;
        // Called when the member knows its cluster; the transport goes before what it borrows.
        std::function<std::unique_ptr<raft::RaftTransport>(const raft::ClusterId& cluster)>
            transport;
        NodeLinks& links;   // to the nodes whose sessions come here
        SessionLink& link;  // to the leader
        Identities& identities;
        SessionStore& store;
        HoldingsListener& holdings;
        LoadSource& loads;
        Inventory& inventory;
        const base::Clock& clock;
        base::Random& random;
        base::Logger log;
    };

    // Holds at once what the node held before it stopped.
    //   errors  of the disk: kCorrupt, kUnsupported
    [[nodiscard]] static base::Result<std::unique_ptr<Member>> start(MemberOptions options,
                                                                     const Parts& parts);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    // returns  when to call again, at the latest
    base::SteadyTime poll();

    // --- from the other members ---
    void receive(raft::Message message);
    void unreachable(raft::MemberId member);

    // --- sessions of nodes that look for their leader here ---
    void opened(SessionId id, const base::rpc::CallPeer& peer) override;
    void received(SessionId id, NodeMessage message) override;
    void closed(SessionId id, const std::string& why) override;

    // --- its own session ---
    void link_opened();
    void link_received(LeaderMessage message);
    void link_closed(const std::string& why);

    // --- from the node ---
    // A scrape of a target that it holds as incoming is over.
    void scraped(model::TargetId id, bool good, int64_t timestamp_ms, uint64_t series);
    // A configuration was loaded: its hashes, what it says of placing and how many are to vote.
    void configured(uint64_t configuration,
                    std::vector<JobHash> jobs,
                    const LeaderOptions& leader,
                    size_t voters);
    // What LoadSource::totals() says is news: it has started.
    void totals_changed();
    // It stops on purpose: others are to take over, and to lead.
    void stopping();
    // They had the time for it, or there is nobody.
    [[nodiscard]] bool may_stop() const;

    // --- asked by people; kUnavailable unless it leads ---
    void edit(Edit edit, std::function<void(base::Result<EditAnswer>)> done);
    // Another voter is to lead. 0: whichever is furthest.
    [[nodiscard]] base::Status transfer(NodeNumber to);
    // Everything that has been committed is in table() when `done` is called with success.
    void read(std::function<void(base::Status)> done);

    // --- looking ---
    [[nodiscard]] MemberStatus status() const;
    [[nodiscard]] Identity identity() const;
    // It votes, or is sent the log and may vote soon.
    [[nodiscard]] bool has_part() const;
    // Its part in consensus. Null: it knows no cluster yet.
    [[nodiscard]] const raft::Core* core() const;
    // Null unless it leads.
    [[nodiscard]] Leader* leading();
    // Of a member; empty elsewhere. May be older than the leader's.
    [[nodiscard]] const Table& table() const;
    [[nodiscard]] const Worker& worker() const;
    [[nodiscard]] const Inventory& inventory() const;

  private:
    struct Body;
    explicit Member(std::unique_ptr<Body> body);
    std::unique_ptr<Body> body_;
};

}  // namespace shard
