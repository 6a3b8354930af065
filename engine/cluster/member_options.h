// What flags and the configuration's `cluster:` say, as the options of a member.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "engine/cli.h"
#include "shard/member/member.h"

namespace engine {

// Who this node is, and how it places while it leads.
[[nodiscard]] shard::MemberOptions member_options(const FlagValues& flags,
                                                  const config::Config& config,
                                                  const std::string& node_id,
                                                  uint64_t member,
                                                  uint64_t series_budget);

// What a reload may change.
[[nodiscard]] shard::LeaderOptions leader_options(const config::ClusterOptions& cluster);
[[nodiscard]] shard::VoterOptions voter_options(const config::ClusterOptions& cluster);

}  // namespace engine
