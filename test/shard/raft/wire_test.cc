#include "shard/raft/wire.h"

#include <catch2/catch.hpp>

#include "base/random.h"
#include "shard/proto/raft.pb.h"
#include "test/support/seed.h"

using base::Code;
using namespace shard::raft;

namespace {

constexpr ClusterId kCluster = {
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

std::shared_ptr<const std::string> text(std::string bytes) {
    return std::make_shared<const std::string>(std::move(bytes));
}

Envelope envelope(MessageBody body) {
    return {kCluster, 7, Message{11, 22, 5, std::move(body)}};
}

bool same(const Entry& left, const Entry& right) {
    return left.index == right.index && left.term == right.term && left.kind == right.kind &&
           *left.data == *right.data;
}

// Compares what the bytes of the two say: every field is in them.
bool same(const Envelope& left, const Envelope& right) {
    if (const auto* append = std::get_if<AppendRequest>(&left.message.body)) {
        const auto& other = std::get<AppendRequest>(right.message.body);
        if (!std::ranges::equal(append->entries, other.entries, [](const auto& a, const auto& b) {
                return same(a, b);
            })) {
            return false;
        }
    }
    return encode(left) == encode(right);
}

SnapshotMeta some_meta() {
    SnapshotMeta meta{.index = 40, .term = 3, .size = 1000, .crc = 0x01020304};
    meta.configuration.members = {{1, Role::kVoter, "a:1"}, {9, Role::kLearner, "b:1"}};
    return meta;
}

class Bodies {
  public:
    explicit Bodies(base::Random& random) : random_(random) {}

    MessageBody any() {
        switch (random_.below(9)) {
            case 0:
                return VoteRequest{flag(), flag(), number(), number()};
            case 1:
                return VoteReply{flag(), flag()};
            case 2:
                return append();
            case 3:
                return AppendReply{flag(), number(), number(), number()};
            case 4:
                return Heartbeat{number(), number()};
            case 5:
                return HeartbeatReply{number(), number()};
            case 6:
                return chunk();
            case 7:
                return SnapshotReply{number(), number()};
            default:
                return TimeoutNow();
        }
    }

  private:
    AppendRequest append() {
        AppendRequest body{number() >> 1, number(), {}, number()};
        const uint64_t count = random_.below(5);
        for (uint64_t i = 0; i < count; ++i) {
            const auto kind = static_cast<EntryKind>(1 + random_.below(3));
            body.entries.push_back({body.prev_index + 1 + i,
                                    number(),
                                    kind,
                                    text(test_support::random_bytes(random_, random_.below(300)))});
        }
        return body;
    }

    SnapshotChunk chunk() {
        SnapshotChunk body;
        body.data = test_support::random_bytes(random_, random_.below(300));
        body.offset = number() >> 40;
        body.meta = {number(), number(), {}, 0, static_cast<uint32_t>(number())};
        body.meta.size = body.offset + body.data.size() + random_.below(3);
        for (MemberId id = 1; id <= random_.below(kMembersMax); id += 1 + random_.below(3)) {
            body.meta.configuration.members.push_back(
                {id, flag() ? Role::kVoter : Role::kLearner, "host:" + std::to_string(id)});
        }
        return body;
    }

    bool flag() { return random_.below(2) == 1; }

    uint64_t number() { return test_support::random_magnitude(random_); }

    base::Random& random_;
};

Code refused(const std::string& bytes) {
    const auto decoded = decode_envelope(bytes);
    REQUIRE_FALSE(decoded.has_value());
    INFO(decoded.error().message());
    return decoded.error().code();
}

skein::v1::RaftMessage parsed(const Envelope& from) {
    skein::v1::RaftMessage message;
    REQUIRE(message.ParseFromString(encode(from)));
    return message;
}

}  // namespace

TEST_CASE("a raft message comes back from its bytes, and protobuf writes the same",
          "[raft][wire]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int i = 0; i < 5000; ++i) {
        Envelope sent = envelope(Bodies(random).any());
        sent.sequence = 1 + (test_support::random_magnitude(random) >> 1);
        sent.message.term = test_support::random_magnitude(random);
        const std::string bytes = encode(sent);
        const auto received = decode_envelope(bytes);
        REQUIRE(received.has_value());
        REQUIRE(received.value().cluster == kCluster);
        REQUIRE(received.value().message.from == 11);
        REQUIRE(received.value().message.to == 22);
        REQUIRE(received.value().message.body.index() == sent.message.body.index());
        REQUIRE(same(sent, received.value()));
        REQUIRE(parsed(sent).SerializeAsString() == bytes);
    }
}

