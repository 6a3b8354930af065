// The server's end of a duplex call.
#pragma once

#include "base/rpc/calls.h"

namespace grpc {
template <class Request, class Response>
class ServerBidiReactor;
}  // namespace grpc

namespace base::rpc {

// The reactor deletes itself when the call is done.
[[nodiscard]] grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_duplex(
    ServedMethod& method, grpc::CallbackServerContext* context);

}  // namespace base::rpc
