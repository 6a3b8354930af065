// The StoreAPI's services, as methods for the gRPC server.
#pragma once

#include <vector>

#include "base/rpc/server.h"
#include "storeapi/sources.h"

namespace storeapi {

// Store, Info, Targets, Metadata, Exemplars, Rules and Status. Those that have no source answer
// that they are not built, and Info does not offer them.
//   sources  borrowed for as long as the methods
[[nodiscard]] std::vector<base::rpc::Method> make_services(const Sources& sources);

}  // namespace storeapi
