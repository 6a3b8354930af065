// Messages of consensus as bytes, for whatever carries them: docs/protocol.md, skein.v1.Raft.
// RaftTransport (shard/raft/driver.h) is the port of who does.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "shard/raft/types.h"

namespace shard::raft {

// Grows with every change that the other side has to know of.
inline constexpr uint32_t kRaftProtocol = 1;

// Of a whole message: one entry of the largest command, or a part of a snapshot with its
// description, and what is around it.
inline constexpr size_t kWireBytesMax = kCommandBytesMax + (size_t{64} << 10);

// Drawn at random when a cluster is founded.
using ClusterId = std::array<uint8_t, 16>;

// As 8-4-4-4-12 hexadecimal digits, and back. errors  kInvalid
[[nodiscard]] std::string cluster_id_text(const ClusterId& id);
[[nodiscard]] base::Result<ClusterId> parse_cluster_id(std::string_view text);

// A message and what it travels under. Whether the cluster, the receiver and the sequence are what
// they should be, the transport says: a message of another cluster is never stepped.
struct Envelope {
    ClusterId cluster{};
    uint64_t sequence = 0;  // of the messages of one stream, from 1; a gap says that some are lost
    Message message;
};

// The data of entries is copied once, into the bytes.
[[nodiscard]] std::string encode(const Envelope& envelope);
// Believes nothing: sizes, kinds, roles and counts are within their limits, texts and numbers
// there; whether the message makes sense for this member, the core says. The data of entries is
// copied once, out of the bytes.
//   errors  kCorrupt: no message; kUnsupported: another version, and whose is the older; kLimit: a
//           limit, named; kInvalid: a field that makes no sense
[[nodiscard]] base::Result<Envelope> decode_envelope(base::ByteView bytes);

}  // namespace shard::raft
