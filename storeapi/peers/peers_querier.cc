#include "storeapi/peers/peers_querier.h"

#include <algorithm>
#include <utility>

#include "model/merge_series.h"
#include "storeapi/peers/peer_series.h"
#include "storeapi/peers/rewritten_series.h"

namespace storeapi {

// A select while it is put together.
struct PeersQuerier::Selection {
    const model::SelectHints hints;  // sorted
    const std::span<const model::Matcher> matchers;
    const std::span<const uint64_t>* const hashes;             // null: all series
    const std::shared_ptr<const model::QueryContext> context;  // the sets borrow it
    std::vector<std::string> warnings;
    std::vector<std::unique_ptr<model::SeriesSet>> sets;
};

namespace {

// All holders' series, with the context that their sets borrow.
class JoinedSeries final : public model::SeriesSet {
  public:
    JoinedSeries(std::shared_ptr<const model::QueryContext> context,
                 std::unique_ptr<model::SeriesSet> set,
                 std::vector<std::string> warnings)
        : context_(std::move(context)), warnings_(std::move(warnings)), set_(std::move(set)) {}

    base::Result<bool> next(model::SeriesBatch& batch) override { return set_->next(batch); }

    std::vector<std::string> warnings() const override {
        std::vector<std::string> all = warnings_;
        std::ranges::move(set_->warnings(), std::back_inserter(all));
        return all;
    }