TEST_CASE("raft messages that are cut or changed are refused or read, never believed",
          "[raft][wire]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int i = 0; i < 5000; ++i) {
        std::string bytes = encode(envelope(Bodies(random).any()));
        if (random.below(2) == 0) {
            bytes.resize(random.below(bytes.size()));
        } else {
            bytes[random.below(bytes.size())] = static_cast<char>(random.u64());
        }
        if (const auto read = decode_envelope(bytes)) {
            REQUIRE(decode_envelope(encode(read.value())).has_value());
        }
    }
}

TEST_CASE("a raft message of another version says who is the older", "[raft][wire]") {
    auto message = parsed(envelope(TimeoutNow()));
    message.set_version(kRaftProtocol + 1);
    const auto newer = decode_envelope(message.SerializeAsString());
    CHECK(newer.error().code() == Code::kUnsupported);
    CHECK(newer.error().message().find("is the older: upgrade it") != std::string::npos);
    message.set_version(0);
    const auto older = decode_envelope(message.SerializeAsString());
    CHECK(older.error().message().find("upgrade the other one") != std::string::npos);
}

TEST_CASE("a raft message without what it needs is refused", "[raft][wire]") {
    const auto without = [](const MessageBody& body, auto change) {
        auto message = parsed(envelope(body));
        change(message);
        return refused(message.SerializeAsString());
    };
    const MessageBody heartbeat = Heartbeat{1, 1};
    CHECK(refused("") == Code::kUnsupported);
    CHECK(refused("not a message") == Code::kCorrupt);
    CHECK(without(heartbeat, [](auto& m) { m.clear_body(); }) == Code::kInvalid);
    CHECK(without(heartbeat, [](auto& m) { m.set_cluster("short"); }) == Code::kInvalid);
    CHECK(without(heartbeat, [](auto& m) { m.set_from(0); }) == Code::kInvalid);
    CHECK(without(heartbeat, [](auto& m) { m.set_to(m.from()); }) == Code::kInvalid);
    CHECK(without(heartbeat, [](auto& m) { m.set_sequence(0); }) == Code::kInvalid);
}

TEST_CASE("a raft message whose fields make no sense is refused", "[raft][wire]") {
    const MessageBody append = AppendRequest{3, 1, {{4, 1, EntryKind::kCommand, text("x")}}, 3};
    const MessageBody chunk = SnapshotChunk{some_meta(), 990, "0123456789"};
    const auto changed = [](const MessageBody& body, auto change) {
        auto message = parsed(envelope(body));
        change(message);
        return refused(message.SerializeAsString());
    };
    const auto of_append = [&](auto change) {
        return changed(append, [&](auto& m) { change(*m.mutable_append_request()); });
    };
    const auto of_chunk = [&](auto change) {
        return changed(chunk, [&](auto& m) { change(*m.mutable_snapshot_chunk()); });
    };
    using skein::v1::RaftEntry;
    using skein::v1::RaftMember;
    CHECK(of_append([](auto& b) { b.mutable_entries(0)->set_kind(RaftEntry::NONE); }) ==
          Code::kInvalid);
    CHECK(of_append([](auto& b) {
              b.mutable_entries(0)->set_kind(static_cast<RaftEntry::Kind>(77));
          }) == Code::kInvalid);
    CHECK(of_append([](auto& b) { b.set_prev_index(UINT64_MAX); }) == Code::kInvalid);
    CHECK(of_chunk([](auto& b) { b.set_offset(991); }) == Code::kInvalid);
    CHECK(of_chunk([](auto& b) { b.set_offset(UINT64_MAX); }) == Code::kInvalid);
    CHECK(of_chunk([](auto& b) { b.mutable_meta()->set_size(kSnapshotBytesMax + 1); }) ==
          Code::kLimit);
    CHECK(of_chunk([](auto& b) {
              b.mutable_meta()->mutable_members(0)->set_role(RaftMember::NONE);
          }) == Code::kInvalid);
    CHECK(of_chunk([](auto& b) { b.mutable_meta()->mutable_members(1)->set_id(1); }) ==
          Code::kInvalid);
    CHECK(of_chunk([](auto& b) {
              b.mutable_meta()->mutable_members(0)->set_address(
                  std::string(kAddressBytesMax + 1, 'a'));
          }) == Code::kLimit);
    CHECK(of_chunk([](auto& b) {
              for (uint64_t id = 10; id < 10 + kMembersMax; ++id) {
                  auto* member = b.mutable_meta()->add_members();
                  member->set_id(id);
                  member->set_role(RaftMember::VOTER);
              }
          }) == Code::kLimit);
}

