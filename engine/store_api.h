// The gRPC server of a node and what its StoreAPI tells of the other parts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/async/worker_pool.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/rpc/metrics.h"
#include "base/rpc/server.h"
#include "engine/cli.h"
#include "model/storage.h"
#include "query/engine.h"
#include "scrape/manager.h"
#include "storeapi/node/node_service.h"
#include "storeapi/sources.h"
#include "tsdb/db.h"

namespace engine {

// --grpc.listen-address, or Thanos' name of it; empty: there is no gRPC server.
[[nodiscard]] std::string grpc_address(const FlagValues& flags);

// --grpc-server-tls-*, or our names of them.
[[nodiscard]] base::rpc::ServerTls grpc_tls(const FlagValues& flags);

// A node's labels on the StoreAPI: the external ones and, unless one of that name is among them or
// the flag is empty, the replica label with the node's id.
[[nodiscard]] model::Labels store_labels(const model::Labels& external,
                                         const std::string& replica_label,
                                         const std::string& node_id);

// Threads: start() and stop() one; what it serves runs in a pool of its own.
class StoreApi {
  public:
    // Borrowed; functions are called once the node is ready.
    struct Parts {
        const FlagValues& flags;
        const base::Clock& clock;
        base::rpc::ServerMetrics& metrics;
        base::Logger log;
        base::Budget& budget;
        size_t threads;
        model::Queryable& storage;
        const scrape::Manager& manager;
        query::Engine& engine;
        std::function<bool()> ready;
        std::function<model::Labels()> labels;
        std::function<const tsdb::Db&()> db;
        std::string node_id;
        std::vector<base::rpc::Method> more;  // that the same server answers
    };

    // Listens; with --cluster.join for the other nodes, too. Null, with a warning, when the default
    // address is taken and none was asked for.
    //   errors  kUnavailable: the address is taken; kInvalid: TLS files
    [[nodiscard]] static base::Result<std::unique_ptr<StoreApi>> start(const Parts& parts);

    // What the health service says.
    void set_serving(bool serving) { server_->set_serving(serving); }

    // Ends what runs after `grace`.
    void stop(base::Duration grace) { server_->stop(grace); }

  private:
    explicit StoreApi(const Parts& parts);

    storeapi::Sources sources_;
    storeapi::NodeSources node_sources_;
    base::WorkerPool pool_;
    std::unique_ptr<base::rpc::Server> server_;  // last: it uses the others
};

}  // namespace engine
