// One other storage that is asked over gRPC: a node of the cluster, or a foreign StoreAPI endpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/push_down.h"
#include "model/query_scope.h"
#include "model/storage.h"

namespace storeapi {

// What a peer says of itself, asked again and again.
struct PeerFacts {
    // The labels of its series, any of which may match; none: nothing is known about them.
    std::vector<model::Labels> label_sets;
    int64_t min_t = model::kMinTime, max_t = model::kMaxTime;  // of its samples, ms, inclusive
    std::string component;  // "sidecar", "store", …; "node" for nodes
    std::string node_id;    // nodes only
    bool supports_sharding = false;
    bool supports_without_replica_labels = false;
};

// A list that is on its way.
class PendingNames {
  public:
    struct Names {
        std::vector<std::string> names;  // sorted, unique
        std::vector<std::string> warnings;
    };

    virtual ~PendingNames() = default;
    // Waits. Once.
    //   errors  what the peer, or the connection, says
    [[nodiscard]] virtual base::Result<Names> wait() = 0;
};

// The calls begin at once and do not wait: their answers do, so that one thread asks many peers
// side by side. Errors of opening a call come with the answer.
//   threads   any; an answer: one
//   lifetime  of what a call returns: at most the peer's; scope and context outlive the answers
class Peer {
  public:
    virtual ~Peer() = default;

    // host:port, as it was given: what users know it by, and storeMatch[] compares.
    [[nodiscard]] virtual const std::string& address() const = 0;

    // Waits.
    [[nodiscard]] virtual base::Result<PeerFacts> ask_facts(base::Deadline deadline) = 0;

    // Ends an ask_facts() that waits, as soon as it can; later ones fail. Nothing else changes.
    virtual void close() {}

    // Series in the order of their labels (after SelectHints::order_without), each once. A foreign
    // endpoint has done what of the scope concerns labels; a node gives its series as they lie.
    // Chunks carry replica 0, or, where the peer holds several accounts of a series, 0 and on.
    // hints.shard_* and hints.limit may be passed over. Errors of the set: kLimit is the query's
    // own budget; what the peer says no with has another code.
    [[nodiscard]] virtual std::unique_ptr<model::SeriesSet> select(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        const PeerFacts& facts,
        const model::QueryScope& scope,
        const model::QueryContext& context) = 0;

    [[nodiscard]] virtual std::unique_ptr<PendingNames> label_names(
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        int64_t min_t,
        int64_t max_t,
        const model::QueryScope& scope,
        const model::QueryContext& context) = 0;

    [[nodiscard]] virtual std::unique_ptr<PendingNames> label_values(
        std::string_view name,
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        int64_t min_t,
        int64_t max_t,
        const model::QueryScope& scope,
        const model::QueryContext& context) = 0;

    // Whether it works fragments out: then, and only then, the two below may be called.
    [[nodiscard]] virtual bool takes_fragments() const { return false; }

    [[nodiscard]] virtual std::unique_ptr<model::PendingPartial> partial(
        const model::Fragment& fragment, const model::QueryContext& context);

    // select(), of series whose labels have one of these stable hashes (ascending).
    [[nodiscard]] virtual std::unique_ptr<model::SeriesSet> select_only(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        std::span<const uint64_t> hashes,
        const model::QueryContext& context);
};

}  // namespace storeapi
