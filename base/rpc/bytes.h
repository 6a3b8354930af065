// Messages between gRPC's buffers and ours.
#pragma once

#include <string>

#include "base/result.h"

namespace grpc {
class ByteBuffer;
class Status;
}  // namespace grpc

namespace base::rpc {

// Takes the bytes over without copying them.
[[nodiscard]] grpc::ByteBuffer to_buffer(std::string&& bytes);

// errors  kInternal
[[nodiscard]] Status copy_bytes(const grpc::ByteBuffer& buffer, std::string& out);

[[nodiscard]] grpc::Status to_grpc(const Error& error);
// Of a status other than OK.
[[nodiscard]] Error to_error(const grpc::Status& status);

}  // namespace base::rpc
