// Status: what the head holds, and what of it is large.
#include <algorithm>

#include "storeapi/proto/status.pb.h"
#include "storeapi/selection.h"
#include "storeapi/service_methods.h"

namespace storeapi {
namespace {

using Responses = std::vector<thanos::TSDBStatisticsResponse>;
using Statistics = google::protobuf::RepeatedPtrField<thanos::Statistic>;

constexpr int32_t kLimitDefault = 10;
constexpr int32_t kLimitMax = 10'000;
constexpr const char* kTenant = "";  // a node has one

void put_counts(const StorageFigures::Counts& counts, Statistics& message) {
    for (const auto& [name, value] : counts) {
        thanos::Statistic& added = *message.Add();
        added.set_name(name);
        added.set_value(value);
    }
}

base::Result<Responses> statistics(const Sources& sources,
                                   const thanos::TSDBStatisticsRequest& request) {
    if (!sources.figures) {
        return base::fail(base::Code::kUnsupported, "this node keeps no figures of its storage");
    }
    TRY(const Selection selection, read_selection(request.matchers(), sources.labels()));
    if (!selection.possible) {
        return Responses();
    }
    const int32_t limit = request.limit() <= 0 ? kLimitDefault : request.limit();
    const StorageFigures figures = sources.figures(static_cast<size_t>(std::min(limit, kLimitMax)));
    Responses responses(1);
    auto& entry = (*responses.front().mutable_statistics()->mutable_statistics())[kTenant];
    thanos::HeadStatistics& head = *entry.mutable_head_statistics();
    head.set_num_series(figures.series);
    head.set_num_label_pairs(static_cast<int64_t>(figures.label_pairs));
    head.set_chunk_count(static_cast<int64_t>(figures.chunks));
    head.set_min_time(figures.min_time);
    head.set_max_time(figures.max_time);
    put_counts(figures.series_by_metric_name, *entry.mutable_series_count_by_metric_name());
    put_counts(figures.values_by_label_name, *entry.mutable_label_value_count_by_label_name());
    put_counts(figures.memory_by_label_name, *entry.mutable_memory_in_bytes_by_label_name());
    put_counts(figures.series_by_label_pair, *entry.mutable_series_count_by_label_value_pair());
    return responses;
}

}  // namespace

void add_status_service(const Sources& sources, std::vector<base::rpc::Method>& methods) {
    methods.push_back(list_method<thanos::TSDBStatisticsRequest>(
        sources,
        "/thanos.Status/TSDBStatistics",
        [&sources](const thanos::TSDBStatisticsRequest& request, const base::rpc::CallContext&) {
            return statistics(sources, request);
        }));
}

}  // namespace storeapi
