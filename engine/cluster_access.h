// Who is in the cluster, and who may ask its nodes.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/cli.h"

namespace engine {

// The addresses of --cluster.join.
[[nodiscard]] std::vector<std::string> joined_addresses(const FlagValues& flags);

// Whether nodes may ask this one, and it them.
[[nodiscard]] bool in_cluster(const FlagValues& flags);

// The address by which the other nodes know this one.
[[nodiscard]] std::string advertised_address(const FlagValues& flags);

// Data is not handed to whoever reaches the port: with --cluster.join the gRPC server listens on
// loopback, or asks clients for certificates, or --cluster.insecure says that the network keeps
// strangers out.
//   errors  kInvalid: none of them; a flag that makes no sense
[[nodiscard]] base::Status check_cluster_access(const FlagValues& flags);

}  // namespace engine
