#include "shard/answers/answers.h"

#include <string>
#include <utility>

#include "shard/answers/history.h"
#include "shard/answers/nodes.h"
#include "shard/answers/parameters.h"
#include "shard/answers/plans.h"
#include "shard/answers/targets.h"

namespace shard {

namespace {

Finish ready(Reply reply) {
    return [reply = std::move(reply)]() -> base::Result<Reply> { return reply; };
}

}  // namespace

base::Result<Finish> look(const ClusterView& view,
                          std::string_view what,
                          const Parameters& parameters) {
    if (what == "status" || what == "nodes") {
        TRY(check_names(parameters, {}));
        return ready(what == "status" ? status_reply(view) : nodes_reply(view));
    }
    if (what == "targets") {
        return targets_reply(view, parameters);
    }
    if (what == "plan") {
        return plan_reply(view, parameters);
    }
    if (what == "history") {
        return history_reply(view, parameters);
    }
    if (what == "simulate") {
        return simulate_reply(view, parameters);
    }
    return base::fail(base::Code::kNotFound,
                      "the cluster knows no question \"" + std::string(what) + "\"");
}

bool needs_leader(std::string_view what) {
    return what == "plan" || what == "history" || what == "simulate";
}

}  // namespace shard
