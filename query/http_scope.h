// Whom a request wants to be asked: the parameters of the API that say so.
// source: Thanos' query API, for those that it has
#pragma once

#include <cstdint>

#include "base/http/message.h"
#include "base/result.h"
#include "model/query_scope.h"

namespace query {

// local, dedup, replicaLabels[], partial_response, storeMatch[], max_source_resolution; what is
// absent or empty is as in a default scope.
//   step_ms  of a range query: `auto` is a fifth of it; 0: `auto` is data as it was scraped
//   errors   kInvalid: `invalid parameter "dedup": …`
[[nodiscard]] base::Result<model::QueryScope> scope_params(const base::http::Params& params,
                                                           int64_t step_ms = 0);

}  // namespace query
