#include "shard/session/codec_parts.h"

#include <algorithm>

#include "shard/proto/session.pb.h"

namespace shard {

using base::Code;
using base::fail;

base::Status parse(std::string_view bytes, google::protobuf::MessageLite& message) {
    if (bytes.size() > kSessionMessageBytesMax) {
        return fail(Code::kLimit,
                    "a session's message of",
                    bytes.size(),
                    "bytes, the limit is",
                    kSessionMessageBytesMax);
    }
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(Code::kCorrupt, "bytes that are no message of a session");
    }
    return base::success();
}

void put(const Order& order, skein::v1::SessionOrder& message) {
    message.set_term(order.term);
    message.set_epoch(order.epoch);
}

Order take_order(const skein::v1::SessionOrder& message) {
    return {.term = message.term(), .epoch = message.epoch()};
}

void put(const HoldingDigest& digest, skein::v1::SessionDigest& message) {
    message.set_targets(digest.targets);
    message.set_hash(digest.hash);
}

HoldingDigest take_digest(const skein::v1::SessionDigest& message) {
    return {.targets = message.targets(), .hash = message.hash()};
}

base::Result<std::string> take_name(const std::string& name, std::string_view what) {
    const bool printable = std::ranges::none_of(
        name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (name.size() > kNameBytesMax || !printable) {
        return fail(Code::kCorrupt,
                    what,
                    "is longer than",
                    kNameBytesMax,
                    "bytes, or has control characters");
    }
    return name;
}

base::Result<std::string> take_address(const std::string& address) {
    if (address.size() > kAddressBytesMax) {
        return fail(Code::kCorrupt, "an address is longer than", kAddressBytesMax, "bytes");
    }
    return address;
}

base::Result<Holding> take_holding(uint32_t number) {
    if (number < static_cast<uint32_t>(Holding::kOwner) ||
        number > static_cast<uint32_t>(Holding::kStandIn)) {
        return fail(Code::kCorrupt, "there is no way to hold a target of number", number);
    }
    return static_cast<Holding>(number);
}

base::Result<uint8_t> take_slot(uint32_t number) {
    if (number > kReplicasMax) {
        return fail(Code::kCorrupt, "a slot beyond", kReplicasMax);
    }
    return static_cast<uint8_t>(number);
}

}  // namespace shard
