// A cluster in memory: one leader and any number of nodes, real but for disk, network and scrapes.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shard/leader/leader.h"
#include "shard/session/worker.h"
#include "test/shard/session/kept_session.h"
#include "test/support/fake_clock.h"

namespace test {

struct Discovered {
    std::string job;
    uint64_t series = 100;
    bool up = true;
    std::shared_ptr<const shard::TargetDescriptor> descriptor;
};

class Cluster;

// One node: its worker, what it would scrape, and what it kept.
class ClusterNode final : public shard::SessionLink,
                          public shard::HoldingsListener,
                          public shard::LoadSource {
  public:
    ClusterNode(Cluster& cluster, std::string id, uint64_t member);

    void start();
    void kill();
    void scrape();

    void open(const std::string& address) override;
    void send(shard::NodeMessage message) override;
    void leave() override;

    void hold(const shard::AssignedTarget& target) override;
    void release(model::TargetId id, shard::ReleaseReason reason) override;

    void lease(base::SteadyTime until) override { lease_until = until; }

    void settle() override {}

    [[nodiscard]] shard::Totals totals() const override;
    void for_each_load(const std::function<void(const shard::TargetLoad&)>& visit) const override;

    Cluster& cluster;
    const std::string id;
    const uint64_t member;
    uint64_t budget = 30'000;
    uint32_t flags = 0;
    int64_t clock_off_ms = 0;
    std::vector<shard::JobHash> jobs;
    bool cut = false;                  // off from the leader
    std::set<model::TargetId> unable;  // targets that it cannot reach
    std::map<model::TargetId, shard::AssignedTarget> scraped;
    std::vector<std::pair<model::TargetId, shard::ReleaseReason>> released;
    base::SteadyTime lease_until{};
    test_support::KeptSession kept;
    std::unique_ptr<shard::Worker> worker;
    shard::SessionId session = 0;  // 0: none
};

class Cluster final : public shard::Proposer,
                      public shard::NodeLinks,
                      public shard::DiscoveredTargets {
  public:
    explicit Cluster(int nodes, shard::LeaderOptions options = {});
    ~Cluster() override;

    ClusterNode& add_node();

    ClusterNode& node(size_t number) { return *nodes.at(number - 1); }

    void discover(model::TargetId id, uint64_t series = 100, const std::string& job = "job");
    void vanish(model::TargetId id);

    // Steps of 100 ms; every node scrapes once a second.
    void pass(std::chrono::milliseconds time);
    // The leader gives up, and another one begins.
    void new_leader();

    // Nodes that scrape a target now, by number.
    [[nodiscard]] std::vector<size_t> scrapers(model::TargetId id) const;
    [[nodiscard]] std::map<size_t, size_t> counts() const;

    // --- Proposer ---
    [[nodiscard]] bool leads() const override { return leading; }

    [[nodiscard]] uint64_t term() const override { return its_term; }

    [[nodiscard]] uint64_t leader() const override { return leader_member; }

    void propose(std::string edit, std::function<void(base::Result<std::string>)> done) override;
    void confirm(std::function<void(base::Status)> done) override;

    // --- NodeLinks ---
    void send(shard::SessionId session, shard::LeaderMessage message) override;
    void close(shard::SessionId session) override;

    // --- DiscoveredTargets ---
    [[nodiscard]] uint64_t version() const override { return discovered_version; }

    [[nodiscard]] bool complete() const override { return true; }

    [[nodiscard]] bool awaited(std::string_view job) const override {
        return awaited_jobs.contains(std::string(job));
    }

    void for_each(const std::function<void(const shard::WantedTarget&)>& visit) const override;
    [[nodiscard]] std::shared_ptr<const shard::TargetDescriptor> descriptor(
        model::TargetId id) const override;

    [[nodiscard]] std::vector<model::TargetId> take_redescribed() override {
        return std::exchange(redescribed, {});
    }

    // Carries what was sent before to where it goes, until nothing is under way.
    void deliver();

    test_support::FakeClock clock;
    base::SeededRandom random{5};
    shard::Table table;
    std::map<model::TargetId, Discovered> targets;
    uint64_t discovered_version = 1;
    std::set<std::string> awaited_jobs;
    std::vector<model::TargetId> redescribed;
    bool leading = true;
    bool silent = false;  // the other members: none confirms that it leads
    std::vector<std::function<void(base::Status)>> unconfirmed;
    uint64_t its_term = 1;
    uint64_t leader_member = 1000;
    std::set<uint64_t> voting;  // members
    std::string leader_hint;
    std::unique_ptr<shard::Leader> leader_part;
    std::vector<std::unique_ptr<ClusterNode>> nodes;
    std::deque<std::function<void()>> under_way;
    shard::SessionId next_session = 1;

  private:
    friend class ClusterNode;
    [[nodiscard]] ClusterNode* by_session(shard::SessionId session);

    int64_t passed_ms_ = 0;
};

}  // namespace test
