// Queries of the command line over StoreAPI endpoints, with no server between: the engine runs in
// the command.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/http/message.h"
#include "base/result.h"
#include "base/rpc/client.h"

namespace engine {

struct StoresToAsk {
    std::vector<std::string> addresses;  // host:port
    base::rpc::ClientTls tls;
    std::chrono::milliseconds timeout{0};  // of everything
};

// The JSON answer of the HTTP API to a GET of `path`, about what the endpoints hold.
//   path    /api/v1/query, query_range, series, labels, label/NAME/values
//   params  of the API, its Thanos ones included
//   errors  kUnavailable: an endpoint that does not answer, unless partial_response is given and
//           another one does
[[nodiscard]] base::Result<std::string> ask_stores(const StoresToAsk& stores,
                                                   const std::string& path,
                                                   const base::http::Params& params);

}  // namespace engine
