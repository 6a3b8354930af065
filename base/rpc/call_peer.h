// Who is at the other end of a call.
#pragma once

#include "base/rpc/duplex.h"

namespace grpc {
class CallbackServerContext;
}  // namespace grpc

namespace base::rpc {

[[nodiscard]] CallPeer peer_of(const grpc::CallbackServerContext& context);

}  // namespace base::rpc
