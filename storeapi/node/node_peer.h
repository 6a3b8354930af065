// Another node of the cluster, asked over skein.v1.Node.
// source: docs/protocol.md
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/rpc/client.h"
#include "storeapi/peers/peer.h"

namespace storeapi {

// A node that speaks another version of the protocol is an error (kUnsupported, saying which side
// is older); so is one that sends what makes no sense (kCorrupt). As of every peer, errors leave it
// to the caller to name the address; kLimit is the query's own.
//   threads  any
class NodePeer final : public Peer {
  public:
    // Messages are as large as the protocol allows, and no larger.
    //   errors  kInvalid: TLS files
    [[nodiscard]] static base::Result<std::unique_ptr<NodePeer>> open(
        base::rpc::ChannelOptions options);

    // address  as users know it
    NodePeer(std::string address, std::unique_ptr<base::rpc::Channel> channel);

    [[nodiscard]] const std::string& address() const override { return address_; }

    [[nodiscard]] base::Result<PeerFacts> ask_facts(base::Deadline deadline) override;

    void close() override { closing_.request_stop(); }

    // Frames are read as batches are asked for. Facts and scope are not needed: series come as they
    // lie.
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

    [[nodiscard]] bool takes_fragments() const override { return true; }

    [[nodiscard]] std::unique_ptr<model::PendingPartial> partial(
        const model::Fragment& fragment, const model::QueryContext& context) override;

    [[nodiscard]] std::unique_ptr<model::SeriesSet> select_only(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        std::span<const uint64_t> hashes,
        const model::QueryContext& context) override;

  private:
    // hashes  null: all series
    [[nodiscard]] std::unique_ptr<model::SeriesSet> begin_select(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        const std::span<const uint64_t>* hashes,
        const model::QueryContext& context);

    const std::string address_;
    const std::unique_ptr<base::rpc::Channel> channel_;
    std::stop_source closing_;
};

}  // namespace storeapi
