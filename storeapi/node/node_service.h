// The service by which the nodes of a cluster ask each other for data: skein.v1.Node.
// source: docs/protocol.md
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/budget.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/rpc/server.h"
#include "model/labels.h"
#include "model/push_down.h"
#include "model/storage.h"
#include "storeapi/node/protocol.h"

namespace storeapi {

// What the service tells about. Every function may be called from any thread, may block, and is
// there as long as the server.
struct NodeSources {
    model::Queryable& storage;  // this node's own
    const base::Clock& clock;
    base::Budget& budget;                   // what the calls hold
    std::function<bool()> ready;            // false: every call is refused, with kUnavailable
    std::function<model::Labels()> labels;  // as on the StoreAPI: external and replica labels
    std::string node_id;
    // Works a fragment out over this node's own series; runs in the pool of the server. Not set:
    // fragments are answered as not built.
    std::function<base::Result<model::Partial>(const model::Fragment&, const model::QueryContext&)>
        partial = {};
    FrameSizes frames = {};
};

// Hello, Select, LabelNames, LabelValues and Partial. Labels are those that the storage has: the
// node's own are neither added nor matched.
//   sources  borrowed for as long as the methods
[[nodiscard]] std::vector<base::rpc::Method> make_node_service(const NodeSources& sources);

}  // namespace storeapi
