// Metadata: what metrics say of themselves.
#include <utility>

#include "storeapi/proto/metadata.pb.h"
#include "storeapi/service_methods.h"

namespace storeapi {
namespace {

using Responses = std::vector<thanos::MetricMetadataResponse>;

base::Result<Responses> metadata(const Sources& sources,
                                 const thanos::MetricMetadataRequest& request) {
    if (!sources.metadata) {
        return base::fail(base::Code::kUnsupported, "this node keeps no metadata");
    }
    Responses responses(1);
    auto& found = *responses.front().mutable_metadata()->mutable_metadata();
    const auto limit = static_cast<size_t>(request.limit());
    for (const model::MetricMetadata& entry : sources.metadata()) {
        const bool wanted = request.metric().empty() || entry.metric == request.metric();
        const bool room =
            request.limit() < 0 || found.size() < limit || found.contains(entry.metric);
        if (wanted && room) {
            thanos::Meta& meta = *found[entry.metric].add_metas();
            meta.set_type(std::string(model::metric_type_name(entry.metadata.type)));
            meta.set_help(entry.metadata.help);
            meta.set_unit(entry.metadata.unit);
        }
    }
    return responses;
}

}  // namespace

void add_metadata_service(const Sources& sources, std::vector<base::rpc::Method>& methods) {
    methods.push_back(list_method<thanos::MetricMetadataRequest>(
        sources,
        "/thanos.Metadata/MetricMetadata",
        [&sources](const thanos::MetricMetadataRequest& request, const base::rpc::CallContext&) {
            return metadata(sources, request);
        }));
}

}  // namespace storeapi
