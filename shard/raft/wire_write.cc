// Writes protobuf fields by hand. source: https://protobuf.dev/programming-guides/encoding
#include <bit>
#include <type_traits>
#include <variant>

#include "base/bytes.h"
#include "base/check.h"
#include "shard/raft/wire.h"

namespace shard::raft {

namespace {

// Numbers of RaftMessage's fields that hold the bodies, in the order of MessageBody.
constexpr uint32_t kFirstBody = 10;

enum Kind : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

static_assert(std::endian::native == std::endian::little, "fixed numbers are copied as they are");

// Fields of one message, appended to a string. What is 0 or empty is left out, as proto3 has it.
class Fields {
  public:
    explicit Fields(std::string& out) : out_(out) {}

    void number(uint32_t field, uint64_t value) {
        if (value != 0) {
            tag(field, kVarint);
            varint(value);
        }
    }

    template <class Number>
    void fixed(uint32_t field, Number value) {
        if (value != 0) {
            tag(field, sizeof value == sizeof(uint64_t) ? kFixed64 : kFixed32);
            out_.append(reinterpret_cast<const char*>(&value), sizeof value);
        }
    }

    void bytes(uint32_t field, std::string_view value) {
        if (!value.empty()) {
            begin(field, value.size());
            out_.append(value);
        }
    }

    // A message, or a text, of so many bytes; they follow.
    void begin(uint32_t field, size_t size) {
        tag(field, kBytes);
        varint(size);
    }

    [[nodiscard]] static size_t sized(size_t size) { return 1 + base::uvarint_size(size) + size; }

  private:
    void tag(uint32_t field, Kind kind) { varint(field << 3 | kind); }

    void varint(uint64_t value) {
        for (; value >= 0x80; value >>= 7) {
            out_.push_back(static_cast<char>(value | 0x80));
        }
        out_.push_back(static_cast<char>(value));
    }

    std::string& out_;
};

// The fields of a body that has no heavy ones; the light ones of the others.
std::string light(const VoteRequest& body) {
    std::string out;
    Fields fields(out);
    fields.number(1, body.pre ? 1 : 0);
    fields.number(2, body.transfer ? 1 : 0);
    fields.number(3, body.last_index);
    fields.number(4, body.last_term);
    return out;
}

std::string light(const VoteReply& body) {
    std::string out;
    Fields fields(out);
    fields.number(1, body.pre ? 1 : 0);
    fields.number(2, body.granted ? 1 : 0);
    return out;
}

std::string light(const AppendRequest& body) {
    std::string out;
    Fields fields(out);
    fields.number(1, body.prev_index);
    fields.number(2, body.prev_term);
    fields.number(3, body.commit);
    return out;
}

std::string light(const AppendReply& body) {
    std::string out;
    Fields fields(out);
    fields.number(1, body.accepted ? 1 : 0);
    fields.number(2, body.index);
    fields.number(3, body.hint_index);
    fields.number(4, body.hint_term);
    return out;
}

std::string light(const Heartbeat& body) {
    std::string out;
    Fields fields(out);
    fields.number(1, body.commit);
    fields.number(2, body.round);
    return out;
}

std::string light(const HeartbeatReply& body) {
    std::string out;
    Fields fields(out);
    fields.number(1, body.round);
    fields.number(2, body.last_index);
    return out;
}

std::string meta_fields(const SnapshotMeta& meta) {
    std::string out;
    Fields fields(out);
    fields.number(1, meta.index);
    fields.number(2, meta.term);
    for (const Member& member : meta.configuration.members) {
        std::string one;
        Fields inner(one);
        inner.fixed(1, member.id);
        inner.number(2, static_cast<uint64_t>(member.role));
        inner.bytes(3, member.address);
        fields.begin(3, one.size());
        out.append(one);
    }
    fields.number(4, meta.size);
    fields.fixed(5, meta.crc);
    return out;
}

std::string light(const SnapshotChunk& body) {
    std::string out;
    Fields fields(out);
    const std::string meta = meta_fields(body.meta);
    fields.begin(1, meta.size());
    out.append(meta);
    fields.number(2, body.offset);
    return out;
}

std::string light(const SnapshotReply& body) {
    std::string out;
    Fields fields(out);
    fields.number(1, body.index);
    fields.number(2, body.next_offset);
    return out;
}

std::string light(const TimeoutNow&) {
    return {};
}

std::string entry_light(const Entry& entry) {
    std::string out;
    Fields fields(out);
    fields.number(1, entry.term);
    fields.number(2, static_cast<uint64_t>(entry.kind));
    return out;
}

size_t data_size(std::string_view data) {
    return data.empty() ? 0 : Fields::sized(data.size());
}

// The heavy fields, and their size.
template <class Body>
size_t heavy_size(const Body&) {
    return 0;
}

template <class Body>
void write_heavy(const Body&, std::string&) {}

size_t heavy_size(const AppendRequest& body) {
    size_t size = 0;
    for (const Entry& entry : body.entries) {
        size += Fields::sized(entry_light(entry).size() + data_size(*entry.data));
    }
    return size;
}

void write_heavy(const AppendRequest& body, std::string& out) {
    Fields fields(out);
    for (const Entry& entry : body.entries) {
        const std::string first = entry_light(entry);
        fields.begin(4, first.size() + data_size(*entry.data));
        out.append(first);
        fields.bytes(3, *entry.data);
    }
}

size_t heavy_size(const SnapshotChunk& body) {
    return data_size(body.data);
}

void write_heavy(const SnapshotChunk& body, std::string& out) {
    Fields(out).bytes(3, body.data);
}

}  // namespace

std::string encode(const Envelope& envelope) {
    const Message& message = envelope.message;
    std::string out;
    Fields fields(out);
    std::visit(
        [&](const auto& body) {
            const std::string first = light(body);
            const size_t size = first.size() + heavy_size(body);
            constexpr size_t kAround = 96;  // more than the envelope's own fields take
            out.reserve(kAround + size);
            fields.number(1, kRaftProtocol);
            fields.bytes(2, base::ByteView(envelope.cluster).text());
            fields.fixed(3, message.from);
            fields.fixed(4, message.to);
            fields.number(5, envelope.sequence);
            fields.number(6, message.term);
            fields.begin(kFirstBody + static_cast<uint32_t>(message.body.index()), size);
            out.append(first);
            write_heavy(body, out);
        },
        message.body);
    SKEIN_DCHECK(out.size() <= kWireBytesMax, "a message of", out.size(), "bytes");
    return out;
}

}  // namespace shard::raft
