// What would come of it if something changed: plans made of a copy of what the leader knows.
// source: docs/placement.md, "Trying things out"
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "shard/leader/placing.h"

namespace shard {

// Plans that are made one after another, before it is given up.
inline constexpr uint32_t kTrialPlansMax = 200;
inline constexpr uint32_t kTrialNodesMax = 100;  // that can be added
inline constexpr double kTrialGrowthMax = 1'000;

// What is tried out; several things at once are one after another, in this order.
struct Scenario {
    uint32_t add_nodes = 0;
    uint64_t budget = 0;             // of each of them; 0: the median of those there are
    std::string zone;                // of them
    std::vector<std::string> drain;  // ids of nodes
    std::vector<std::string> lose;   // ids of nodes that are gone at once
    std::vector<std::string> lose_zones;
    std::map<std::string, double> grow;  // by job: factor of its targets' series
    bool full = false;                   // plans without damping
};

// One node before and after.
struct TrialNode {
    NodeNumber number = kNoNode;
    std::string id;
    uint64_t series_budget = 0;
    uint64_t targets_before = 0, targets_after = 0;
    uint64_t series_before = 0, series_after = 0;
    bool gone = false;  // lost, or emptied
};

struct Trial {
    std::vector<TrialNode> nodes;              // by number; added ones last
    std::vector<ExplainedMove> moves;          // in their order
    double ratio_before = 0, ratio_after = 0;  // before: without what is tried
    uint64_t unplaced = 0;
    uint32_t needed_nodes = 0;
    std::vector<NodeNumber> over_budget;
    uint32_t plans = 0;    // that were carried out
    bool complete = true;  // the last plan was empty: nothing is left to do
    // Plans that followed, at the same moment, one which held nothing back and found no target on
    // its way from one node to another. There are none.
    uint32_t restless = 0;
};

class WhatIf {
  public:
    // Copies: nothing of the leader's is borrowed, but what `replicas` does.
    struct Parts {
        std::string table;  // Table::snapshot()
        std::unique_ptr<LoadView> loads;
        UnableMarks unable;
        std::map<NodeNumber, NodeView> nodes;
        std::span<const WantedTarget> fresh;  // copied
        std::vector<model::TargetId> gone;
        std::function<uint8_t(std::string_view job)> replicas;
        PlacingOptions placing;
        uint32_t now_s = 0;
    };

    explicit WhatIf(Parts parts);
    ~WhatIf();
    WhatIf(WhatIf&&) noexcept;
    WhatIf& operator=(WhatIf&&) noexcept;

    // Makes plans and carries them out, every move at once and to its end, until there is nothing
    // to do. Bounds per plan and minute do not count. Once; may take seconds with a million
    // targets.
    //   errors  kNotFound: a node, zone or job that there is not, and those there are; kLimit;
    //           kInvalid: a factor or number that makes no sense
    [[nodiscard]] base::Result<Trial> run(const Scenario& scenario);

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace shard
