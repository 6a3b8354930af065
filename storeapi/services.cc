#include "storeapi/services.h"

#include "storeapi/service_methods.h"

namespace storeapi {

base::Status check_ready(const Sources& sources) {
    if (sources.ready()) {
        return base::success();
    }
    return base::fail(base::Code::kUnavailable,
                      "the storage is still being read, or the node is stopping");
}

base::Status bad_request(std::string_view method) {
    return base::fail(base::Code::kInvalid, method, "was asked with bytes that are no request");
}

std::vector<base::rpc::Method> make_services(const Sources& sources) {
    std::vector<base::rpc::Method> methods;
    add_info_service(sources, methods);
    add_store_service(sources, methods);
    add_targets_service(sources, methods);
    add_metadata_service(sources, methods);
    add_exemplars_service(sources, methods);
    add_rules_service(sources, methods);
    add_status_service(sources, methods);
    return methods;
}

}  // namespace storeapi
