// Random series over one to five nodes, random queries: what the cluster answers is what one
// database with all series answers, over the real protocols.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "base/async/worker_pool.h"
#include "base/random.h"
#include "query/engine.h"
#include "storeapi/node/node_peer.h"
#include "storeapi/node/node_service.h"
#include "storeapi/peers/peers.h"
#include "storeapi/peers/response_watch.h"
#include "storeapi/peers/store_peer.h"
#include "test/query/answers.h"
#include "test/query/spread_series.h"
#include "test/storeapi/fixture.h"
#include "test/support/seed.h"

namespace {

using storeapi_test::Storage;

constexpr int kRounds = 6;
constexpr int kQueries = 30;  // per round
constexpr std::chrono::seconds kHealthyMax{30};

// Series of one name have labels that nodes have as well: these are theirs, and stay.
model::Labels with_own_replica(const model::Labels& labels) {
    if (labels.metric_name() != "b") {
        return labels;
    }
    model::LabelsBuilder builder(labels);
    builder.set("replica", "own");
    builder.set("dc", "elsewhere");
    return builder.labels();
}

storeapi_test::Points points_of(const std::vector<model::ChunkSample>& samples) {
    storeapi_test::Points points;
    for (const model::ChunkSample& sample : samples) {
        points.emplace_back(sample.t, sample.v);
    }
    return points;
}

// One node: a database, and both of its services.
class Member {
  public:
    explicit Member(const std::string& name)
        : storage_(storeapi_test::db_storage()),
          engine_(query::Options(), storage_->queryable(), clock_, budget_),
          labels_{{"dc", "near"}, {"replica", name}},
          sources_{.storage = storage_->queryable(),
                   .clock = clock_,
                   .budget = budget_,
                   .options = {},
                   .ready = [] { return true; },
                   .labels = [this] { return labels_; }},
          node_sources_{
              .storage = storage_->queryable(),
              .clock = clock_,
              .budget = budget_,
              .ready = [] { return true; },
              .labels = [this] { return labels_; },
              .node_id = name,
              .partial =
                  [this](const model::Fragment& fragment, const model::QueryContext& context) {
                      ++partials_;
                      return engine_.partial(fragment, storage_->queryable(), context);
                  }},
          pool_({.name = "storeapi", .threads = 2}) {
        base::rpc::ServerOptions listen;
        listen.listen_address = "127.0.0.1:0";
        auto methods = storeapi::make_services(sources_);
        for (auto& method : storeapi::make_node_service(node_sources_)) {
            methods.push_back(std::move(method));
        }
        server_ = std::move(base::rpc::Server::start(
                                listen, std::move(methods), {pool_, clock_, metrics_}))
                      .value();
    }

    [[nodiscard]] Storage& storage() { return *storage_; }

    [[nodiscard]] const std::string& address() const { return server_->address(); }

    [[nodiscard]] const model::Labels& labels() const { return labels_; }

    [[nodiscard]] int partials() const { return partials_; }

  private:
    base::SystemClock clock_;
    base::Registry registry_;
    base::rpc::ServerMetrics metrics_{registry_};
    base::Budget budget_{"node"};
    std::unique_ptr<Storage> storage_;
    query::Engine engine_;
    const model::Labels labels_;
    std::atomic<int> partials_{0};
    const storeapi::Sources sources_;
    const storeapi::NodeSources node_sources_;
    base::WorkerPool pool_;
    std::unique_ptr<base::rpc::Server> server_;
};

// The same series and labels without the way to push anything down.
class WithoutPushDown final : public model::Queryable {
  public:
    explicit WithoutPushDown(model::Queryable& inner) : inner_(inner) {}

    base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t, int64_t max_t) override {
        TRY(auto querier, inner_.querier(min_t, max_t));
        return std::make_unique<Plain>(std::move(querier));
    }

    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override {
        return inner_.time_range();
    }

  private:
    class Plain final : public model::Querier {
      public:
        explicit Plain(std::unique_ptr<model::Querier> inner) : inner_(std::move(inner)) {}

        base::Result<std::unique_ptr<model::SeriesSet>> select(
            const model::SelectHints& hints,
            std::span<const model::Matcher> matchers,
            const model::QueryContext& context) override {
            return inner_->select(hints, matchers, context);
        }

        base::Result<std::vector<std::string>> label_names(
            const model::LabelHints& hints,
            std::span<const model::Matcher> matchers,
            const model::QueryContext& context) override {
            return inner_->label_names(hints, matchers, context);
        }

        base::Result<std::vector<std::string>> label_values(
            std::string_view name,
            const model::LabelHints& hints,
            std::span<const model::Matcher> matchers,
            const model::QueryContext& context) override {
            return inner_->label_values(name, hints, matchers, context);
        }

      private:
        std::unique_ptr<model::Querier> inner_;
    };

    model::Queryable& inner_;
};

// Members that one of them, or nobody of them, asks for all.
class Cluster {
  public:
    // kind  how the others are asked; as stores the first one is asked like the others
    Cluster(size_t size, storeapi::PeerKind kind) : kind_(kind) {
        for (size_t i = 0; i < size; ++i) {
            members_.push_back(std::make_unique<Member>("n" + std::to_string(i)));
        }
        peers_ = std::make_unique<storeapi::Peers>(
            options_,
            storeapi::Peers::Parts{
                .own = as_nodes() ? &members_[0]->storage().queryable() : nullptr,
                .endpoints = endpoints_,
                .metrics = metrics_,
                .own_node_id = "n0",
                .own_labels = [this] { return members_[0]->labels(); }});
    }

