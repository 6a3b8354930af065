// Rules: not evaluated by this node, and said so.
#include "storeapi/proto/rules.pb.h"
#include "storeapi/service_methods.h"

namespace storeapi {

void add_rules_service(const Sources& sources, std::vector<base::rpc::Method>& methods) {
    methods.push_back(list_method<thanos::RulesRequest>(
        sources,
        "/thanos.Rules/Rules",
        [](const thanos::RulesRequest&,
           const base::rpc::CallContext&) -> base::Result<std::vector<thanos::RulesResponse>> {
            return base::fail(base::Code::kUnsupported,
                              "rules are not evaluated by this node; ask a Prometheus or a "
                              "Thanos ruler");
        }));
}

}  // namespace storeapi
