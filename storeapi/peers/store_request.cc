#include "storeapi/peers/store_request.h"

#include <algorithm>
#include <array>

#include "storeapi/peers/downsampled.h"
#include "storeapi/proto/store.pb.h"

namespace storeapi {
namespace {

constexpr int64_t kBatchSeries = 64;

// Over ranges of these at least two windows are needed.
constexpr std::array<std::string_view, 9> kWindowFunctions = {"rate",
                                                              "irate",
                                                              "increase",
                                                              "delta",
                                                              "idelta",
                                                              "deriv",
                                                              "predict_linear",
                                                              "holt_winters",
                                                              "double_exponential_smoothing"};

int64_t resolution_of(const model::SelectHints& hints, const model::QueryScope& scope) {
    const bool window =
        std::ranges::find(kWindowFunctions, hints.function) != kWindowFunctions.end();
    return window ? std::min(scope.max_source_resolution_ms, hints.range_ms / 2)
                  : scope.max_source_resolution_ms;
}

void put_aggregates(std::string_view function, thanos::SeriesRequest& request) {
    switch (aggregate_of(function)) {
        case Aggregate::kAverage:
            request.add_aggregates(thanos::AGGR_COUNT);
            request.add_aggregates(thanos::AGGR_SUM);
            return;
        case Aggregate::kMin:
            request.add_aggregates(thanos::AGGR_MIN);
            return;
        case Aggregate::kMax:
            request.add_aggregates(thanos::AGGR_MAX);
            return;
        case Aggregate::kCount:
            request.add_aggregates(thanos::AGGR_COUNT);
            return;
        case Aggregate::kSum:
            request.add_aggregates(thanos::AGGR_SUM);
            return;
        case Aggregate::kCounter:
            request.add_aggregates(thanos::AGGR_COUNTER);
            return;
    }
}

// What all requests have in common.
template <class Request>
void put_scope(std::span<const model::Matcher> matchers,
               const model::QueryScope& scope,
               Request& request) {
    for (const model::Matcher& matcher : matchers) {
        thanos::LabelMatcher& added = *request.add_matchers();
        added.set_type(static_cast<thanos::LabelMatcher::Type>(matcher.type()));
        added.set_name(matcher.name());
        added.set_value(matcher.value());
    }
    request.set_partial_response_disabled(!scope.partial_response);
    request.set_partial_response_strategy(scope.partial_response ? thanos::PARTIAL_WARN
                                                                 : thanos::PARTIAL_ABORT);
    if (scope.dedup) {
        for (const std::string& label : scope.replica_labels) {
            request.add_without_replica_labels(label);
        }
    }
}

template <class Request>
void put_names_wish(const NamesWish& wish, Request& request) {
    put_scope(wish.matchers, wish.scope, request);
    request.set_start(wish.min_t);
    request.set_end(wish.max_t);
    request.set_limit(static_cast<int64_t>(std::min<uint64_t>(wish.limit, INT64_MAX)));
}

// A store takes matchers on its own labels out of the request, and refuses what is left when
// nothing is: then it gets one more, that matches everything.
void put_neutral_matcher(std::span<const model::Matcher> matchers,
                         const PeerFacts& facts,
                         thanos::SeriesRequest& request) {
    const auto judged = [&](const model::Labels& set) {
        return std::ranges::all_of(
            matchers, [&](const model::Matcher& matcher) { return set.has(matcher.name()); });
    };
    if (std::ranges::any_of(facts.label_sets, judged)) {
        thanos::LabelMatcher& added = *request.add_matchers();
        added.set_type(thanos::LabelMatcher::MATCH_REGEX);
        added.set_name(std::string(model::kMetricName));
        added.set_value(".*");
    }
}

// Whether the first series of the store are those that are wanted first.
bool same_order(const model::SelectHints& hints,
                const PeerFacts& facts,
                const model::QueryScope& scope) {
    const bool drops = scope.dedup && !scope.replica_labels.empty();
    return hints.order_without.empty() && (!drops || facts.supports_without_replica_labels);
}

}  // namespace

std::string series_request(const model::SelectHints& hints,
                           std::span<const model::Matcher> matchers,
                           const PeerFacts& facts,
                           const model::QueryScope& scope) {
    thanos::SeriesRequest request;
    put_scope(matchers, scope, request);
    put_neutral_matcher(matchers, facts, request);
    request.set_min_time(hints.min_t);
    request.set_max_time(hints.max_t);
    request.set_skip_chunks(hints.skip_chunks);
    request.set_max_resolution_window(resolution_of(hints, scope));
    put_aggregates(hints.function, request);
    request.set_response_batch_size(kBatchSeries);
    if (same_order(hints, facts, scope)) {
        request.set_limit(static_cast<int64_t>(std::min<uint64_t>(hints.limit, INT64_MAX)));
    }
    return request.SerializeAsString();
}

std::string label_names_request(const NamesWish& wish) {
    thanos::LabelNamesRequest request;
    put_names_wish(wish, request);
    return request.SerializeAsString();
}

std::string label_values_request(std::string_view name, const NamesWish& wish) {
    thanos::LabelValuesRequest request;
    request.set_label(std::string(name));
    put_names_wish(wish, request);
    return request.SerializeAsString();
}

}  // namespace storeapi
