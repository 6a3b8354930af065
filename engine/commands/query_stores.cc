#include "engine/commands/query_stores.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "base/budget.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/http/url.h"
#include "base/metrics.h"
#include "engine/machine_memory.h"
#include "query/engine.h"
#include "query/http_api.h"
#include "storeapi/peers/endpoints.h"
#include "storeapi/peers/peers.h"
#include "storeapi/peers/response_watch.h"
#include "storeapi/peers/store_peer.h"

namespace engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{5};  // between looks whether the endpoints have answered
constexpr std::string_view kLabelPath = "/api/v1/label/";
constexpr std::string_view kValuesPath = "/values";

// No storage: the engine needs one for queries that name none.
class Nothing final : public model::Queryable {
  public:
    base::Result<std::unique_ptr<model::Querier>> querier(int64_t, int64_t) override {
        return base::fail(base::Code::kUnavailable, "there is no storage here");
    }

    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override {
        return std::nullopt;
    }
};

query::Options options(milliseconds timeout, int64_t memory) {
    query::Options options;
    options.timeout = timeout;
    options.max_query_memory = memory;
    options.experimental_functions = true;
    options.extended_range_selectors = true;
    options.binop_fill_modifiers = true;
    return options;
}

class StoreClient {
  public:
    StoreClient(const StoresToAsk& stores, int64_t memory)
        : budget_("memory of the command", memory),
          deadline_(base::Deadline::after(clock_, stores.timeout)),
          watch_(milliseconds(0)),
          endpoints_(peers_options(stores.timeout),
                     {.clock = clock_,
                      .metrics = metrics_,
                      .open_store = [this, tls = stores.tls](const std::string& address)
                          -> base::Result<std::unique_ptr<storeapi::Peer>> {
                          TRY(auto peer,
                              storeapi::StorePeer::open({.address = address, .tls = tls}, watch_));
                          return std::unique_ptr<storeapi::Peer>(std::move(peer));
                      }}),
          peers_(peers_options(stores.timeout), {.endpoints = endpoints_, .metrics = metrics_}),
          engine_(options(stores.timeout, memory), nothing_, clock_, budget_) {}

    // Waits until each has answered, or has not in time.
    base::Status connect(const std::vector<std::string>& addresses) {
        TRY(endpoints_.set(storeapi::PeerKind::kStore, addresses));
        while (!deadline_.passed(clock_.steady())) {
            const auto all = endpoints_.snapshot();
            const auto answered = [](const auto& endpoint) { return endpoint->last_check_ms != 0; };
            if (std::ranges::all_of(all, answered)) {
                break;
            }
            std::this_thread::sleep_for(kLook);
        }
        return base::success();
    }

    base::http::Response get(const std::string& path, const base::http::Params& params) {
        base::http::Request request;
        request.query = params;
        const query::ApiSources sources{
            .engine = [this]() -> query::Engine& { return engine_; },
            .queryable = [this](const model::QueryScope& scope) { return peers_.queryable(scope); },
            .clock = &clock_};
        const query::Caller caller{.stop = {}, .deadline = deadline_};
        if (path == "/api/v1/query") {
            return query::handle_query(sources, request, caller);
        }
        if (path == "/api/v1/query_range") {
            return query::handle_query_range(sources, request, caller);
        }
        if (path == "/api/v1/series") {
            return query::handle_series(sources, request, caller);
        }
        if (path == "/api/v1/labels") {
            return query::handle_labels(sources, request, caller);
        }
        const bool of_values = path.starts_with(kLabelPath) && path.ends_with(kValuesPath);
        SKEIN_CHECK(of_values, "a path that nothing answers", path);
        const size_t size = path.size() - kLabelPath.size() - kValuesPath.size();
        auto name = base::http::percent_decode(path.substr(kLabelPath.size(), size), false);
        if (!name) {
            return base::http::Response::error(name.error());
        }
        request.path_params.add("name", std::move(name).value());
        return query::handle_label_values(sources, request, caller);
    }

  private:
    static storeapi::PeersOptions peers_options(milliseconds timeout) {
        storeapi::PeersOptions options;
        options.check_timeout = timeout;
        return options;
    }

    base::SystemClock clock_;
    base::Registry registry_;
    storeapi::PeerMetrics metrics_{registry_};
    base::Budget budget_;
    const base::Deadline deadline_;
    storeapi::ResponseWatch watch_;
    storeapi::Endpoints endpoints_;
    storeapi::Peers peers_;
    Nothing nothing_;
    query::Engine engine_;
};

}  // namespace

base::Result<std::string> ask_stores(const StoresToAsk& stores,
                                     const std::string& path,
                                     const base::http::Params& params) {
    StoreClient client(stores, machine_memory().bytes / 2);
    TRY(client.connect(stores.addresses));
    base::http::Response response = client.get(path, params);
    std::string body = std::move(response.body);
    std::string frame;
    for (bool more = static_cast<bool>(response.stream); more;) {
        frame.clear();
        TRY(more, response.stream(frame, {}));
        body += frame;
    }
    return body;
}

}  // namespace engine
