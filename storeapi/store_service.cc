// Store: series, label names, label values.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storeapi/final_labels.h"
#include "storeapi/proto/store.pb.h"
#include "storeapi/selection.h"
#include "storeapi/series_stream.h"
#include "storeapi/service_methods.h"

namespace storeapi {
namespace {

using base::Result;
using base::rpc::CallContext;
using base::rpc::MessageStream;

constexpr const char* kBudgetName = "memory of one StoreAPI call";

template <class Request>
std::vector<std::string> without_of(const Request& request) {
    return {request.without_replica_labels().begin(), request.without_replica_labels().end()};
}

uint64_t limit_of(int64_t limit) {
    return static_cast<uint64_t>(std::max<int64_t>(0, limit));
}

// One call's way to the storage.
class StorageCall {
  public:
    StorageCall(const Sources& sources, const CallContext& call)
        : budget_(std::make_unique<base::Budget>(kBudgetName, sources.budget)),
          context_(
              std::make_unique<model::QueryContext>(model::QueryContext{.stop = call.stop,
                                                                        .deadline = call.deadline,
                                                                        .clock = &sources.clock,
                                                                        .budget = budget_.get()})) {
    }

    base::Status open(const Sources& sources, int64_t min_t, int64_t max_t) {
        TRY(querier_, sources.storage.querier(min_t, max_t));
        return base::success();
    }

    [[nodiscard]] model::Querier& querier() { return *querier_; }

    [[nodiscard]] const model::QueryContext& context() const { return *context_; }

    // Hands everything over to a stream.
    [[nodiscard]] SeriesStream::Source into_source(std::unique_ptr<FinalLabels> labels) && {
        return {.budget = std::move(budget_),
                .context = std::move(context_),
                .querier = std::move(querier_),
                .labels = std::move(labels)};
    }

  private:
    std::unique_ptr<base::Budget> budget_;
    std::unique_ptr<model::QueryContext> context_;
    std::unique_ptr<model::Querier> querier_;
};

std::unique_ptr<MessageStream> nothing() {
    return std::make_unique<MessageList>(std::vector<std::string>());
}

Result<std::unique_ptr<MessageStream>> series(const Sources& sources,
                                              std::string_view bytes,
                                              const CallContext& call) {
    TRY(check_ready(sources));
    TRY(const auto request, read_request<thanos::SeriesRequest>(bytes, "Series"));
    const model::Labels external = sources.labels();
    TRY(const Selection selection, read_selection(request.matchers(), external));
    if (!selection.possible) {
        return nothing();
    }
    if (selection.matchers.empty()) {
        return base::fail(base::Code::kInvalid,
                          "no matchers specified (excluding external labels)");
    }
    if (request.min_time() > request.max_time()) {
        return nothing();
    }
    auto labels = std::make_unique<FinalLabels>(external, without_of(request));
    StorageCall storage(sources, call);
    TRY(storage.open(sources, request.min_time(), request.max_time()));
    const model::SelectHints hints{.min_t = request.min_time(),
                                   .max_t = request.max_time(),
                                   .sorted = true,
                                   .order_without = labels->hidden(),
                                   .skip_chunks = request.skip_chunks()};
    TRY(auto set, storage.querier().select(hints, selection.matchers, storage.context()));
    SeriesWish wish{.skip_chunks = request.skip_chunks(),
                    .batch = request.response_batch_size() > 1,
                    .limit = limit_of(request.limit()),
                    .shard = Shard(request.shard_info())};
    return std::make_unique<SeriesStream>(std::move(storage).into_source(std::move(labels)),
                                          std::move(set),
                                          std::move(wish),
                                          sources.options);
}

template <class List>
void put_sorted(std::vector<std::string>&& texts, uint64_t limit, List& list) {
    std::ranges::sort(texts);
    const auto repeated = std::ranges::unique(texts);
    texts.erase(repeated.begin(), repeated.end());
    if (limit != 0 && texts.size() > limit) {
        texts.resize(limit);
    }
    for (std::string& text : texts) {
        list.Add(std::move(text));
    }
}

Result<thanos::LabelNamesResponse> label_names(const Sources& sources,
                                               const thanos::LabelNamesRequest& request,
                                               const CallContext& call) {
    thanos::LabelNamesResponse response;
    const model::Labels external = sources.labels();
    TRY(const Selection selection, read_selection(request.matchers(), external));
    if (!selection.possible || request.start() > request.end()) {
        return response;
    }
    StorageCall storage(sources, call);
    TRY(storage.open(sources, request.start(), request.end()));
    TRY(auto names, storage.querier().label_names({}, selection.matchers, storage.context()));
    if (names.empty()) {
        return response;
    }
    const FinalLabels labels(external, without_of(request));
    std::erase_if(names, [&](const std::string& name) { return labels.is_without(name); });
    for (const model::LabelView& label : labels.added()) {
        names.emplace_back(label.name);
    }
    put_sorted(std::move(names), limit_of(request.limit()), *response.mutable_names());
    return response;
}

// Whether the storage has a series that matches.
Result<bool> has_series(StorageCall& storage,
                        const thanos::LabelValuesRequest& request,
                        const Selection& selection) {
    const model::SelectHints hints{
        .min_t = request.start(), .max_t = request.end(), .skip_chunks = true, .limit = 1};
    TRY(const auto set, storage.querier().select(hints, selection.matchers, storage.context()));
    model::SeriesBatch batch;
    return set->next(batch);
}

Result<thanos::LabelValuesResponse> label_values(const Sources& sources,
                                                 const thanos::LabelValuesRequest& request,
                                                 const CallContext& call) {
    thanos::LabelValuesResponse response;
    if (request.label().empty()) {
        return base::fail(base::Code::kInvalid, "label name parameter cannot be empty");
    }
    const model::Labels external = sources.labels();
    TRY(const Selection selection, read_selection(request.matchers(), external));
    const FinalLabels labels(external, without_of(request));
    if (!selection.possible || request.start() > request.end() ||
        labels.is_without(request.label())) {
        return response;
    }
    const std::string_view own = external.get(request.label());
    StorageCall storage(sources, call);
    TRY(storage.open(sources, request.start(), request.end()));
    if (!own.empty()) {
        bool shown = selection.matchers.empty();
        if (!shown) {
            TRY(shown, has_series(storage, request, selection));
        }
        if (shown) {
            response.add_values(std::string(own));
        }
        return response;
    }
    const uint64_t limit = limit_of(request.limit());
    TRY(auto values,
        storage.querier().label_values(
            request.label(), {.limit = limit}, selection.matchers, storage.context()));
    put_sorted(std::move(values), limit, *response.mutable_values());
    return response;
}

}  // namespace

void add_store_service(const Sources& sources, std::vector<base::rpc::Method>& methods) {
    methods.push_back({.path = "/thanos.Store/Series",
                       .stream = [&sources](std::string_view request, const CallContext& call) {
                           return series(sources, request, call);
                       }});
    methods.push_back(unary_method<thanos::LabelNamesRequest>(
        sources,
        "/thanos.Store/LabelNames",
        [&sources](const thanos::LabelNamesRequest& request, const CallContext& call) {
            return label_names(sources, request, call);
        }));
    methods.push_back(unary_method<thanos::LabelValuesRequest>(
        sources,
        "/thanos.Store/LabelValues",
        [&sources](const thanos::LabelValuesRequest& request, const CallContext& call) {
            return label_values(sources, request, call);
        }));
}

}  // namespace storeapi
