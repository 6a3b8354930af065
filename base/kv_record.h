// Values of a KvStore that are found out when they are damaged, or stand under another key.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// The value of `key` that holds `payload`: be32 CRC-32C of key and payload, payload.
[[nodiscard]] std::string kv_record(std::string_view key, std::string_view payload);

// The payload, a part of `value`.
//   errors  kCorrupt
[[nodiscard]] Result<std::string_view> kv_payload(std::string_view key, std::string_view value);

}  // namespace base
