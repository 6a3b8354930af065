// Running calls of the gRPC server: one reactor each, which hands every step to the worker pool.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/rpc/metrics.h"
#include "base/rpc/server.h"
#include "base/sync.h"

namespace grpc {
class ByteBuffer;
class CallbackServerContext;
class ServerUnaryReactor;
template <class Response>
class ServerWriteReactor;
}  // namespace grpc

namespace base::rpc {

// All calls that run, so that those that take too long can be ended.
//   threads   any; cancel_late(): one
class RunningCalls {
  public:
    // False: there are `limit` already.
    [[nodiscard]] bool add(grpc::CallbackServerContext* context, Deadline deadline, size_t limit)
        EXCLUDES_LOCK(mutex_);
    // Before the context goes. Waits while it is being cancelled.
    void remove(grpc::CallbackServerContext* context) EXCLUDES_LOCK(mutex_);
    // Cancels those whose time is over. What gRPC calls meanwhile may run on this thread.
    void cancel_late(SteadyTime now) EXCLUDES_LOCK(mutex_);

  private:
    // The next call whose time is over; null: none.
    [[nodiscard]] grpc::CallbackServerContext* take_late(SteadyTime now) EXCLUDES_LOCK(mutex_);

    Mutex mutex_;
    CondVar cancelled_;
    std::unordered_map<grpc::CallbackServerContext*, Deadline> calls_ GUARDED_BY(mutex_);
    grpc::CallbackServerContext* cancelling_ GUARDED_BY(mutex_) = nullptr;
    std::thread::id canceller_ GUARDED_BY(mutex_);
};

// A method as it is served. Outlives its calls.
struct ServedMethod {
    const Method& method;
    MethodMetrics metrics;
    RunningCalls& running;
    WorkerPool& pool;
    const Clock& clock;
    size_t calls_max;  // of the calls in `running`
    std::chrono::milliseconds call_max;
};

// Reactors delete themselves when the call is done.
[[nodiscard]] grpc::ServerUnaryReactor* start_unary(ServedMethod& method,
                                                    grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response);
[[nodiscard]] grpc::ServerWriteReactor<grpc::ByteBuffer>* start_stream(
    ServedMethod& method, grpc::CallbackServerContext* context, const grpc::ByteBuffer* request);

}  // namespace base::rpc
