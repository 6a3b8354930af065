// A node of a simulated cluster: the real member with its inventory and assigned targets; disk,
// network, scrapes and discovery are simulated.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "shard/assigned/assigned_targets.h"
#include "shard/inventory/inventory.h"
#include "shard/member/member.h"
#include "test/sim/cluster_checks.h"
#include "test/sim/cluster_scrapes.h"
#include "test/sim/cluster_sessions.h"
#include "test/sim/cluster_targets.h"
#include "test/sim/disk.h"
#include "test/sim/network.h"
#include "test/sim/raft_checks.h"
#include "test/sim/raft_disk.h"
#include "test/sim/world.h"

namespace sim {

// What a node's session keeps on its disk. What was written and not synced is lost when the power
// goes, from some point on.
class KeptSession {
  public:
    [[nodiscard]] shard::StoredSession stored() const;
    void save(const std::string& cluster_id,
              shard::NodeNumber number,
              std::span<const shard::KnownNode> nodes);
    void save(shard::Order seen,
              std::span<const shard::AssignedTarget> put,
              std::span<const model::TargetId> removed,
              bool sync);
    // returns  how many writes are lost
    uint64_t lose_power(base::Random& random);

    [[nodiscard]] const shard::Order& seen() const { return now_.seen; }

  private:
    struct Content {
        std::string cluster_id;
        shard::NodeNumber number = shard::kNoNode;
        shard::Order seen;
        std::vector<shard::KnownNode> nodes;
        std::map<model::TargetId, shard::AssignedTarget> targets;
    };

    using Write = std::function<void(Content&)>;

    static constexpr size_t kLooseMax = 1000;  // then the system has written the oldest

    void write(Write write, bool sync);

    Content now_;
    Content durable_;
    std::deque<Write> loose_;
};

// A disk and what is on it: another one after it was lost, and with it another member.
struct ClusterDisk {
    uint32_t slot = 0;  // its number among all there ever were; raft checks know members by it
    RaftDisk raft;
    KeptSession session;
};

// What outlives the program.
struct ClusterMachine {
    ProcessId process = kNoProcess;
    std::string id, zone;
    uint64_t budget = 0;
    std::unique_ptr<Disk> disk;
    ClusterDisk* content = nullptr;
    uint64_t configuration = 1;  // of its file
    bool stopping = false;
    bool retired = false;  // it was removed for good
    bool joined = false;   // it was started once

    [[nodiscard]] std::string address() const { return id + ":1"; }

    [[nodiscard]] raft::MemberId member_id() const { return member_of(content->slot); }
};

class ClusterNode;

// Who is who, and how nodes are set.
class ClusterPlace {
  public:
    virtual ~ClusterPlace() = default;
    // kNoProcess: nobody.
    [[nodiscard]] virtual ProcessId by_address(const std::string& address) const = 0;
    [[nodiscard]] virtual ProcessId by_member(raft::MemberId id) const = 0;
    [[nodiscard]] virtual shard::MemberOptions options(const ClusterMachine& machine) const = 0;
    [[nodiscard]] virtual size_t voters() const = 0;
};

struct ClusterParts {
    World& world;
    Network& network;
    ClusterSessions& sessions;
    ClusterTargets& targets;
    RaftChecks& raft_checks;
    ClusterChecks& checks;
    ClusterPlace& place;
};

class ClusterNode final : public Program,
                          public SessionEnds,
                          public shard::NodeLinks,
                          public shard::SessionLink,
                          public shard::Identities,
                          public shard::SessionStore,
                          public shard::HoldingsListener {
  public:
    ClusterNode(ClusterMachine& machine, const ClusterParts& parts);
    ~ClusterNode() override;

    [[nodiscard]] shard::Member& member() { return *member_; }

    [[nodiscard]] const shard::Member& member() const { return *member_; }

    [[nodiscard]] const ClusterScrapes& scrapes() const { return scrapes_; }

    [[nodiscard]] const ClusterMachine& machine() const { return machine_; }

    // Calls it, and what is due after a call.
    void with(const std::function<void(shard::Member&)>& call);
    // Discovery has something to say of the job.
    void discover(uint32_t job);
    // Another configuration is loaded.
    void configure();

    // --- raft ---
    void raft_receive(const raft::Message& message);
    void raft_unreachable(raft::MemberId member);
    void raft_sending(const raft::Message& message);
    // Its core is known to the checks, if it has one.
    bool attach();

    // --- SessionEnds ---
    void link_opened(shard::SessionId id) override;
    void link_received(shard::SessionId id, const shard::LeaderMessage& message) override;
    void link_closed(shard::SessionId id) override;
    void session_opened(shard::SessionId id) override;
    void session_received(shard::SessionId id, const shard::NodeMessage& message) override;
    void session_closed(shard::SessionId id) override;
    // --- NodeLinks ---
    void send(shard::SessionId id, shard::LeaderMessage message) override;
    void close(shard::SessionId id) override;
    // --- SessionLink ---
    void open(const std::string& address) override;
    void send(shard::NodeMessage message) override;
    void leave() override;
    // --- Identities ---
    void ask(const std::string& address,
             std::function<void(base::Result<shard::Identity>)> done) override;
    // --- SessionStore ---
    base::Result<shard::StoredSession> load() override;
    base::Status save_identity(const std::string& cluster_id,
                               shard::NodeNumber number,
                               std::span<const shard::KnownNode> nodes) override;
    base::Status save_targets(shard::Order seen,
                              std::span<const shard::AssignedTarget> put,
                              std::span<const model::TargetId> removed,
                              bool sync) override;
    // --- HoldingsListener ---
    void hold(const shard::AssignedTarget& target) override;
    void release(model::TargetId id, shard::ReleaseReason reason) override;

    void lease(base::SteadyTime until) override { assigned_.lease(until); }

    void settle() override { assigned_.settle(); }

  private:
    void poll();
    void wake(base::SteadyTime when);
    [[nodiscard]] shard::Totals totals() const;

    ClusterMachine& machine_;
    const ClusterParts parts_;
    base::SeededRandom random_;
    shard::Inventory inventory_;
    ClusterScrapes scrapes_;
    shard::AssignedTargets assigned_;
    std::unique_ptr<raft::RaftStorage> storage_;
    std::unique_ptr<shard::Member> member_;
    bool starting_ = true;
    bool attached_ = false;
    shard::SessionId link_ = 0;  // 0: none
    Time polled_at_ = Time::min();
    uint32_t polls_at_once_ = 0;
    uint64_t wake_number_ = 0;     // of the newest wake-up; older ones do nothing
    Time wakes_at_ = Time::max();  // max: none is due
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sim
