// One call's way to the storage of the node that answers.
#pragma once

#include <memory>

#include "base/budget.h"
#include "base/rpc/server.h"
#include "model/storage.h"
#include "storeapi/node/node_service.h"

namespace storeapi {

// What a call holds while it is answered; in the order in which it may go.
struct NodeCall {
    std::unique_ptr<base::Budget> budget;
    std::unique_ptr<model::QueryContext> context;
    std::unique_ptr<model::Querier> querier;  // null until open()

    NodeCall(const NodeSources& sources, const base::rpc::CallContext& call);

    [[nodiscard]] base::Status open(const NodeSources& sources, int64_t min_t, int64_t max_t);
};

}  // namespace storeapi
