#include "shard/session/kv_session_store.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/kv_record.h"
#include "shard/session/codec.h"

namespace shard {

using base::ByteReader;
using base::ByteWriter;
using base::Code;
using base::context;
using base::fail;
using base::KvSync;
using base::Result;
using base::Status;
using base::success;

namespace {

constexpr std::string_view kIdentityKey = "identity";
constexpr std::string_view kOrderKey = "order";
constexpr std::string_view kTargetPrefix = "t";  // then be64 of the id
constexpr std::string_view kWhatToDo =
    "; look after the disk, then run skein cluster reset, and the node joins as a new one";

std::string target_key(model::TargetId id) {
    std::string key(kTargetPrefix);
    ByteWriter(key).be64(id);
    return key;
}

// A record's payload begins with its version.
std::string record(std::string_view key, std::string_view body) {
    std::string payload(1, static_cast<char>(kSessionRecordVersion));
    payload.append(body);
    return base::kv_record(key, payload);
}

Result<std::string_view> body_of(std::string_view key, std::string_view value) {
    TRY(const std::string_view payload, base::kv_payload(key, value));
    ByteReader reader(payload);
    const uint8_t version = reader.u8();
    if (!reader.ok()) {
        return fail(Code::kCorrupt, "a record without its version");
    }
    if (version != kSessionRecordVersion) {
        return fail(Code::kUnsupported,
                    "a record of version",
                    int{version},
                    "which this program does not know: it reads",
                    int{kSessionRecordVersion});
    }
    return reader.rest().text();
}

std::string encode_order(const Order& order) {
    std::string body;
    ByteWriter writer(body);
    writer.be64(order.term);
    writer.be64(order.epoch);
    writer.finish();
    return body;
}

Result<Order> decode_order(std::string_view body) {
    ByteReader reader(body);
    Order order;
    order.term = reader.be64();
    order.epoch = reader.be64();
    if (!reader.finished()) {
        return fail(Code::kCorrupt, "no order, of", body.size(), "bytes");
    }
    return order;
}

Status decode_identity(std::string_view body, StoredSession& to) {
    ByteReader reader(body);
    to.cluster_id = reader.str();
    to.number = reader.be32();
    if (!reader.ok()) {
        return fail(Code::kCorrupt, "no identity, of", body.size(), "bytes");
    }
    TRY(LeaderMessage message, decode_leader_message(reader.rest().text()));
    auto* const known = std::get_if<Nodes>(&message);
    if (known == nullptr) {
        return fail(Code::kCorrupt, "an identity without nodes");
    }
    to.nodes = std::move(known->nodes);
    return success();
}

// As it comes from a leader: an assignment of one.
std::string encode_target(const AssignedTarget& target) {
    return encode(LeaderMessage(Assignment{.targets = {target}}));
}

Result<AssignedTarget> decode_target(std::string_view key, std::string_view value) {
    TRY(const std::string_view body, body_of(key, value));
    TRY(LeaderMessage message, decode_leader_message(body));
    auto* const assign = std::get_if<Assignment>(&message);
    if (assign == nullptr || assign->targets.size() != 1 ||
        target_key(assign->targets.front().id) != key) {
        return fail(Code::kCorrupt, "a record that is not of this target");
    }
    return std::move(assign->targets.front());
}

}  // namespace

KvSessionStore::KvSessionStore(base::KvStore& store, base::Logger log)
    : store_(store), family_(store.family(kSessionFamily)), log_(std::move(log)) {}

// --- reading -------------------------------------------------------------------------------------

Result<StoredSession> KvSessionStore::load() {
    StoredSession stored;
    Status read = load_identity(stored);
    bool ordered = false;
    if (read) {
        read = load_order(stored, ordered);
    }
    if (!read && read.error().code() == Code::kCorrupt) {
        return fail(Code::kCorrupt,
                    "what this node remembers of its cluster is damaged: " +
                        read.error().message() + std::string(kWhatToDo));
    }
    TRY(context(std::move(read), "load what this node remembers of its cluster"));
    TRY(context(load_targets(stored), "load the targets that this node holds"));
    if (!stored.targets.empty() && !ordered) {
        return fail(Code::kCorrupt,
                    "this node holds targets and does not remember by whose order" +
                        std::string(kWhatToDo));
    }
    cluster_id_ = stored.cluster_id;
    number_ = stored.number;
    return stored;
}

Status KvSessionStore::load_identity(StoredSession& to) {
    TRY(const auto value, store_.get(family_, kIdentityKey));
    if (!value) {
        return success();
    }
    TRY(const std::string_view body, context(body_of(kIdentityKey, *value), "identity"));
    return context(decode_identity(body, to), "identity");
}

Status KvSessionStore::load_order(StoredSession& to, bool& found) {
    TRY(const auto value, store_.get(family_, kOrderKey));
    if (!value) {
        return success();
    }
    TRY(const std::string_view body, context(body_of(kOrderKey, *value), "order"));
    TRY(to.seen, context(decode_order(body), "order"));
    found = true;
    return success();
}

Status KvSessionStore::load_targets(StoredSession& to) {
    std::vector<std::string> unreadable;
    std::optional<base::Error> first;
    TRY(store_.scan(family_, kTargetPrefix, [&](std::string_view key, std::string_view value) {
        auto target = decode_target(key, value);
        if (target) {
            to.targets.push_back(std::move(target).value());
        } else {
            unreadable.emplace_back(key);
            first = first.has_value() ? first : target.error();
        }
        return true;
    }));
    damaged_ = unreadable.size();
    if (first.has_value()) {
        log_.error(
            "targets that this node held cannot be read and are left out: the leader gives them "
            "again when there is a session; look after the disk",
            "targets",
            damaged_,
            "first",
            *first);
        forget(unreadable);
    }
    return success();
}

void KvSessionStore::forget(std::span<const std::string> keys) {
    base::KvBatch batch;
    for (const std::string& key : keys) {
        batch.remove(family_, key);
    }
    if (const Status removed = store_.write(batch, KvSync::kNo); !removed) {
        log_.warn("what cannot be read stays, and is found again at the next start",
                  "error",
                  removed.error());
    }
}

// --- writing -------------------------------------------------------------------------------------

Status KvSessionStore::save_identity(const std::string& cluster_id,
                                     NodeNumber number,
                                     std::span<const KnownNode> nodes) {
    const std::string known =
        encode(LeaderMessage(Nodes{.nodes = std::vector(nodes.begin(), nodes.end())}));
    if (known.size() > kSessionMessageBytesMax) {
        return fail(
            Code::kLimit, "nodes of", known.size(), "bytes, the limit is", kSessionMessageBytesMax);
    }
    std::string body;
    ByteWriter writer(body);
    writer.str(cluster_id);
    writer.be32(number);
    writer.bytes(known);
    writer.finish();
    const bool another = cluster_id != cluster_id_ || number != number_;
    TRY(store_.put(
        family_, kIdentityKey, record(kIdentityKey, body), another ? KvSync::kYes : KvSync::kNo));
    cluster_id_ = cluster_id;
    number_ = number;
    return success();
}

Status KvSessionStore::save_targets(Order seen,
                                    std::span<const AssignedTarget> put,
                                    std::span<const model::TargetId> removed,
                                    bool sync) {
    base::KvBatch batch;
    batch.put(family_, kOrderKey, record(kOrderKey, encode_order(seen)));
    for (const model::TargetId id : removed) {
        batch.remove(family_, target_key(id));
    }
    for (const AssignedTarget& target : put) {
        const std::string key = target_key(target.id);
        batch.put(family_, key, record(key, encode_target(target)));
    }
    return store_.write(batch, sync ? KvSync::kYes : KvSync::kNo);
}

Status KvSessionStore::reset() {
    constexpr std::string_view kAfterAll = "\xff";  // no key begins with it
    base::KvBatch batch;
    batch.remove_range(family_, std::string_view(), kAfterAll);
    TRY(context(store_.write(batch, KvSync::kYes), "forget the session"));
    cluster_id_.clear();
    number_ = kNoNode;
    return success();
}

}  // namespace shard
