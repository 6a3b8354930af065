// The leader's end of sessions, over gRPC: docs/protocol.md, skein.v1.Cluster.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/rpc/server.h"
#include "base/secret.h"
#include "shard/session/session_handler.h"

namespace shard {

struct SessionServerOptions {
    // More than nodes: one that comes again may do so before its old session is found to be over.
    size_t sessions_max = kNodesMax + 256;
    std::chrono::milliseconds hello_max{5'000};    // from the call to Hello
    std::chrono::milliseconds closing_max{5'000};  // until what waits is sent; then it is dropped
    // What comes of one session and waits for the handler's thread.
    size_t waiting_bytes_max = size_t{16} << 20;
};

// Takes calls, gives each a SessionId and tells a handler, on the handler's thread, what comes.
//   threads   The handler's, which `post` runs things on; send() any.
//   lifetime  Its methods may outlive it: they refuse then, and what was posted does nothing. The
//             clock, and what `post` and `admission` refer to, outlive the methods.
class SessionServer {
  public:
    // Runs it later on the handler's thread, after what was posted before; waits for nothing.
    // Called from any thread.
    using Post = std::function<void(std::function<void()>)>;
    // Whether this one may speak. Called from any thread, and does not block.
    using Admission = std::function<base::Status(const base::rpc::CallPeer& peer)>;

    struct Parts {
        SessionHandler& handler;
        const base::Clock& clock;
        Post post;
        Admission admission;
        // Seals every message (shard/sealed_end.h); empty: none is sealed.
        base::Secret key = {};
    };

    SessionServer(const SessionServerOptions& options, Parts parts);
    // Closes all sessions, with kUnavailable, and tells nothing of it.
    ~SessionServer();
    SessionServer(const SessionServer&) = delete;
    SessionServer& operator=(const SessionServer&) = delete;

    // For base::rpc::Server.
    [[nodiscard]] std::vector<base::rpc::Method> methods() const;

    // Ends sessions that keep others waiting.
    //   returns  when to call again, at the latest
    base::SteadyTime poll();

    // What cannot be sent is dropped, and the session closed: the handler is told later.
    void send(SessionId id, const LeaderMessage& message);
    // Once what was sent before has left. The handler is told nothing more of it but closed(),
    // later.
    //   outcome  what the node is told
    void close(SessionId id, base::Status outcome);

    // That are open, or being closed.
    [[nodiscard]] size_t sessions() const;

  private:
    class Calls;
    class Listener;
    struct Line;
    class Told;

    const std::shared_ptr<Told> told_;
    const std::shared_ptr<Calls> calls_;
};

}  // namespace shard
