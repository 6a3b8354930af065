// What this node says of its cluster, and does in it when it leads: to its own HTTP API and to
// other nodes that pass questions on. source: docs/cluster-api.md
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "shard/answers/view.h"
#include "shard/member/member.h"
#include "shard/session/questions.h"

namespace engine {

// Questions that begin so are the leader's: a node that does not lead refuses them.
inline constexpr std::string_view kForLeader = "leader/";
// Those that begin so are about the asked node alone.
inline constexpr std::string_view kOfNode = "node/";
// That a change is waited for.
inline constexpr std::chrono::seconds kChangeMax{10};

// Who is there, and who leads, as far as this node knows.
struct ClusterWhere {
    bool leads = false;
    bool discovers = true;       // this node runs discovery
    std::string leader_address;  // empty: not known
    std::vector<shard::KnownNode> others;
};

// Threads: any. Lifetime: what the functions use outlives it.
class ClusterAnswers {
  public:
    struct Parts {
        std::string node_id;
        const base::Clock& clock;
        // ClusterNode::with_member()
        std::function<base::Status(const std::function<void(shard::Member&)>&)> with_member;
        // Questions of kOfNode, without that prefix.
        std::function<base::Result<shard::Answer>(const shard::Question&)> own;
    };

    explicit ClusterAnswers(Parts parts) : parts_(std::move(parts)) {}

    // From what this node knows; blocks, and asks no other one. A change is made only where this
    // node leads, and answered when the cluster has taken it.
    //   errors  kInvalid, kNotFound: the question's; kUnavailable: this node starts or stops, or
    //   does
    //           not lead and is asked what only a leader knows or may do; kTimeout: not known
    //           whether it was done
    [[nodiscard]] base::Result<shard::Answer> answer(const shard::Question& question,
                                                     base::Deadline deadline);
    [[nodiscard]] base::Result<ClusterWhere> where();

  private:
    [[nodiscard]] shard::ClusterView view_of(shard::Member& member) const;
    [[nodiscard]] base::Result<shard::Answer> look(std::string_view what,
                                                   const shard::Parameters& parameters,
                                                   bool as_leader);
    [[nodiscard]] base::Result<shard::Answer> change(std::string_view what,
                                                     const shard::Parameters& parameters,
                                                     base::Deadline deadline);

    const Parts parts_;
};

}  // namespace engine
