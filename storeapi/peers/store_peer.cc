#include "storeapi/peers/store_peer.h"

#include <algorithm>
#include <utility>

#include "storeapi/peers/response_watch.h"
#include "storeapi/peers/store_request.h"
#include "storeapi/peers/store_series.h"
#include "storeapi/proto/info.pb.h"
#include "storeapi/proto/store.pb.h"

namespace storeapi {
namespace {

using base::rpc::MessageReader;
using Texts = std::vector<std::string>;

Texts dropped_labels(const model::QueryScope& scope) {
    return scope.dedup ? scope.replica_labels : Texts();
}

bool has(const Texts& texts, std::string_view wanted) {
    return std::ranges::find(texts, wanted) != texts.end();
}

void sort_unique(Texts& texts) {
    std::ranges::sort(texts);
    const auto repeated = std::ranges::unique(texts);
    texts.erase(repeated.begin(), repeated.end());
}

Texts list_of(const thanos::LabelNamesResponse& response) {
    return {response.names().begin(), response.names().end()};
}

Texts list_of(const thanos::LabelValuesResponse& response) {
    return {response.values().begin(), response.values().end()};
}

// An answer of one message.
template <class Response>
base::Result<Response> read_one(MessageReader& reader, const model::QueryContext* context) {
    std::string bytes;
    base::Result<bool> more = reader.next(bytes);
    if (!more) {
        return base::fail(peer_error(std::move(more).error(), context));
    }
    Response response;
    if (!more.value() || !response.ParseFromString(bytes)) {
        return base::fail(base::Code::kCorrupt, "the answer is not readable");
    }
    return response;
}

template <class Response>
class StoreNames final : public PendingNames {
  public:
    StoreNames(std::unique_ptr<MessageReader> reader,
               Texts drop,
               const model::QueryContext& context)
        : reader_(std::move(reader)), drop_(std::move(drop)), context_(context) {}

    base::Result<Names> wait() override {
        TRY(const auto response, read_one<Response>(*reader_, &context_));
        Names answer{.names = list_of(response),
                     .warnings = {response.warnings().begin(), response.warnings().end()}};
        std::erase_if(answer.names, [&](const std::string& name) { return has(drop_, name); });
        sort_unique(answer.names);
        return answer;
    }

  private:
    const std::unique_ptr<MessageReader> reader_;
    const Texts drop_;
    const model::QueryContext& context_;
};

class NoNames final : public PendingNames {
  public:
    base::Result<Names> wait() override { return Names(); }
};

PeerFacts facts_of(const thanos::info::InfoResponse& response) {
    PeerFacts facts;
    for (const thanos::ZLabelSet& set : response.label_sets()) {
        std::vector<model::LabelView> labels;
        for (const thanos::Label& label : set.labels()) {
            labels.push_back({.name = label.name(), .value = label.value()});
        }
        facts.label_sets.push_back(model::Labels::from_unsorted(std::move(labels)));
    }
    // One without labels stands for series of any.
    if (std::ranges::any_of(facts.label_sets, &model::Labels::empty)) {
        facts.label_sets.clear();
    }
    std::ranges::sort(facts.label_sets);
    const auto repeated = std::ranges::unique(facts.label_sets);
    facts.label_sets.erase(repeated.begin(), repeated.end());
    facts.min_t = response.store().min_time();
    facts.max_t = response.store().max_time();
    facts.component = response.componenttype();
    facts.supports_sharding = response.store().supports_sharding();
    facts.supports_without_replica_labels = response.store().supports_without_replica_labels();
    return facts;
}

}  // namespace

base::Result<std::unique_ptr<StorePeer>> StorePeer::open(const base::rpc::ChannelOptions& options,
                                                         ResponseWatch& watch) {
    TRY(auto channel, base::rpc::Channel::open(options));
    return std::unique_ptr<StorePeer>(new StorePeer(options.address, std::move(channel), watch));
}

StorePeer::StorePeer(std::string address,
                     std::unique_ptr<base::rpc::Channel> channel,
                     ResponseWatch& watch)
    : address_(std::move(address)), channel_(std::move(channel)), watch_(watch) {}

base::Result<PeerFacts> StorePeer::ask_facts(base::Deadline deadline) {
    const auto reader = channel_->stream("/thanos.info.Info/Info",
                                         thanos::info::InfoRequest().SerializeAsString(),
                                         deadline,
                                         closing_.get_token());
    TRY(const auto response, read_one<thanos::info::InfoResponse>(*reader, nullptr));
    if (!response.has_store()) {
        return base::fail(base::Code::kUnsupported, "the endpoint offers no series");
    }
    return facts_of(response);
}

std::unique_ptr<model::SeriesSet> StorePeer::select(const model::SelectHints& hints,
                                                    std::span<const model::Matcher> matchers,
                                                    const PeerFacts& facts,
                                                    const model::QueryScope& scope,
                                                    const model::QueryContext& context) {
    auto reader = watch_.stream(*channel_,
                                "/thanos.Store/Series",
                                series_request(hints, matchers, facts, scope),
                                context.deadline,
                                context.stop);
    return std::make_unique<StoreSeries>(std::move(reader),
                                         FrameWish{.min_t = hints.min_t,
                                                   .max_t = hints.max_t,
                                                   .skip_chunks = hints.skip_chunks,
                                                   .drop_labels = dropped_labels(scope),
                                                   .function = hints.function},
                                         hints.order_without,
                                         scope.partial_response,
                                         context);
}

std::unique_ptr<PendingNames> StorePeer::label_names(const model::LabelHints& hints,
                                                     std::span<const model::Matcher> matchers,
                                                     int64_t min_t,
                                                     int64_t max_t,
                                                     const model::QueryScope& scope,
                                                     const model::QueryContext& context) {
    Texts drop = dropped_labels(scope);
    // A store may list the names that are dropped here.
    const uint64_t limit = hints.limit == 0 ? 0 : hints.limit + drop.size();
    auto reader = watch_.stream(
        *channel_,
        "/thanos.Store/LabelNames",
        label_names_request(
            {.limit = limit, .matchers = matchers, .min_t = min_t, .max_t = max_t, .scope = scope}),
        context.deadline,
        context.stop);
    return std::make_unique<StoreNames<thanos::LabelNamesResponse>>(
        std::move(reader), std::move(drop), context);
}

std::unique_ptr<PendingNames> StorePeer::label_values(std::string_view name,
                                                      const model::LabelHints& hints,
                                                      std::span<const model::Matcher> matchers,
                                                      int64_t min_t,
                                                      int64_t max_t,
                                                      const model::QueryScope& scope,
                                                      const model::QueryContext& context) {
    if (has(dropped_labels(scope), name)) {
        return std::make_unique<NoNames>();
    }
    auto reader = watch_.stream(*channel_,
                                "/thanos.Store/LabelValues",
                                label_values_request(name,
                                                     {.limit = hints.limit,
                                                      .matchers = matchers,
                                                      .min_t = min_t,
                                                      .max_t = max_t,
                                                      .scope = scope}),
                                context.deadline,
                                context.stop);
    return std::make_unique<StoreNames<thanos::LabelValuesResponse>>(
        std::move(reader), Texts(), context);
}

}  // namespace storeapi
