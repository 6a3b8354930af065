// What the connections of a server share.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/async/event.h"
#include "base/async/task_group.h"
#include "base/http/authenticator.h"
#include "base/http/cors.h"
#include "base/http/server.h"
#include "base/http/stream.h"
#include "base/sync.h"

namespace base::http {

class ServerConnection;

// The server's part on one lane.
struct ServerLane {
    explicit ServerLane(Lane& on) : lane(on), tasks(on) {}

    Lane& lane;
    std::set<ServerConnection*> connections;  // on the lane
    TaskGroup tasks;
};

struct ServerCore {
    Router router;
    ServerOptions options;
    WebOptionsSource web;
    WorkerPool* compress_pool = nullptr;
    ServerObserver* observer = nullptr;
    std::unique_ptr<Cors> cors;
    TlsContexts tls;
    Authenticator authenticator;
    std::atomic<bool> stopping{false};
    std::atomic<size_t> connections{0};
    std::vector<Event::Setter> room;  // told when a connection ends
    Mutex mutex;
    CondVar empty;

    void leave() EXCLUDES_LOCK(mutex);
};

// One of max_connections, held for the life of a connection.
class ConnectionSlot {
  public:
    explicit ConnectionSlot(std::shared_ptr<ServerCore> core) : core_(std::move(core)) {
        ++core_->connections;
    }

    ~ConnectionSlot() { core_->leave(); }

    ConnectionSlot(const ConnectionSlot&) = delete;
    ConnectionSlot& operator=(const ConnectionSlot&) = delete;

  private:
    std::shared_ptr<ServerCore> core_;
};

// One client's connection, from the handshake to the end.
//   threads   its lane
[[nodiscard]] Task<void> serve_connection(std::shared_ptr<ServerCore> core,
                                          ServerLane& lane,
                                          std::unique_ptr<Stream> stream,
                                          std::shared_ptr<ConnectionSlot> slot);

// For stop(): ends a connection that waits for its next request.
void close_if_idle(ServerConnection& connection);
// For stop(): raises the stop token of the request that runs.
void raise_stop(ServerConnection& connection);

}  // namespace base::http
