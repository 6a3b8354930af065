#include "test/storeapi/local_nodes.h"

#include <chrono>
#include <thread>

namespace storeapi_test {
namespace {

using storeapi::PeerFacts;

// A node without a connection: it gives its series as they lie.
class LocalNode final : public storeapi::Peer {
  public:
    LocalNode(std::string address, NodeState& state)
        : address_(std::move(address)), state_(state) {}

    const std::string& address() const override { return address_; }

    base::Result<PeerFacts> ask_facts(base::Deadline) override {
        while (state_.hang && !closing_) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        if (state_.down) {
            return base::fail(base::Code::kUnavailable, "connection refused");
        }
        const base::MutexLock lock(state_.mutex);
        return state_.facts;
    }

    void close() override { closing_ = true; }

    std::unique_ptr<model::SeriesSet> select(const model::SelectHints& hints,
                                             std::span<const model::Matcher> matchers,
                                             const PeerFacts&,
                                             const model::QueryScope&,
                                             const model::QueryContext& context) override {
        return std::make_unique<Set>(*this, hints, matchers, context);
    }

    std::unique_ptr<storeapi::PendingNames> label_names(
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        int64_t min_t,
        int64_t max_t,
        const model::QueryScope&,
        const model::QueryContext& context) override {
        auto querier = state_.storage->querier(min_t, max_t).value();
        return std::make_unique<Names>(state_.failing,
                                       querier->label_names(hints, matchers, context).value());
    }

    std::unique_ptr<storeapi::PendingNames> label_values(
        std::string_view name,
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        int64_t min_t,
        int64_t max_t,
        const model::QueryScope&,
        const model::QueryContext& context) override {
        auto querier = state_.storage->querier(min_t, max_t).value();
        return std::make_unique<Names>(
            state_.failing, querier->label_values(name, hints, matchers, context).value());
    }

    bool takes_fragments() const override { return state_.fragments; }

    std::unique_ptr<model::PendingPartial> partial(const model::Fragment&,
                                                   const model::QueryContext&) override {
        return std::make_unique<Part>(state_);
    }

    std::unique_ptr<model::SeriesSet> select_only(const model::SelectHints& hints,
                                                  std::span<const model::Matcher> matchers,
                                                  std::span<const uint64_t> hashes,
                                                  const model::QueryContext& context) override {
        return std::make_unique<storeapi::HashedSeries>(
            std::make_unique<Set>(*this, hints, matchers, context), hashes);
    }

  private:
    class Set final : public model::SeriesSet {
      public:
        Set(const LocalNode& node,
            const model::SelectHints& hints,
            std::span<const model::Matcher> matchers,
            const model::QueryContext& context)
            : node_(node),
              querier_(node.state_.storage->querier(hints.min_t, hints.max_t).value()),
              set_(querier_->select(hints, matchers, context).value()) {}

        base::Result<bool> next(model::SeriesBatch& batch) override {
            if (node_.state_.failing) {
                return base::fail(base::Code::kUnavailable, "went away");
            }
            return set_->next(batch);
        }

      private:
        const LocalNode& node_;
        std::unique_ptr<model::Querier> querier_;
        std::unique_ptr<model::SeriesSet> set_;
    };

    class Names final : public storeapi::PendingNames {
      public:
        Names(bool failing, Texts names) : failing_(failing), names_(std::move(names)) {}

        base::Result<PendingNames::Names> wait() override {
            if (failing_) {
                return base::fail(base::Code::kUnavailable, "went away");
            }
            return PendingNames::Names{.names = names_};
        }

      private:
        const bool failing_;
        Texts names_;
    };

    class Part final : public model::PendingPartial {
      public:
        explicit Part(const NodeState& state) : state_(state) {}

        base::Result<model::Partial> wait() override {
            if (state_.failing) {
                return base::fail(base::Code::kUnavailable, "went away");
            }
            return state_.partial;
        }

      private:
        const NodeState& state_;
    };

    const std::string address_;
    NodeState& state_;
    std::atomic<bool> closing_{false};
};

}  // namespace

std::unique_ptr<storeapi::Peer> local_node(std::string address, NodeState& state) {
    return std::make_unique<LocalNode>(std::move(address), state);
}

Cluster::Cluster(const std::vector<std::string>& addresses, bool with_own) {
    for (const std::string& address : addresses) {
        storages[address] = memory_storage();
        NodeState& state = states[address];
        state.storage = &storages[address]->queryable();
        const base::MutexLock lock(state.mutex);
        state.facts = {.label_sets = {model::Labels{{"replica", address}}},
                       .component = "node",
                       .node_id = address};
    }
    PeersBed::Setup setup{.own_node_id = "me", .own_labels = {{"replica", "me"}}};
    if (with_own) {
        setup.own = &own->queryable();
    }
    setup.open_node = [this](const std::string& address) -> std::unique_ptr<storeapi::Peer> {
        return local_node(address, states.at(address));
    };
    bed = std::make_unique<PeersBed>(std::move(setup));
    bed->ask_nodes(addresses);
}

void Cluster::wait_health(const std::string& address, bool healthy) {
    while (true) {
        for (const auto& endpoint : bed->endpoints().snapshot()) {
            if (endpoint->address == address && endpoint->healthy == healthy) {
                return;
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace storeapi_test
