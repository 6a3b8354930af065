#include "engine/node_state.h"

#include <algorithm>

#include <unistd.h>

#include "base/bytes.h"
#include "engine/metadata_store.h"
#include "shard/assignment/names.h"
#include "shard/raft/kv_storage.h"
#include "shard/session/kv_session_store.h"

namespace engine {
namespace {

using base::Code;
using base::fail;

constexpr std::string_view kNodeFamily = "node";
constexpr std::string_view kIdKey = "id";
constexpr std::string_view kMemberKey = "member";  // be64

// What makes a disk that of a member: it has voted, or may have been sent a log.
base::Result<bool> has_raft_state(const base::KvStore& store) {
    for (const std::string_view name :
         {shard::raft::kMetaFamily, shard::raft::kLogFamily, shard::raft::kSnapshotFamily}) {
        base::KvCursor at = store.cursor(store.family(name));
        at.seek("");
        if (at.valid()) {
            return true;
        }
        TRY(at.status());
    }
    return false;
}

}  // namespace

std::string host_name() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string("localhost");
}

base::Path state_folder(const base::Path& data_folder) {
    return base::join_path(data_folder, "skein");
}

base::Result<std::unique_ptr<base::KvStore>> open_state_store(const base::Path& folder) {
    base::KvOptions options;
    options.path = folder;
    options.families = {std::string(kNodeFamily),
                        std::string(MetadataStore::kFamily),
                        std::string(shard::raft::kLogFamily),
                        std::string(shard::raft::kMetaFamily),
                        std::string(shard::raft::kSnapshotFamily),
                        std::string(shard::kSessionFamily)};
    return base::context(base::KvStore::open(options), "open the node's state in", folder);
}

base::Result<std::string> stored_node_id(const base::KvStore& store) {
    TRY(auto stored, store.get(store.family(kNodeFamily), kIdKey));
    return stored.value_or("");
}

base::Result<uint64_t> stored_member(const base::KvStore& store) {
    TRY(const auto stored, store.get(store.family(kNodeFamily), kMemberKey));
    if (!stored) {
        return uint64_t{0};
    }
    base::ByteReader reader(*stored);
    const uint64_t member = reader.be64();
    if (!reader.ok() || !reader.rest().text().empty() || member == 0) {
        return fail(Code::kCorrupt,
                    "the node's state does not tell which member of its cluster it is: run skein "
                    "cluster reset, and the node joins as a new one");
    }
    return member;
}

base::Result<uint64_t> draw_member(base::KvStore& store,
                                   base::Random& random,
                                   base::KvBatch batch) {
    const uint64_t member = std::max<uint64_t>(random.u64(), 1);
    std::string value;
    base::ByteWriter(value).be64(member);
    batch.put(store.family(kNodeFamily), kMemberKey, value);
    TRY(store.write(batch, base::KvSync::kYes));
    return member;
}

base::Result<std::unique_ptr<NodeState>> NodeState::open(base::Files& files,
                                                         const FlagValues& flags,
                                                         base::Random& random) {
    std::unique_ptr<NodeState> state(new NodeState());
    const base::Path folder = state_folder(flags.text("storage.tsdb.path"));
    TRY(base::context(files.make_folders(folder), "create the node's state folder"));
    TRY(state->store_, open_state_store(folder));
    TRY(state->find_id(flags));
    TRY(state->find_member(random));
    return state;
}

base::Status NodeState::find_id(const FlagValues& flags) {
    TRY(auto persisted, stored_node_id(*store_));
    const std::string& wanted = flags.text("cluster.node-id");
    if (persisted.empty()) {
        node_id_ = wanted.empty() ? host_name() : wanted;
        TRY(shard::check_name("--cluster.node-id", node_id_));
        return store_->put(store_->family(kNodeFamily), kIdKey, node_id_, base::KvSync::kYes);
    }
    if (!wanted.empty() && persisted != wanted) {
        return fail(
            Code::kInvalid,
            "--cluster.node-id is \"" + wanted + "\", but the data in",
            flags.text("storage.tsdb.path"),
            "belongs to node \"" + persisted + "\"; use that name, or another --storage.tsdb.path");
    }
    node_id_ = std::move(persisted);
    return base::success();
}

base::Status NodeState::find_member(base::Random& random) {
    TRY(member_, stored_member(*store_));
    if (member_ != 0) {
        return base::success();
    }
    TRY(const bool member, has_raft_state(*store_));
    if (member) {
        return fail(Code::kCorrupt,
                    "the node's state has the log of a cluster, but not which member of it the "
                    "node is: run skein cluster reset, and the node joins as a new one");
    }
    TRY(member_, draw_member(*store_, random, base::KvBatch()));
    return base::success();
}

}  // namespace engine
