// What the leader of a simulated cluster would do now, held against what its plans promise
// (docs/decisions/0009-what-placement-promises.md).
//
//   P3  a plan that held nothing back is followed by an empty one, and plans come to an end
//   P4  the same is planned twice alike
//   P6  nothing moves for balance unless a node is beyond its band
//   P7  a move for balance makes the two nodes more even
//   P11 while a node that joins a cluster at rest has too little, what it can take goes to it
#pragma once

#include <set>
#include <vector>

#include "base/random.h"
#include "shard/leader/leader.h"
#include "test/sim/world.h"

namespace sim {

class ClusterPlans {
  public:
    // Its draws take nothing from the world's.
    ClusterPlans(World& world, uint64_t seed) : world_(world), random_(seed) {}

    //   at_rest  also what would come of one plan after another
    void look(const shard::Leader& leader, const shard::Table& table, bool at_rest);
    // While that node joins, and nothing else happens.
    void look_at_join(const shard::Leader& leader,
                      const shard::Table& table,
                      const shard::NodeRecord& joined);

  private:
    struct Newcomer {
        shard::NodeNumber node = shard::kNoNode;
        double budget = 0;
        double mean = 0;    // share, of all
        double series = 0;  // that it has
        std::set<model::TargetId> not_for_it = {};
    };

    void check_evener(const shard::Placing& placing, const shard::Table& table);
    void check_band(const shard::Placing& placing);
    void check_trials(const shard::Leader& leader);
    [[nodiscard]] shard::Trial try_out(const shard::Leader& leader,
                                       const shard::Scenario& scenario);
    void check_join(const shard::Trial& joined);
    void check_newcomer(const std::vector<shard::ExplainedMove>& moves, Newcomer newcomer);

    World& world_;
    base::SeededRandom random_;
};

}  // namespace sim
