// Whole members in memory: real but for disk, network and scrapes.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "shard/member/member.h"
#include "test/shard/raft/driver_world.h"
#include "test/shard/session/kept_session.h"
#include "test/support/capture_sink.h"
#include "test/support/fake_clock.h"

namespace member_test {

using namespace shard;

class World;

// One node: its member, what it keeps on its disk, and what it scrapes.
class Node final : public NodeLinks,
                   public SessionLink,
                   public Identities,
                   public HoldingsListener,
                   public LoadSource {
  public:
    Node(World& world, std::string id, std::vector<std::string> join);

    [[nodiscard]] std::string address() const { return id + ":1"; }

    void start();
    // Ends as the process does; the disk keeps what is durable.
    void kill();
    // Its disk is gone, too.
    void lose_disk();
    void discover(size_t targets);

    [[nodiscard]] bool up() const { return member != nullptr; }

    // --- NodeLinks ---
    void send(SessionId session, LeaderMessage message) override;
    void close(SessionId session) override;
    // --- SessionLink ---
    void open(const std::string& to) override;
    void send(NodeMessage message) override;
    void leave() override;
    // --- Identities ---
    void ask(const std::string& to, std::function<void(base::Result<Identity>)> done) override;
    // --- HoldingsListener ---
    void hold(const AssignedTarget& target) override;
    void release(model::TargetId id, ReleaseReason reason) override;

    void lease(base::SteadyTime /*until*/) override {}

    void settle() override {}

    // --- LoadSource ---
    [[nodiscard]] Totals totals() const override {
        return {.flags = starting ? uint32_t{kNodeStarting} : 0};
    }

    void for_each_load(const std::function<void(const TargetLoad&)>& visit) const override;

    World& world;
    const std::string id;
    std::vector<std::string> join;
    uint64_t member_id;
    std::unique_ptr<raft_test::HeldDisk> disk;
    Inventory inventory;
    std::map<model::TargetId, AssignedTarget> scraped;
    test_support::KeptSession kept;
    std::unique_ptr<Member> member;
    bool starting = false;  // it says that it reads its log
    uint64_t life = 0;      // counts starts
    SessionId session = 0;  // its own, at the node below; 0: none
    Node* leader = nullptr;
};

class World {
  public:
    // Nodes n1, n2, … of one --cluster.join, none of them started.
    explicit World(size_t nodes);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    [[nodiscard]] Node& node(size_t number) { return *nodes.at(number - 1); }

    [[nodiscard]] Node* by_address(const std::string& address);
    [[nodiscard]] Node* by_member(raft::MemberId id);
    [[nodiscard]] bool reach(const Node& one, const Node& other) const;
    // Runs it with the next step, if both are up then as they are now and reach each other.
    void carry(Node& from, Node& to, std::function<void(Node&)> what);

    // Steps of 50 ms.
    void pass(std::chrono::milliseconds time);
    // Passes time until it is so; at most a minute, and says whether it is.
    bool until(const std::function<bool()>& condition);

    // The node that leads; null: none does, or several.
    [[nodiscard]] Node* leader();
    [[nodiscard]] size_t voters();
    // Nodes that scrape each target that anyone scrapes.
    [[nodiscard]] std::map<model::TargetId, std::set<std::string>> scrapers() const;

    test_support::FakeClock clock;
    test_support::CaptureSink lines;
    base::SeededRandom random{7};
    std::set<std::string> cut;  // ids of nodes that reach nobody
    std::deque<std::function<void()>> under_way;
    SessionId next_session = 1;
    std::vector<std::unique_ptr<Node>> nodes;

  private:
    int64_t passed_ms_ = 0;
};

}  // namespace member_test
