// A foreign StoreAPI endpoint as a peer: a Thanos sidecar, store gateway, receiver, querier, or a
// node of another cluster.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/rpc/client.h"
#include "storeapi/peers/peer.h"

namespace storeapi {

class ResponseWatch;

// Reads the answer to Series whole before it gives the first series, so that a store that sorts
// wrongly, or cannot leave labels out, is a store like others. Whatever the store says no with
// comes as kUnavailable, naming what it said; after an error select() gives what came before it,
// and then the error, if the scope allows for partial answers.
class StorePeer final : public Peer {
  public:
    // watch   bounds the wait for a message; borrowed
    // errors  kInvalid: TLS files
    [[nodiscard]] static base::Result<std::unique_ptr<StorePeer>> open(
        const base::rpc::ChannelOptions& options, ResponseWatch& watch);

    [[nodiscard]] const std::string& address() const override { return address_; }

    [[nodiscard]] base::Result<PeerFacts> ask_facts(base::Deadline deadline) override;

    void close() override { closing_.request_stop(); }

    [[nodiscard]] std::unique_ptr<model::SeriesSet> select(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        const PeerFacts& facts,
        const model::QueryScope& scope,
        const model::QueryContext& context) override;

    [[nodiscard]] std::unique_ptr<PendingNames> label_names(
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        int64_t min_t,
        int64_t max_t,
        const model::QueryScope& scope,
        const model::QueryContext& context) override;

    [[nodiscard]] std::unique_ptr<PendingNames> label_values(
        std::string_view name,
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        int64_t min_t,
        int64_t max_t,
        const model::QueryScope& scope,
        const model::QueryContext& context) override;

  private:
    StorePeer(std::string address,
              std::unique_ptr<base::rpc::Channel> channel,
              ResponseWatch& watch);

    const std::string address_;
    const std::unique_ptr<base::rpc::Channel> channel_;
    ResponseWatch& watch_;
    std::stop_source closing_;
};

}  // namespace storeapi
