// The bytes of what a node and its leader tell each other: shard/proto/session.proto.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "shard/session/messages.h"

namespace shard {

[[nodiscard]] std::string encode(const NodeMessage& message);
[[nodiscard]] std::string encode(const LeaderMessage& message);

// What the other side says is believed no more than a stranger's word: numbers, lengths, the order
// of labels and enumerators are checked. What is not known is passed over.
//   errors  kCorrupt: no message, or one that makes no sense; kLimit: larger than a limit of
//           shard/session/messages.h, which is named
[[nodiscard]] base::Result<NodeMessage> decode_node_message(std::string_view bytes);
[[nodiscard]] base::Result<LeaderMessage> decode_leader_message(std::string_view bytes);

}  // namespace shard
