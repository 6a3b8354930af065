#include "base/rpc/codes.h"

#include <array>

namespace base::rpc {
namespace {

constexpr std::array<std::string_view, 17> kNames = {"OK",
                                                     "Canceled",
                                                     "Unknown",
                                                     "InvalidArgument",
                                                     "DeadlineExceeded",
                                                     "NotFound",
                                                     "AlreadyExists",
                                                     "PermissionDenied",
                                                     "ResourceExhausted",
                                                     "FailedPrecondition",
                                                     "Aborted",
                                                     "OutOfRange",
                                                     "Unimplemented",
                                                     "Internal",
                                                     "Unavailable",
                                                     "DataLoss",
                                                     "Unauthenticated"};

}  // namespace

int status_number(Code code) {
    switch (code) {
        case Code::kCanceled:
            return 1;
        case Code::kInvalid:
            return 3;
        case Code::kTimeout:
            return 4;
        case Code::kNotFound:
            return 5;
        case Code::kPermission:
            return 7;
        case Code::kLimit:
        case Code::kNoSpace:
            return 8;
        case Code::kExecution:
            return 9;
        case Code::kUnsupported:
            return 12;
        case Code::kIo:
        case Code::kInternal:
            return 13;
        case Code::kUnavailable:
            return 14;
        case Code::kCorrupt:
            return 15;
    }
    return 13;
}

Code code_of(int status_number) {
    switch (status_number) {
        case 1:
            return Code::kCanceled;
        case 3:
        case 6:
        case 11:
            return Code::kInvalid;
        case 4:
            return Code::kTimeout;
        case 5:
            return Code::kNotFound;
        case 7:
        case 16:
            return Code::kPermission;
        case 8:
            return Code::kLimit;
        case 9:
            return Code::kExecution;
        case 12:
            return Code::kUnsupported;
        case 10:
        case 14:
            return Code::kUnavailable;
        case 15:
            return Code::kCorrupt;
        default:
            return Code::kInternal;
    }
}

std::string_view status_name(int status_number) {
    const auto at = static_cast<size_t>(status_number);
    return at < kNames.size() ? kNames[at] : kNames[2];
}

}  // namespace base::rpc
