// Responses as they go out: the head.
#pragma once

#include <string>
#include <string_view>

#include "base/http/message.h"

namespace base::http {

enum class Framing : uint8_t { kLength, kChunked, kUntilClose, kNone };

// Status line and header, with the empty line.
//   length    of the body, for kLength
//   extra     more fields, for instance of the web configuration
[[nodiscard]] std::string response_head(const Response& response,
                                        Framing framing,
                                        size_t length,
                                        bool keep_alive,
                                        bool http_1_0,
                                        int64_t now_ms,
                                        const Headers& extra);

}  // namespace base::http
