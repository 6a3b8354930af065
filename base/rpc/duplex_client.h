// The client's end of a duplex call.
#pragma once

#include <memory>
#include <string>

#include "base/rpc/duplex.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace base::rpc {

// What Channel::duplex() promises.
[[nodiscard]] std::unique_ptr<Duplex> open_duplex(grpc::Channel& channel,
                                                  std::string path,
                                                  DuplexListener& listener);

}  // namespace base::rpc
