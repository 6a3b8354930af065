// Calls in which both ends send messages whenever they like: sessions that last, not questions.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace base::rpc {

// One end of such a call.
//   threads   any; all may be called by the listener, too
class Duplex {
  public:
    virtual ~Duplex() = default;
    // Queues a message and waits for nothing. false: it is dropped, because the call has ended, or
    // because more than DuplexOptions::queue_bytes_max wait already.
    virtual bool send(std::string message) = 0;
    // Bytes of messages that send() took and that have not left for the connection yet. 0 after the
    // first one: the connection stands, or has ended.
    [[nodiscard]] virtual size_t waiting_bytes() const = 0;
    // Ends the call once what waits is sent. At a client the reason is not told to the server.
    virtual void close(Status outcome) = 0;
    // Ends the call at once, though the other end reads nothing: what waits is dropped. The other
    // end is told kCanceled.
    virtual void abort() = 0;
};

// Is told what comes. It does not block, for others wait for the thread.
//   threads   one at a time, not always the same
class DuplexListener {
  public:
    virtual ~DuplexListener() = default;
    virtual void received(std::string message) = 0;
    // The last it is told, once. How the call ended: the server's outcome, or what broke it.
    virtual void closed(const Status& outcome) = 0;
};

// Who called, as far as the connection tells.
struct CallPeer {
    std::string address;
    // Of its certificate: the subject's alternative names, or the common name without them. Empty:
    // it showed none, or none was asked for.
    std::vector<std::string> names;
};

struct DuplexOptions {
    size_t queue_bytes_max = size_t{16} << 20;  // of messages that wait to be sent
};

}  // namespace base::rpc