TEST_CASE("a raft message within the limits is read, and one beyond is refused", "[raft][wire]") {
    const auto entries = [](size_t count, size_t bytes) {
        AppendRequest body;
        for (size_t i = 0; i < count; ++i) {
            body.entries.push_back({i + 1, 1, EntryKind::kCommand, text(std::string(bytes, 'x'))});
        }
        return encode(envelope(std::move(body)));
    };
    constexpr size_t kQuarter = kAppendBytesMax / 4 - Entry::kOverhead;
    CHECK(decode_envelope(entries(1, kCommandBytesMax)).has_value());
    CHECK(decode_envelope(entries(4, kQuarter)).has_value());
    CHECK(decode_envelope(entries(kAppendBytesMax / Entry::kOverhead, 0)).has_value());
    CHECK(refused(entries(1, kCommandBytesMax + 1)) == Code::kLimit);
    CHECK(refused(entries(4, kQuarter + 1)) == Code::kLimit);
    CHECK(refused(entries(kAppendBytesMax / Entry::kOverhead + 1, 0)) == Code::kLimit);
    CHECK(refused(std::string(kWireBytesMax + 1, 'x')) == Code::kLimit);

    SnapshotMeta meta = some_meta();
    meta.size = 2 * kSnapshotChunkBytesMax;
    const auto part = [&](size_t bytes) {
        return encode(envelope(SnapshotChunk{meta, 0, std::string(bytes, 'x')}));
    };
    CHECK(decode_envelope(part(kSnapshotChunkBytesMax)).has_value());
    CHECK(refused(part(kSnapshotChunkBytesMax + 1)) == Code::kLimit);
}

TEST_CASE("fields of raft messages that are not known are passed over", "[raft][wire]") {
    const std::string bytes = encode(envelope(Heartbeat{4, 2}));
    const std::string unknown = "\xf8\x07\x05";  // field 127, a number
    const auto read = decode_envelope(bytes + unknown);
    REQUIRE(read.has_value());
    CHECK(std::get<Heartbeat>(read.value().message.body).commit == 4);
}

TEST_CASE("a cluster's id is read from the text that it is written as", "[raft][wire]") {
    CHECK(cluster_id_text(kCluster) == "00112233-4455-6677-8899-aabbccddeeff");
    CHECK(parse_cluster_id("00112233-4455-6677-8899-aabbccddeeff").value() == kCluster);
    const auto refuses = [](std::string_view id) {
        return parse_cluster_id(id).error().code() == Code::kInvalid;
    };
    CHECK(refuses(""));
    CHECK(refuses("00112233445566778899aabbccddeeff"));
    CHECK(refuses("00112233-4455-6677-8899-aabbccddeefg"));
    CHECK(refuses("00112233-4455-6677-8899-AABBCCDDEEFF"));
    CHECK(refuses("00112233+4455-6677-8899-aabbccddeeff"));
}
