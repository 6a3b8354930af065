// What the storage says of itself over HTTP: /api/v1/status/tsdb, status/tsdb/blocks,
// status/storage and status/walreplay.
#pragma once

#include <atomic>
#include <functional>

#include "base/http/router.h"
#include "tsdb/db.h"

namespace tsdb {

// How far the replay is, for those who ask before the storage is open. Threads: any.
class ReplayStatus {
  public:
    void set(const ReplayProgress& progress);
    // The replay has ended.
    void finish(const ReplayReport& report);

    [[nodiscard]] ReplayProgress progress() const;

    // Damages that the replay found.
    [[nodiscard]] double corruptions() const { return corruptions_.load(); }

  private:
    std::atomic<uint32_t> first_{0}, last_{0}, current_{0};
    std::atomic<double> corruptions_{0};
};

// Answers while the replay runs, so it is not behind the gate of readiness. `status` outlives the
// server.
void register_replay_route(base::http::Router& router, const ReplayStatus& status);

// `db` is asked per request; it is there whenever a request gets through.
void register_routes(base::http::Router& router,
                     const std::function<const Db&()>& db,
                     base::WorkerPool* pool);

}  // namespace tsdb
