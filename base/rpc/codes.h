// Our error codes as gRPC's status codes, and back: the one place that maps them.
// source: gRPC status codes, https://grpc.io/docs/guides/status-codes
#pragma once

#include <string_view>

#include "base/error.h"

namespace base::rpc {

// The number that goes out on the wire.
[[nodiscard]] int status_number(Code code);
// What a number other than 0 means to us; kInternal for those that say nothing.
[[nodiscard]] Code code_of(int status_number);
// "OK", "InvalidArgument", …: as Go's gRPC names them, and the metrics of its servers.
[[nodiscard]] std::string_view status_name(int status_number);

}  // namespace base::rpc
