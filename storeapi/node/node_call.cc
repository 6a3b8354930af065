#include "storeapi/node/node_call.h"

namespace storeapi {
namespace {

constexpr const char* kBudgetName = "memory of one call between nodes";

}  // namespace

NodeCall::NodeCall(const NodeSources& sources, const base::rpc::CallContext& call)
    : budget(std::make_unique<base::Budget>(kBudgetName, sources.budget)),
      context(std::make_unique<model::QueryContext>(model::QueryContext{
          .stop = call.stop, .deadline = call.deadline, .clock = &sources.clock})) {
    context->budget = budget.get();
}

base::Status NodeCall::open(const NodeSources& sources, int64_t min_t, int64_t max_t) {
    TRY(querier, sources.storage.querier(min_t, max_t));
    return base::success();
}

}  // namespace storeapi
