#include "base/rpc/bytes.h"

#include <utility>
#include <vector>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <grpcpp/support/status.h>

#include "base/rpc/codes.h"

namespace base::rpc {

grpc::ByteBuffer to_buffer(std::string&& bytes) {
    auto* const kept = new std::string(std::move(bytes));
    const grpc::Slice slice(
        kept->data(),
        kept->size(),
        [](void* owner) { delete static_cast<std::string*>(owner); },
        kept);
    return {&slice, 1};
}

Status copy_bytes(const grpc::ByteBuffer& buffer, std::string& out) {
    out.clear();
    std::vector<grpc::Slice> slices;
    if (const grpc::Status dumped = buffer.Dump(&slices); !dumped.ok()) {
        return fail(Code::kInternal, "a gRPC message could not be read:", dumped.error_message());
    }
    out.reserve(buffer.Length());
    for (const grpc::Slice& slice : slices) {
        out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return success();
}

grpc::Status to_grpc(const Error& error) {
    return {static_cast<grpc::StatusCode>(status_number(error.code())), error.message()};
}

Error to_error(const grpc::Status& status) {
    return Error(code_of(status.error_code()), status.error_message());
}

}  // namespace base::rpc
