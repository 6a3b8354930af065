// /api/v1/stores: whom queries ask beside this node, as Thanos shows its endpoints.
#pragma once

#include <functional>

#include "storeapi/peers/endpoints.h"

namespace base::http {
class Router;
}

namespace engine {

void add_stores_page(base::http::Router& router,
                     std::function<storeapi::EndpointSnapshot()> endpoints);

}  // namespace engine
