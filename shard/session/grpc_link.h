// A node's way to leaders, over gRPC: docs/protocol.md, skein.v1.Cluster.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/rpc/client.h"
#include "base/secret.h"
#include "shard/session/worker.h"

namespace shard {

// What comes from a leader and waits for the worker's thread. Beyond it the session is closed.
inline constexpr size_t kLinkWaitingBytesMax = size_t{32} << 20;

// Who is told of the session: the worker's calls of the same names.
struct LinkListener {
    std::function<void()> opened;
    std::function<void(LeaderMessage message)> received;
    std::function<void(const std::string& why)> closed;
};

// Says opened() as soon as the call is begun, whether or not there is a connection; that there is
// none, closed() tells. Calls are ended by a thread of its own, for that may take a while.
//   threads   The worker's, which `post` runs things on.
//   lifetime  What was posted may be run after the link is gone: it does nothing then.
class GrpcLink final : public SessionLink {
  public:
    // Runs it later on the worker's thread, after what was posted before; waits for nothing.
    // Called from any thread.
    using Post = std::function<void(std::function<void()>)>;

    // listener  what it refers to lives as long as the link
    // key       seals every message (shard/sealed_end.h); empty: none is sealed
    GrpcLink(base::rpc::ClientTls tls, Post post, LinkListener listener, base::Secret key = {});
    // Leaves the session, and waits until its call has ended.
    ~GrpcLink() override;
    GrpcLink(const GrpcLink&) = delete;
    GrpcLink& operator=(const GrpcLink&) = delete;

    void open(const std::string& address) override;
    void send(NodeMessage message) override;
    void leave() override;

  private:
    class Told;     // what the posted share
    class Session;  // one call
    class Closer;   // the thread

    void end(const std::string& why);

    const base::rpc::ClientTls tls_;
    const base::Secret key_;
    base::SystemRandom nonces_;
    const Post post_;
    const std::shared_ptr<Told> told_;
    uint64_t last_ = 0;  // number of the latest session
    std::unique_ptr<Session> session_;
    std::unique_ptr<Closer> closer_;  // last: the sessions that it ends use everything above
};

}  // namespace shard
