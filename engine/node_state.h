// The node's own state beside the series: who it is, and what its rooms keep in its key–value
// store. docs/formats/node.md
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/kv_store.h"
#include "base/random.h"
#include "engine/cli.h"

namespace engine {

[[nodiscard]] std::string host_name();

// Where the state lies in a data folder.
[[nodiscard]] base::Path state_folder(const base::Path& data_folder);

// Opens the store in a state folder, with the families of all rooms. They share write buffers of
// 16 MiB.
//   errors  kUnavailable: another process has it; those of KvStore
[[nodiscard]] base::Result<std::unique_ptr<base::KvStore>> open_state_store(
    const base::Path& folder);

// The node's id that is in the store; empty: none yet.
[[nodiscard]] base::Result<std::string> stored_node_id(const base::KvStore& store);

// As what the node takes part in consensus; 0: none yet.
//   errors  kCorrupt
[[nodiscard]] base::Result<uint64_t> stored_member(const base::KvStore& store);

// Puts a fresh one there, with the rest of `batch`, for good when it returns.
[[nodiscard]] base::Result<uint64_t> draw_member(base::KvStore& store,
                                                 base::Random& random,
                                                 base::KvBatch batch);

class NodeState {
  public:
    // Opens the state of --storage.tsdb.path and finds out who the node is: the id that an earlier
    // start has persisted, the flag's, or the host name; persisted now.
    //   random  fit for ids
    //   errors  kInvalid: --cluster.node-id differs from the persisted one, or cannot be a name;
    //           kCorrupt: the disk of a member that does not know which; those of open_state_store
    [[nodiscard]] static base::Result<std::unique_ptr<NodeState>> open(base::Files& files,
                                                                       const FlagValues& flags,
                                                                       base::Random& random);

    [[nodiscard]] base::KvStore& store() { return *store_; }

    [[nodiscard]] const std::string& node_id() const { return node_id_; }

    // As what it takes part in consensus: drawn when the disk was empty, or the cluster was
    // forgotten, and kept. Never 0.
    [[nodiscard]] uint64_t member() const { return member_; }

  private:
    NodeState() = default;

    base::Status find_id(const FlagValues& flags);
    base::Status find_member(base::Random& random);

    std::unique_ptr<base::KvStore> store_;
    std::string node_id_;
    uint64_t member_ = 0;
};

}  // namespace engine
