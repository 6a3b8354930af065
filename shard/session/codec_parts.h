// What both directions' messages share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "shard/session/messages.h"

namespace google::protobuf {
class MessageLite;
}  // namespace google::protobuf

namespace skein::v1 {
class SessionAssign;
class SessionDigest;
class SessionJobHash;
class SessionOrder;
}  // namespace skein::v1

namespace shard {

// errors  kLimit: more than kSessionMessageBytesMax; kCorrupt: no message
[[nodiscard]] base::Status parse(std::string_view bytes, google::protobuf::MessageLite& message);

void put(const Order& order, skein::v1::SessionOrder& message);
[[nodiscard]] Order take_order(const skein::v1::SessionOrder& message);
void put(const HoldingDigest& digest, skein::v1::SessionDigest& message);
[[nodiscard]] HoldingDigest take_digest(const skein::v1::SessionDigest& message);

// errors  kCorrupt: longer than kNameBytesMax, or with control characters
[[nodiscard]] base::Result<std::string> take_name(const std::string& name, std::string_view what);
// errors  kCorrupt: longer than kAddressBytesMax
[[nodiscard]] base::Result<std::string> take_address(const std::string& address);
[[nodiscard]] base::Result<Holding> take_holding(uint32_t number);
[[nodiscard]] base::Result<uint8_t> take_slot(uint32_t number);

void put(const Assignment& assign, skein::v1::SessionAssign& message);
[[nodiscard]] base::Result<Assignment> take_assign(const skein::v1::SessionAssign& message);

inline constexpr size_t kAddressBytesMax = 1024;

}  // namespace shard
