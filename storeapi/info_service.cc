// Info: what this node offers, and what it holds. A sub-message stands for a service that works.
#include <limits>

#include "storeapi/label_message.h"
#include "storeapi/proto/info.pb.h"
#include "storeapi/service_methods.h"

namespace storeapi {
namespace {

// Raw data of this node's own scrapes: how a querier treats those.
constexpr const char* kComponentType = "sidecar";

base::Result<thanos::info::InfoResponse> info(const Sources& sources) {
    thanos::info::InfoResponse response;
    const model::Labels labels = sources.labels();
    const auto range = sources.storage.time_range();
    const int64_t min_t = range ? range->first : std::numeric_limits<int64_t>::min();
    const int64_t max_t = std::numeric_limits<int64_t>::max();  // it goes on
    response.set_componenttype(kComponentType);
    thanos::info::StoreInfo& store = *response.mutable_store();
    store.set_min_time(min_t);
    store.set_max_time(max_t);
    store.set_supports_sharding(true);
    store.set_supports_without_replica_labels(true);
    if (!labels.empty()) {
        put_labels(labels, *response.add_label_sets());
        thanos::info::TSDBInfo& tsdb = *store.add_tsdb_infos();
        put_labels(labels, *tsdb.mutable_labels());
        tsdb.set_min_time(min_t);
        tsdb.set_max_time(max_t);
    }
    if (sources.exemplars && sources.parse_selectors) {
        response.mutable_exemplars()->set_min_time(min_t);
        response.mutable_exemplars()->set_max_time(max_t);
    }
    if (sources.active_targets) {
        response.mutable_targets();
    }
    if (sources.metadata) {
        response.mutable_metric_metadata();
    }
    if (sources.figures) {
        response.mutable_status();
    }
    return response;
}

}  // namespace

void add_info_service(const Sources& sources, std::vector<base::rpc::Method>& methods) {
    methods.push_back(unary_method<thanos::info::InfoRequest>(
        sources,
        "/thanos.info.Info/Info",
        [&sources](const thanos::info::InfoRequest&, const base::rpc::CallContext&) {
            return info(sources);
        }));
}

}  // namespace storeapi
