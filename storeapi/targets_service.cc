// Targets: what is scraped, and how that goes.
#include <utility>

#include <google/protobuf/util/time_util.h>

#include "storeapi/label_message.h"
#include "storeapi/proto/targets.pb.h"
#include "storeapi/service_methods.h"

namespace storeapi {
namespace {

using Responses = std::vector<thanos::TargetsResponse>;

constexpr int64_t kGoNeverSeconds = -62'135'596'800;  // the zero time of those who read it

thanos::TargetHealth health_of(TargetHealth health) {
    switch (health) {
        case TargetHealth::kUp:
            return thanos::HEALTH_UP;
        case TargetHealth::kDown:
            return thanos::HEALTH_DOWN;
        case TargetHealth::kUnknown:
            break;
    }
    return thanos::HEALTH_UNKNOWN;
}

void put_target(const TargetReport& report,
                const model::Labels& external,
                thanos::ActiveTarget& message) {
    put_labels(report.target->discovered, *message.mutable_discoveredlabels());
    put_labels(with_external(report.target->labels, external), *message.mutable_labels());
    message.set_scrapepool(report.target->job);
    message.set_scrapeurl(report.target->url);
    message.set_globalurl(report.global_url);
    message.set_lasterror(report.last_error);
    if (report.last_scrape_ns == 0) {
        message.mutable_lastscrape()->set_seconds(kGoNeverSeconds);
    } else {
        *message.mutable_lastscrape() =
            google::protobuf::util::TimeUtil::NanosecondsToTimestamp(report.last_scrape_ns);
    }
    message.set_lastscrapeduration(report.last_duration_seconds);
    message.set_health(health_of(report.health));
}

base::Result<Responses> targets(const Sources& sources, const thanos::TargetsRequest& request) {
    if (!sources.active_targets) {
        return base::fail(base::Code::kUnsupported, "this node scrapes no targets");
    }
    Responses responses(1);
    thanos::TargetDiscovery& found = *responses.front().mutable_targets();
    const model::Labels external = sources.labels();
    if (request.state() != thanos::TargetsRequest::STATE_DROPPED) {
        for (const TargetReport& report : sources.active_targets()) {
            put_target(report, external, *found.add_activetargets());
        }
    }
    if (request.state() != thanos::TargetsRequest::STATE_ACTIVE && sources.dropped_targets) {
        for (const model::Labels& discovered : sources.dropped_targets()) {
            put_labels(discovered, *found.add_droppedtargets()->mutable_discoveredlabels());
        }
    }
    return responses;
}

}  // namespace

void add_targets_service(const Sources& sources, std::vector<base::rpc::Method>& methods) {
    methods.push_back(list_method<thanos::TargetsRequest>(
        sources,
        "/thanos.Targets/Targets",
        [&sources](const thanos::TargetsRequest& request, const base::rpc::CallContext&) {
            return targets(sources, request);
        }));
}

}  // namespace storeapi
