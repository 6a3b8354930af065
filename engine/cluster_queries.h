// Queries that are for more than this node: the nodes of --cluster.join and the endpoints of
// cluster.store_endpoints, as one storage with this node's own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/sync.h"
#include "config/config.h"
#include "engine/cli.h"
#include "model/labels.h"
#include "model/query_scope.h"
#include "model/storage.h"
#include "model/target.h"
#include "scrape/discovery/discovery.h"
#include "storeapi/peers/endpoints.h"
#include "storeapi/peers/peers.h"
#include "storeapi/peers/response_watch.h"

namespace engine {

// Threads: any; apply() and stop(): one at a time.
class ClusterQueries final {
  public:
    // Borrowed; functions may be called from any thread.
    struct Parts {
        const FlagValues& flags;
        const base::Clock& clock;
        base::Registry& registry;
        base::Logger log;
        model::Queryable& own;
        std::string node_id;
        std::function<model::Labels()> labels;  // as on the StoreAPI
        scrape::SourceParts sources;            // of cluster.store_endpoints
    };

    explicit ClusterQueries(const Parts& parts);
    ~ClusterQueries();  // stop()
    ClusterQueries(const ClusterQueries&) = delete;
    ClusterQueries& operator=(const ClusterQueries&) = delete;

    // The nodes of --cluster.join are asked from now on.
    //   errors  kLimit: too many
    [[nodiscard]] base::Status start();
    // The cluster's nodes but this one are these, instead of those of --cluster.join; none: those.
    void nodes_changed(std::vector<std::string> addresses);
    // At start and at every reload: the endpoints of the configuration. Sources whose options are
    // the same go on.
    [[nodiscard]] base::Status apply(const config::Config& config) EXCLUDES_LOCK(mutex_);
    // Nobody is looked for any more.
    void stop() EXCLUDES_LOCK(mutex_);

    // What a query with this scope asks: never null. The own storage alone with --query.scope=local
    // and where there is nobody else.
    [[nodiscard]] std::shared_ptr<model::Queryable> queryable(const model::QueryScope& scope);

    // All endpoints but this node.
    [[nodiscard]] storeapi::EndpointSnapshot others() const { return peers_.others(); }

  private:
    // What one discovery mechanism says.
    class Source;

    void found(const Source* source, std::vector<std::string> addresses) EXCLUDES_LOCK(mutex_);

    const Parts parts_;
    const storeapi::PeersOptions options_;
    storeapi::PeerMetrics metrics_;
    storeapi::ResponseWatch watch_;
    storeapi::Endpoints endpoints_;
    storeapi::Peers peers_;
    base::Mutex mutex_;
    scrape::DiscoveryOptions discovery_ GUARDED_BY(mutex_);
    std::map<const Source*, std::vector<std::string>> addresses_ GUARDED_BY(mutex_);
    std::vector<std::unique_ptr<Source>> sources_;  // last: they use the others
};

}  // namespace engine
