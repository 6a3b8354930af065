// The gRPC server: methods of bytes, answered in a worker pool. The only place, with client.h, that
// knows gRPC; messages are bytes here, and those who answer know what they mean.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/rpc/duplex.h"
#include "base/rpc/metrics.h"
#include "base/rpc/options.h"

namespace base {
class WorkerPool;
}  // namespace base

namespace base::rpc {

// The bounds of one call, and who called. Valid until its answer is complete.
struct CallContext {
    std::stop_token stop;  // the client went away, or the server stops
    Deadline deadline;     // the client's, or --grpc.max-call-duration, whichever is earlier
    CallPeer who;
};

// An answer of many messages, pulled one by one.
//   threads   one at a time, not always the same; next() may block
//   promise   a message is asked for when the one before has left: a slow reader holds one
class MessageStream {
  public:
    virtual ~MessageStream() = default;
    // Puts the next message into `message` (empty before); false when there are none left. An error
    // ends the call.
    [[nodiscard]] virtual Result<bool> next(std::string& message) = 0;
};

// Answers with one message. `request` is valid for the call only.
using UnaryHandler =
    std::function<Result<std::string>(std::string_view request, const CallContext& context)>;
using StreamHandler = std::function<Result<std::unique_ptr<MessageStream>>(
    std::string_view request, const CallContext& context)>;

// Takes a call in which both ends send, or refuses it with an error. Not in the pool: it does not
// block.
//   peer  outlives the call for those who keep it
using DuplexHandler = std::function<Result<std::unique_ptr<DuplexListener>>(
    std::shared_ptr<Duplex> peer, const CallPeer& who)>;

// Exactly one of the handlers is set. The first two run in the pool.
struct Method {
    std::string path;  // "/package.Service/Method"
    UnaryHandler unary = {};
    StreamHandler stream = {};
    DuplexHandler duplex = {};
};

// Serves the methods, grpc.health.v1.Health and reflection of the services whose descriptors are
// linked in.
//   threads   any
class Server {
  public:
    // What it borrows outlives it. The pool's queue has room for ServerOptions::calls_max.
    struct Parts {
        WorkerPool& pool;
        const Clock& clock;
        ServerMetrics& metrics;
    };

    // Listens; the health service says NOT_SERVING until set_serving(true).
    //   errors  kInvalid: TLS files; kUnavailable: the address is taken, or none of this machine
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(const ServerOptions& options,
                                                               std::vector<Method> methods,
                                                               const Parts& parts);
    ~Server();  // stop()
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // host:port, with the port that was given when none was asked for.
    [[nodiscard]] const std::string& address() const;
    [[nodiscard]] int port() const;

    // What the health service says from now on.
    void set_serving(bool serving);

    // Takes no more calls, gives those that run `grace` to end, cancels the rest and waits for
    // them.
    void stop(Duration grace);

  private:
    struct State;
    explicit Server(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace base::rpc
