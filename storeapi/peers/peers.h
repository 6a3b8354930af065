// This node's own storage and those of others as one: what PromQL asks when a query is for more
// than this node.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "model/labels.h"
#include "model/query_scope.h"
#include "model/storage.h"
#include "storeapi/peers/endpoints.h"
#include "storeapi/peers/metrics.h"
#include "storeapi/peers/options.h"
#include "storeapi/peers/peer_call.h"

namespace storeapi {

// All peers of a selection are asked at once, from the querier's one thread. Series that several
// hold come once, with the chunks of all; ChunkView::replica tells whose they are.
//
// Who cannot be asked, or fails on the way, is a warning that begins with its address, and what the
// others hold is the answer; without partial_response it is an error, kUnavailable.
//
//   threads   any; queriers: one each
//   lifetime  outlives its queryables, and they their queriers
class Peers {
  public:
    // What it borrows outlives it.
    struct Parts {
        model::Queryable* own = nullptr;  // this node's; null: only others are asked
        Endpoints& endpoints;
        PeerMetrics& metrics;
        std::string own_address = {};  // that others know this node by: it is not asked there
        std::string own_node_id = {};  // nor is a node of this id
        // That tell this node's series from others' when dedup is off.
        std::function<model::Labels()> own_labels = {};
    };

    Peers(const PeersOptions& options, Parts parts);

    // One that answers as the scope says.
    [[nodiscard]] std::shared_ptr<model::Queryable> queryable(model::QueryScope scope);

    // Healthy or not, without this node.
    [[nodiscard]] EndpointSnapshot others() const;

  private:
    friend class PeersQueryable;

    const Parts parts_;
    CallLimit calls_;
};

}  // namespace storeapi
