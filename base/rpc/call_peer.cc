#include "base/rpc/call_peer.h"

#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>

namespace base::rpc {

CallPeer peer_of(const grpc::CallbackServerContext& context) {
    CallPeer peer{.address = context.peer(), .names = {}};
    const auto authenticated = context.auth_context();
    if (authenticated != nullptr && authenticated->IsPeerAuthenticated()) {
        for (const grpc::string_ref& name : authenticated->GetPeerIdentity()) {
            peer.names.emplace_back(name.data(), name.size());
        }
    }
    return peer;
}

}  // namespace base::rpc
