// Remote read: /api/v1/read, for a Prometheus, or a Thanos sidecar, that reads this node's series.
// docs/remote-read.md
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/budget.h"
#include "base/clock.h"
#include "base/http/message.h"
#include "base/http/router.h"
#include "model/labels.h"
#include "model/storage.h"

namespace storeapi {

struct ReadOptions {
    uint64_t samples_max = 50'000'000;         // --storage.remote.read-sample-limit; 0: no limit
    size_t frame_bytes_max = size_t{1} << 20;  // --storage.remote.read-max-bytes-in-frame
};

// All borrowed, as long as the server.
struct ReadSources {
    model::Queryable& storage;
    const base::Clock& clock;
    base::Budget& budget;  // what answers and what they are made of hold
    ReadOptions options;
    std::function<model::Labels()> external_labels;
    base::WorkerPool* pool = nullptr;  // as many reads run at once as it has threads
};

// Answers with samples in one snappy block, or with a stream of frames of chunks.
//   errors  400: not a request, or more samples than allowed; 422, naming the limit, without
//           memory; 500: the storage
[[nodiscard]] base::http::Response handle_read(const ReadSources& sources,
                                               const base::http::Request& request,
                                               const base::http::RequestContext& context);

void register_read_route(base::http::Router& router, const ReadSources& sources);

}  // namespace storeapi