    [[nodiscard]] size_t size() const { return members_.size(); }

    void add(size_t holder,
             const model::Labels& labels,
             const std::vector<model::ChunkSample>& samples) {
        members_[holder]->storage().add(labels, points_of(samples));
    }

    // After everything was added: what peers say of their times is asked now.
    void meet() {
        std::vector<std::string> addresses;
        for (size_t i = as_nodes() ? 1 : 0; i < members_.size(); ++i) {
            addresses.push_back(members_[i]->address());
        }
        REQUIRE(endpoints_.set(kind_, addresses));
        const auto until = clock_.steady() + kHealthyMax;
        const auto healthy = [](const auto& endpoint) { return endpoint->healthy; };
        while (!std::ranges::all_of(endpoints_.snapshot(), healthy)) {
            REQUIRE(clock_.steady() < until);
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    }

    [[nodiscard]] std::shared_ptr<model::Queryable> queryable() {
        model::QueryScope scope;
        scope.partial_response = false;
        if (!as_nodes()) {
            scope.replica_labels = {"replica", "dc"};
        }
        return peers_->queryable(scope);
    }

    [[nodiscard]] int partials() const {
        int all = 0;
        for (const auto& member : members_) {
            all += member->partials();
        }
        return all;
    }

  private:
    [[nodiscard]] bool as_nodes() const { return kind_ == storeapi::PeerKind::kNode; }

    const storeapi::PeerKind kind_;
    const storeapi::PeersOptions options_{.check_interval = std::chrono::seconds(1)};
    base::SystemClock clock_;
    base::Registry registry_;
    storeapi::PeerMetrics metrics_{registry_};
    std::vector<std::unique_ptr<Member>> members_;
    storeapi::ResponseWatch watch_{std::chrono::milliseconds(0)};
    storeapi::Endpoints endpoints_{
        options_,
        {.clock = clock_,
         .metrics = metrics_,
         .open_node =
             [](const std::string& address) -> base::Result<std::unique_ptr<storeapi::Peer>> {
             TRY(auto peer, storeapi::NodePeer::open({.address = address, .tls = {}}));
             return std::unique_ptr<storeapi::Peer>(std::move(peer));
         },
         .open_store =
             [this](const std::string& address) -> base::Result<std::unique_ptr<storeapi::Peer>> {
             TRY(auto peer, storeapi::StorePeer::open({.address = address, .tls = {}}, watch_));
             return std::unique_ptr<storeapi::Peer>(std::move(peer));
         }}};
    std::unique_ptr<storeapi::Peers> peers_;
};

// Asks both ways about the same.
class Asker {
  public:
    Asker(model::Queryable& cluster, model::Queryable& everything)
        : cluster_(query::Options(), cluster, clock_, budget_),
          everything_(query::Options(), everything, clock_, budget_) {}

    void ask(const std::string& text, int64_t step, bool instant) {
        constexpr int64_t kEnd = test_query::kSpreadEnd;
        if (instant) {
            test_query::check_same(everything_.instant(text, kEnd), cluster_.instant(text, kEnd));
        } else {
            constexpr int64_t kStart = test_query::kSpreadStart;
            test_query::check_same(everything_.range(text, kStart, kEnd, step),
                                   cluster_.range(text, kStart, kEnd, step));
        }
        CHECK(budget_.used() == 0);
    }

  private:
    base::SystemClock clock_;
    base::Budget budget_{"asker"};
    query::Engine cluster_;
    query::Engine everything_;
};

// Rounds of a cluster of random size with random series, each asked random queries.
void ask_clusters(storeapi::PeerKind kind, bool push_down, bool own_labels) {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed, push_down);
    base::SeededRandom random(seed);
    int partials = 0;
    for (int round = 0; round < kRounds; ++round) {
        Cluster cluster(1 + random.below(5), kind);
        const auto everything = storeapi_test::db_storage();
        test_query::spread_series(
            cluster.size(),
            random,
            [&](size_t holder, const model::Labels& plain, const auto& samples) {
                const model::Labels labels = own_labels ? with_own_replica(plain) : plain;
                cluster.add(holder, labels, samples);
                everything->add(labels, points_of(samples));
            });
        cluster.meet();
        const auto storage = cluster.queryable();
        WithoutPushDown plain(*storage);
        Asker asker(push_down ? *storage : plain, everything->queryable());
        for (int i = 0; i < kQueries; ++i) {
            const std::string text = test_query::random_aggregating_query(random);
            const int64_t step = 15'000 * static_cast<int64_t>(1 + random.below(8));
            CAPTURE(text, step, cluster.size(), round);
            asker.ask(text, step, random.below(2) == 0);
        }
        partials += cluster.partials();
    }
    CHECK((partials > 0) == (push_down && kind == storeapi::PeerKind::kNode));
}

}  // namespace

TEST_CASE("a cluster of nodes answers as one database with all series",
          "[storeapi][cluster][property]") {
    ask_clusters(storeapi::PeerKind::kNode, /*push_down=*/true, /*own_labels=*/true);
}

TEST_CASE("a cluster of nodes answers as one database, with nothing pushed down",
          "[storeapi][cluster][property]") {
    ask_clusters(storeapi::PeerKind::kNode, /*push_down=*/false, /*own_labels=*/true);
}

TEST_CASE("foreign stores that are replicas answer as one database with all series",
          "[storeapi][cluster][property]") {
    ask_clusters(storeapi::PeerKind::kStore, /*push_down=*/true, /*own_labels=*/false);
}
