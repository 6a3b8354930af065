#include "base/error.h"

namespace base {

std::string_view code_name(Code code) {
    switch (code) {
        case Code::kInvalid:
            return "invalid";
        case Code::kNotFound:
            return "not found";
        case Code::kExecution:
            return "execution";
        case Code::kLimit:
            return "limit";
        case Code::kCanceled:
            return "canceled";
        case Code::kTimeout:
            return "timeout";
        case Code::kUnavailable:
            return "unavailable";
        case Code::kPermission:
            return "permission";
        case Code::kNoSpace:
            return "no space";
        case Code::kIo:
            return "io";
        case Code::kCorrupt:
            return "corrupt";
        case Code::kUnsupported:
            return "unsupported";
        case Code::kInternal:
            return "internal";
    }
    return "unknown";
}

void Error::add_context(std::string_view what) {
    message_.insert(0, ": ");
    message_.insert(0, what);
}

}  // namespace base
