#include "engine/cluster_queries.h"

#include <algorithm>
#include <utility>

#include "base/rpc/client.h"
#include "engine/cluster_access.h"
#include "engine/store_api.h"
#include "storeapi/node/node_peer.h"
#include "storeapi/peers/store_peer.h"

namespace engine {
namespace {

constexpr const char* kEndpointsConfig = "cluster.store_endpoints";
constexpr std::string_view kAddressLabel = "__address__";

base::rpc::ClientTls store_tls(const FlagValues& flags) {
    return {.enabled = flags.boolean("grpc-client-tls-secure"),
            .ca_file = flags.text("grpc-client-tls-ca"),
            .cert_file = flags.text("grpc-client-tls-cert"),
            .key_file = flags.text("grpc-client-tls-key"),
            .server_name = flags.text("grpc-client-server-name")};
}

storeapi::PeersOptions peers_options(const FlagValues& flags) {
    storeapi::PeersOptions options;
    options.response_timeout =
        std::chrono::milliseconds(flags.duration_ms("store.response-timeout"));
    return options;
}

template <class OpenPeer>
storeapi::Endpoints::Open opener(base::rpc::ClientTls tls, OpenPeer open) {
    return [tls = std::move(tls),
            open](const std::string& address) -> base::Result<std::unique_ptr<storeapi::Peer>> {
        TRY(auto peer, open(base::rpc::ChannelOptions{.address = address, .tls = tls}));
        return std::unique_ptr<storeapi::Peer>(std::move(peer));
    };
}

}  // namespace

// --- discovery of foreign endpoints -------------------------------------------------------------

class ClusterQueries::Source final : public model::GroupListener {
  public:
    Source(ClusterQueries& owner, std::unique_ptr<model::GroupSource> source)
        : owner_(owner), source_(std::move(source)) {}

    ~Source() { source_->stop(); }

    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    void start() { source_->start(*this); }

    void groups_changed(std::vector<model::TargetGroup> groups) override {
        std::vector<std::string> addresses;
        for (const model::TargetGroup& group : groups) {
            for (const model::Labels& target : group.targets) {
                addresses.emplace_back(target.get(kAddressLabel));
            }
        }
        owner_.found(this, std::move(addresses));
    }

  private:
    ClusterQueries& owner_;
    const std::unique_ptr<model::GroupSource> source_;
};

ClusterQueries::ClusterQueries(const Parts& parts)
    : parts_(parts),
      options_(peers_options(parts.flags)),
      metrics_(parts.registry),
      watch_(options_.response_timeout),
      endpoints_(options_,
                 {.clock = parts.clock,
                  .metrics = metrics_,
                  .log = parts.log,
                  .open_node = opener(node_tls(parts.flags),
                                      [](base::rpc::ChannelOptions channel) {
                                          return storeapi::NodePeer::open(std::move(channel));
                                      }),
                  .open_store = opener(store_tls(parts.flags),
                                       [this](const base::rpc::ChannelOptions& channel) {
                                           return storeapi::StorePeer::open(channel, watch_);
                                       })}),
      peers_(options_,
             {.own = &parts.own,
              .endpoints = endpoints_,
              .metrics = metrics_,
              .own_address = advertised_address(parts.flags),
              .own_node_id = parts.node_id,
              .own_labels = parts.labels}) {}

ClusterQueries::~ClusterQueries() {
    stop();
}

base::Status ClusterQueries::start() {
    std::vector<std::string> nodes = joined_addresses(parts_.flags);
    std::erase(nodes, advertised_address(parts_.flags));
    return endpoints_.set(storeapi::PeerKind::kNode, std::move(nodes));
}

void ClusterQueries::nodes_changed(std::vector<std::string> addresses) {
    const base::Status set = addresses.empty()
                                 ? start()
                                 : endpoints_.set(storeapi::PeerKind::kNode, std::move(addresses));
    if (!set) {
        parts_.log.warn("not all nodes of the cluster are asked", "error", set.error());
    }
}

base::Status ClusterQueries::apply(const config::Config& config) {
    {
        const base::MutexLock lock(mutex_);
        if (discovery_ == config.cluster.store_endpoints) {
            return base::success();
        }
        discovery_ = config.cluster.store_endpoints;
    }
    stop();
    for (auto& source :
         scrape::make_sources(config.cluster.store_endpoints, kEndpointsConfig, parts_.sources)) {
        sources_.push_back(std::make_unique<Source>(*this, std::move(source)));
    }
    for (const auto& source : sources_) {
        source->start();
    }
    return sources_.empty() ? endpoints_.set(storeapi::PeerKind::kStore, {}) : base::success();
}

void ClusterQueries::stop() {
    sources_.clear();
    const base::MutexLock lock(mutex_);
    addresses_.clear();
}

void ClusterQueries::found(const Source* source, std::vector<std::string> addresses) {
    std::vector<std::string> all;
    const base::MutexLock lock(mutex_);
    addresses_[source] = std::move(addresses);
    for (const auto& [from, some] : addresses_) {
        all.insert(all.end(), some.begin(), some.end());
    }
    if (const base::Status set = endpoints_.set(storeapi::PeerKind::kStore, std::move(all)); !set) {
        parts_.log.warn("not all store endpoints are asked", "error", set.error());
    }
}

std::shared_ptr<model::Queryable> ClusterQueries::queryable(const model::QueryScope& scope) {
    if (scope.local || parts_.flags.text("query.scope") == "local" || peers_.others().empty()) {
        return {std::shared_ptr<void>(), &parts_.own};
    }
    return peers_.queryable(scope);
}

}  // namespace engine
