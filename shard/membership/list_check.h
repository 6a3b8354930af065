// Whether the nodes of --cluster.join belong to the cluster of this node, which has one: a node
// that was given the list of another cluster may never have to ask one of it for a leader.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "shard/membership/founding.h"

namespace shard {

struct ListCheckOptions {
    std::vector<std::string> join;  // --cluster.join
    std::string self_address;       // --cluster.advertise-address
    std::chrono::milliseconds ask_every{10'000};
};

// Asks each until it says that it belongs to this cluster, and logs whoever belongs to another.
//   threads   one
//   lifetime  what it borrows outlives it; answers that come after it was destroyed do nothing
class ListCheck {
  public:
    struct Parts {
        Identities& identities;
        const base::Clock& clock;
        base::Logger log;
    };

    ListCheck(std::string cluster_id, ListCheckOptions options, Parts parts);
    ~ListCheck();
    ListCheck(const ListCheck&) = delete;
    ListCheck& operator=(const ListCheck&) = delete;

    // returns  when to call again, at the latest; never, once all belong to this cluster
    base::SteadyTime poll();

  private:
    struct Body;
    std::shared_ptr<Body> body_;  // answers hold it weakly
};

}  // namespace shard
