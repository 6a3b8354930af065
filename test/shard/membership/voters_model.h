// Nodes and a group's configuration, without logs or messages: what a leader does with Voters.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "shard/membership/voters.h"

namespace voters_test {

using namespace shard;
using namespace std::chrono_literals;

struct ModelNode {
    VoterCandidate record;
    bool alive = true;
    bool mute = false;  // alive, but nothing of raft comes through
};

class Model {
  public:
    explicit Model(VoterOptions options = {}) : voters(options), options_(options) {}

    // The first one founds.
    size_t add(const std::string& zone = "");

    [[nodiscard]] ModelNode& node(size_t number) { return nodes.at(number); }

    void kill(size_t number);
    void revive(size_t number);
    void lose_disk(size_t number);

    void forget(size_t number) { nodes.erase(number); }

    // One step of 5 s: elects, carries out what is next, commits.
    void step();
    void pass(base::Duration time);

    [[nodiscard]] bool alive(raft::MemberId member) const;
    [[nodiscard]] size_t live_voters(const raft::Configuration& of) const;

    [[nodiscard]] bool majority_lives() const {
        return live_voters(configuration) >= configuration.majority();
    }

    // Numbers of nodes that vote; 0 for members that are no node.
    [[nodiscard]] std::vector<size_t> voting() const;
    [[nodiscard]] size_t leader_number() const;
    [[nodiscard]] size_t wanted() const;

    std::map<size_t, ModelNode> nodes;
    raft::Configuration configuration;
    raft::MemberId leader = raft::kNobody;
    base::SteadyTime now{1h};
    size_t changes = 0;
    base::SteadyTime changed_at{};
    std::vector<std::string> reasons;
    std::vector<std::string> broken;  // promises
    raft::Index learning = 0;         // steps that a learner takes
    Voters voters;

  private:
    void elect();
    [[nodiscard]] raft::DriverStatus status() const;
    [[nodiscard]] std::vector<VoterCandidate> candidates() const;
    void carry_out(const raft::Configuration& to);

    VoterOptions options_;
    size_t last_number_ = 0;
    raft::MemberId last_member_ = 100;
    raft::Term term_ = 1;
    base::SteadyTime leads_since_{};
    raft::Index commit_ = 1'000;
    raft::Index configuration_index_ = 1;
    std::map<raft::MemberId, size_t> learnt_;  // steps since it was added
};

}  // namespace voters_test
