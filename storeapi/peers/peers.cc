#include "storeapi/peers/peers.h"

#include <algorithm>
#include <utility>

#include "storeapi/peers/peers_querier.h"

namespace storeapi {

class PeersQueryable final : public model::Queryable {
  public:
    PeersQueryable(Peers& peers, model::QueryScope scope)
        : peers_(peers), scope_(std::move(scope)) {}

    base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t, int64_t max_t) override {
        PeersQuerier::Parts parts{
            .scope = scope_, .calls = peers_.calls_, .min_t = min_t, .max_t = max_t};
        if (asks_own()) {
            TRY(parts.own, peers_.parts_.own->querier(min_t, max_t));
        }
        if (!scope_.local) {
            parts.endpoints = peers_.others();
        }
        if (!scope_.dedup && peers_.parts_.own_labels) {
            parts.own_labels = peers_.parts_.own_labels();
        }
        return std::make_unique<PeersQuerier>(std::move(parts));
    }

    std::optional<std::pair<int64_t, int64_t>> time_range() const override {
        std::optional<std::pair<int64_t, int64_t>> range;
        const auto add = [&](int64_t min_t, int64_t max_t) {
            range = range ? std::pair(std::min(range->first, min_t), std::max(range->second, max_t))
                          : std::pair(min_t, max_t);
        };
        if (asks_own()) {
            range = peers_.parts_.own->time_range();
        }
        if (!scope_.local) {
            for (const auto& endpoint : peers_.others()) {
                const PeerFacts& facts = endpoint->facts;
                if (endpoint->healthy && facts.min_t <= facts.max_t &&
                    in_scope(scope_, endpoint->address)) {
                    add(facts.min_t, facts.max_t);
                }
            }
        }
        return range;
    }

  private:
    [[nodiscard]] bool asks_own() const {
        return peers_.parts_.own != nullptr &&
               (scope_.local || in_scope(scope_, peers_.parts_.own_address));
    }

    Peers& peers_;
    const model::QueryScope scope_;
};

Peers::Peers(const PeersOptions& options, Parts parts)
    : parts_(std::move(parts)), calls_(options.calls_max, parts_.metrics) {}

std::shared_ptr<model::Queryable> Peers::queryable(model::QueryScope scope) {
    return std::make_shared<PeersQueryable>(*this, std::move(scope));
}

EndpointSnapshot Peers::others() const {
    EndpointSnapshot all = parts_.endpoints.snapshot();
    std::erase_if(all, [&](const std::shared_ptr<const Endpoint>& endpoint) {
        const bool own_id = endpoint->kind == PeerKind::kNode && !parts_.own_node_id.empty() &&
                            endpoint->known && endpoint->facts.node_id == parts_.own_node_id;
        return own_id || endpoint->address == parts_.own_address;
    });
    return all;
}

}  // namespace storeapi
