#include "shard/assignment/names.h"

#include <algorithm>

#include "base/utf8.h"
#include "shard/types.h"

namespace shard {

namespace {

using base::Code;
using base::fail;

bool is_control(char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte < 0x20 || byte == 0x7f;
}

}  // namespace

base::Status check_text(std::string_view what, std::string_view text, size_t bytes_max) {
    if (text.size() > bytes_max) {
        return fail(Code::kInvalid, what, "has", text.size(), "bytes, at most", bytes_max);
    }
    if (std::any_of(text.begin(), text.end(), is_control) || !base::is_valid_utf8(text)) {
        return fail(Code::kInvalid, what, "has control characters or is no UTF-8");
    }
    return base::success();
}

base::Status check_name(std::string_view what, std::string_view name) {
    if (name.empty()) {
        return fail(Code::kInvalid, what, "is empty");
    }
    return check_text(what, name, kNameBytesMax);
}

}  // namespace shard
