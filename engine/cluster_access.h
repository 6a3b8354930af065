// What the flags say of the cluster: who is in it, and how nodes are told from strangers.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/rpc/client.h"
#include "engine/cli.h"

namespace engine {

// The addresses of --cluster.join.
[[nodiscard]] std::vector<std::string> joined_addresses(const FlagValues& flags);

// Whether nodes may ask this one, and it them.
[[nodiscard]] bool in_cluster(const FlagValues& flags);

// The address by which the other nodes know this one.
[[nodiscard]] std::string advertised_address(const FlagValues& flags);

// How nodes call each other: they show the certificate that they serve with.
[[nodiscard]] base::rpc::ClientTls node_tls(const FlagValues& flags);

// The names of --cluster.accepted-names.
[[nodiscard]] std::vector<std::string> accepted_names(const FlagValues& flags);

// Not everybody who reaches the port is a node: with --cluster.join the gRPC server listens on
// loopback, or asks clients for certificates, or nodes have a key, or --cluster.insecure says that
// the network keeps strangers out. The key decides who may speak as a node; series can be read by
// whoever can use the StoreAPI.
//   errors  kInvalid: none of them; a flag that makes no sense, alone or beside the others
[[nodiscard]] base::Status check_cluster_access(const FlagValues& flags);

}  // namespace engine
