// One query's view of this node's storage and its peers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/push_down.h"
#include "model/query_scope.h"
#include "model/storage.h"
#include "storeapi/peers/choice.h"
#include "storeapi/peers/endpoints.h"
#include "storeapi/peers/holder_labels.h"
#include "storeapi/peers/peer_call.h"

namespace storeapi {

// Threads: one.
class PeersQuerier final : public model::Querier, private model::PushDown {
  public:
    struct Parts {
        const model::QueryScope& scope;  // borrowed
        CallLimit& calls;                // borrowed
        int64_t min_t = 0, max_t = 0;
        std::unique_ptr<model::Querier> own = nullptr;  // may be null
        model::Labels own_labels = {};
        EndpointSnapshot endpoints = {};
    };

    explicit PeersQuerier(Parts parts);

    [[nodiscard]] base::Result<std::unique_ptr<model::SeriesSet>> select(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override;
    [[nodiscard]] base::Result<std::vector<std::string>> label_names(
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override;
    [[nodiscard]] base::Result<std::vector<std::string>> label_values(
        std::string_view name,
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override;

    [[nodiscard]] std::vector<std::string> warnings() const override { return warnings_; }

    [[nodiscard]] model::PushDown* push_down() override;

  private:
    struct Selection;
    struct List;

    // PushDown
    [[nodiscard]] bool possible(const model::Fragment& fragment) override;
    [[nodiscard]] base::Result<std::vector<std::unique_ptr<model::PendingPartial>>> ask(
        const model::Fragment& fragment, const model::QueryContext& context) override;

    [[nodiscard]] model::Querier& own() override { return *own_; }

    [[nodiscard]] base::Result<std::unique_ptr<model::SeriesSet>> select_only(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        std::span<const uint64_t> hashes,
        const model::QueryContext& context) override;

    // Whom to ask, with warnings about those who cannot be. errors  kUnavailable: they must be
    [[nodiscard]] base::Result<std::vector<ChosenEndpoint>> choose_peers(
        const Wanted& wanted, std::vector<std::string>& warnings) const;
    [[nodiscard]] HolderLabels labels_of(const Endpoint& endpoint) const;
    // Begins the peer's answer, and adds it to the selection.
    [[nodiscard]] base::Status add_peer(const ChosenEndpoint& chosen, Selection& selection);
    [[nodiscard]] base::Status add_own(Selection& selection);
    // The one set of all that were added.
    [[nodiscard]] std::unique_ptr<model::SeriesSet> merged(Selection selection);
    [[nodiscard]] base::Result<std::unique_ptr<model::SeriesSet>> select_from(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        const std::span<const uint64_t>* hashes,
        const model::QueryContext& context);
    [[nodiscard]] base::Result<std::vector<std::string>> list(const List& wanted);
    [[nodiscard]] base::Result<std::vector<std::string>> own_list(const List& wanted);
    void warn(std::string text);

    const model::QueryScope& scope_;
    CallLimit& calls_;
    const int64_t min_t_, max_t_;
    const std::unique_ptr<model::Querier> own_;
    const HolderLabels own_labels_;
    const EndpointSnapshot endpoints_;
    std::vector<std::string> warnings_;
};

}  // namespace storeapi
