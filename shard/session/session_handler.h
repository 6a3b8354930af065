// Who is told what nodes say: the leader's side of sessions.
#pragma once

#include <cstdint>
#include <string>

#include "base/rpc/duplex.h"
#include "shard/session/messages.h"

namespace shard {

// A session of a node, as long as the process lives; never another one's. 0: none.
using SessionId = uint64_t;

//   threads  one
class SessionHandler {
  public:
    virtual ~SessionHandler() = default;
    // Somebody called who may, and has not said who he is yet.
    virtual void opened(SessionId id, const base::rpc::CallPeer& peer) = 0;
    // The first message is Hello; what comes later may be anything.
    virtual void received(SessionId id, NodeMessage message) = 0;
    // The last that is told of it, whoever closed it.
    virtual void closed(SessionId id, const std::string& why) = 0;
};

}  // namespace shard
