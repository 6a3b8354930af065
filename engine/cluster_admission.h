// Who may speak as a node of the cluster.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/rpc/duplex.h"
#include "base/secret.h"

namespace engine {

inline constexpr size_t kClusterKeyFileBytesMax = 4096;

// Decides by the names in a caller's certificate; the connection has seen to it that the authority
// signed it. Callers without one are the affair of the key, where there is one.
//   threads  any
//   source   docs/configuration.md, "Who may speak"
class ClusterAdmission {
  public:
    // names  that may speak, as they stand in certificates; none: everybody who got this far
    explicit ClusterAdmission(std::vector<std::string> names) : names_(std::move(names)) {}

    // errors  kPermission: another name, or no certificate
    [[nodiscard]] base::Status admit(const base::rpc::CallPeer& peer) const;

  private:
    const std::vector<std::string> names_;
};

// The key of --cluster.key-file: what is in the file without line ends behind it. An empty path: no
// key.
//   errors  kInvalid: too short for a key; kLimit: larger than kClusterKeyFileBytesMax; those of
//           reading, all with the file's name
[[nodiscard]] base::Result<base::Secret> read_cluster_key(base::Files& files,
                                                          const std::string& path);

}  // namespace engine
