// TLS for the gRPC server and client.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/rpc/client.h"
#include "base/rpc/options.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace base::rpc {

// errors  kInvalid: a file is missing, unreadable or of the wrong kind, or does not fit the others
[[nodiscard]] Result<std::shared_ptr<grpc::ServerCredentials>> server_credentials(
    const ServerTls& tls);
[[nodiscard]] Result<std::shared_ptr<grpc::ChannelCredentials>> channel_credentials(
    const ClientTls& tls);

}  // namespace base::rpc
