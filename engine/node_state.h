// The node's own state beside the series: who it is, and what its rooms keep in its key–value
// store.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/kv_store.h"
#include "engine/cli.h"

namespace engine {

[[nodiscard]] std::string host_name();

class NodeState {
  public:
    // Opens <storage path>/skein and finds out the node's id: what an earlier start has persisted,
    // the flag, or the host name; persisted now.
    //   errors  kInvalid: --cluster.node-id differs from the persisted one; kUnavailable: another
    //   process has the folder
    [[nodiscard]] static base::Result<std::unique_ptr<NodeState>> open(base::Files& files,
                                                                       const FlagValues& flags);

    [[nodiscard]] base::KvStore& store() { return *store_; }

    [[nodiscard]] const std::string& node_id() const { return node_id_; }

  private:
    NodeState() = default;

    std::unique_ptr<base::KvStore> store_;
    std::string node_id_;
};

}  // namespace engine