  private:
    const std::shared_ptr<const model::QueryContext> context_;
    const std::vector<std::string> warnings_;
    const std::unique_ptr<model::SeriesSet> set_;  // last: it uses the context
};

}  // namespace

PeersQuerier::PeersQuerier(Parts parts)
    : scope_(parts.scope),
      calls_(parts.calls),
      min_t_(parts.min_t),
      max_t_(parts.max_t),
      own_(std::move(parts.own)),
      own_labels_(scope_, parts.own_labels),
      endpoints_(std::move(parts.endpoints)) {}

void PeersQuerier::warn(std::string text) {
    if (std::ranges::find(warnings_, text) == warnings_.end()) {
        warnings_.push_back(std::move(text));
    }
}

base::Result<std::vector<ChosenEndpoint>> PeersQuerier::choose_peers(
    const Wanted& wanted, std::vector<std::string>& warnings) const {
    Choice choice = choose(endpoints_, scope_, wanted);
    for (const auto& endpoint : choice.missing) {
        if (!scope_.partial_response) {
            return base::fail(base::Code::kUnavailable, missing_text(*endpoint));
        }
        warnings.push_back(missing_text(*endpoint));
    }
    return std::move(choice.asked);
}

HolderLabels PeersQuerier::labels_of(const Endpoint& endpoint) const {
    const auto& sets = endpoint.facts.label_sets;
    return {scope_, sets.empty() ? model::Labels() : sets.front()};
}

base::Result<std::unique_ptr<model::SeriesSet>> PeersQuerier::select(
    const model::SelectHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    return select_from(hints, matchers, nullptr, context);
}

base::Result<std::unique_ptr<model::SeriesSet>> PeersQuerier::select_only(
    const model::SelectHints& hints,
    std::span<const model::Matcher> matchers,
    std::span<const uint64_t> hashes,
    const model::QueryContext& context) {
    return select_from(hints, matchers, &hashes, context);
}

base::Result<std::unique_ptr<model::SeriesSet>> PeersQuerier::select_from(
    const model::SelectHints& hints,
    std::span<const model::Matcher> matchers,
    const std::span<const uint64_t>* hashes,
    const model::QueryContext& context) {
    model::SelectHints common = hints;
    common.min_t = std::max(hints.min_t, min_t_);
    common.max_t = std::min(hints.max_t, max_t_);
    std::vector<std::string> warnings;
    TRY(const auto asked,
        choose_peers({.matchers = matchers, .min_t = common.min_t, .max_t = common.max_t},
                     warnings));
    if (asked.empty() && warnings.empty() && own_ != nullptr && own_labels_.nothing() &&
        hashes == nullptr) {
        return own_->select(hints, matchers, context);
    }
    common.sorted = true;
    common.shard_count = 0;  // peers do not know of them
    Selection selection{.hints = std::move(common),
                        .matchers = matchers,
                        .hashes = hashes,
                        .context = std::make_shared<const model::QueryContext>(context),
                        .warnings = std::move(warnings),
                        .sets = {}};
    // Peers first: they are at work while this node's own series are found.
    for (const ChosenEndpoint& chosen : asked) {
        TRY(add_peer(chosen, selection));
    }
    TRY(add_own(selection));
    return merged(std::move(selection));
}

base::Status PeersQuerier::add_peer(const ChosenEndpoint& chosen, Selection& selection) {
    const Endpoint& endpoint = *chosen.endpoint;
    const bool is_node = endpoint.kind == PeerKind::kNode;
    const HolderLabels labels = is_node ? labels_of(endpoint) : HolderLabels({}, {});
    std::vector<model::Matcher> matchers;
    if (!labels.narrow(selection.matchers, matchers)) {
        return base::success();
    }
    model::SelectHints hints = selection.hints;
    std::unique_ptr<FinalLabels> final_labels;
    if (!labels.nothing()) {
        final_labels = labels.final_labels();
        hints = RewrittenSeries::hints_for(selection.hints, *final_labels);
    }
    TRY(auto call,
        PeerCall::begin(chosen.endpoint, calls_, scope_.partial_response, *selection.context));
    Peer& peer = *endpoint.peer;
    auto series = selection.hashes != nullptr
                      ? peer.select_only(hints, matchers, *selection.hashes, *selection.context)
                      : peer.select(hints, matchers, endpoint.facts, scope_, *selection.context);
    std::unique_ptr<model::SeriesSet> set =
        std::make_unique<PeerSeries>(std::move(call), std::move(series));
    if (final_labels != nullptr) {
        set = std::make_unique<RewrittenSeries>(
            std::move(set), std::move(final_labels), selection.hints, *selection.context);
    }
    selection.sets.push_back(std::make_unique<NumberedSeries>(
        std::move(set),
        ReplicaNumbers{.holder = chosen.holder,
                       .holders = static_cast<uint32_t>(endpoints_.size() + 1)}));
    return base::success();
}

base::Status PeersQuerier::add_own(Selection& selection) {
    std::vector<model::Matcher> matchers;
    if (own_ == nullptr || !own_labels_.narrow(selection.matchers, matchers)) {
        return base::success();
    }
    std::unique_ptr<model::SeriesSet> set;
    if (own_labels_.nothing()) {
        model::SelectHints hints = selection.hints;
        if (selection.hashes != nullptr) {
            hints.limit = 0;  // not of those that are passed over
        }
        TRY(set, own_->select(hints, matchers, *selection.context));
    } else {
        auto final_labels = own_labels_.final_labels();
        TRY(set,
            own_->select(RewrittenSeries::hints_for(selection.hints, *final_labels),
                         matchers,
                         *selection.context));
        set = std::make_unique<NumberedSeries>(
            std::make_unique<RewrittenSeries>(
                std::move(set), std::move(final_labels), selection.hints, *selection.context),
            ReplicaNumbers{.holder = 0, .holders = static_cast<uint32_t>(endpoints_.size() + 1)});
    }
    if (selection.hashes != nullptr) {
        set = std::make_unique<HashedSeries>(std::move(set), *selection.hashes);
    }
    // In front: equal chunks are kept of the first.
    selection.sets.insert(selection.sets.begin(), std::move(set));
    return base::success();
}

std::unique_ptr<model::SeriesSet> PeersQuerier::merged(Selection selection) {
    auto merged = std::make_unique<model::MergedSeries>(std::move(selection.sets),
                                                        selection.hints.limit,
                                                        *selection.context,
                                                        selection.hints.order_without);
    return std::make_unique<JoinedSeries>(
        selection.context, std::move(merged), std::move(selection.warnings));
}

}  // namespace storeapi
