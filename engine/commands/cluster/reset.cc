#include "engine/commands/cluster/reset.h"

#include <cstdio>
#include <memory>

#include "base/log.h"
#include "engine/cli.h"
#include "engine/node_state.h"
#include "shard/raft/kv_storage.h"
#include "shard/session/kv_session_store.h"

namespace engine {
namespace {

constexpr FlagSpec kFlags[] = {
    {"storage.tsdb.path", FlagKind::kText, "data/", "Folder of the node's data."},
    {"yes", FlagKind::kBool, "false", "Do it; without, only say what would be forgotten."},
};

constexpr std::string_view kClusterFamilies[] = {shard::raft::kLogFamily,
                                                 shard::raft::kMetaFamily,
                                                 shard::raft::kSnapshotFamily,
                                                 shard::kSessionFamily};

// Puts the removal of every key of a family into the batch. Returns whether there is one.
base::Result<bool> empty_family(const base::KvStore& store,
                                std::string_view name,
                                base::KvBatch& batch) {
    const base::KvFamily family = store.family(name);
    base::KvCursor at = store.cursor(family);
    at.seek_last();
    if (!at.valid()) {
        TRY(at.status());
        return false;
    }
    batch.remove_range(family, "", at.key());
    batch.remove(family, at.key());
    return true;
}

void print(const ClusterState& state) {
    std::printf("node id:        %s (stays)\n", state.node_id.c_str());
    if (!state.unreadable.empty()) {
        std::printf("cluster:        cannot be read: %s\n", state.unreadable.c_str());
    } else if (!state.cluster_id.empty()) {
        std::printf("cluster id:     %s\n", state.cluster_id.c_str());
        std::printf("number in it:   %u\n", state.number);
        std::printf("targets it had: %zu\n", state.targets);
    } else {
        std::printf("cluster id:     none\n");
    }
    std::printf("cluster's log:  %s\n", state.votes ? "yes: it votes, or did" : "no");
}

base::Result<int> run(const FlagValues& flags) {
    const base::Path folder = flags.text("storage.tsdb.path");
    const auto files = base::make_posix_files();
    TRY(const auto store, open_stopped_state(*files, folder));
    TRY(const ClusterState state, cluster_state(*store));
    print(state);
    if (!flags.boolean("yes")) {
        std::fprintf(stderr,
                     "skein: nothing was changed; give --yes to make the node in %s forget its "
                     "cluster. Its samples stay, and it can join as a new node\n",
                     folder.c_str());
        return 1;
    }
    base::SystemRandom random;
    TRY(const uint64_t member, forget_cluster(*store, random));
    std::printf("forgotten; the node would join as member %016llx\n",
                static_cast<unsigned long long>(member));
    return 0;
}

}  // namespace

base::Result<std::unique_ptr<base::KvStore>> open_stopped_state(base::Files& files,
                                                                const base::Path& data_folder) {
    const base::Path folder = state_folder(data_folder);
    TRY(const bool there, files.exists(folder));
    if (!there) {
        return base::fail(base::Code::kNotFound,
                          "there is no state of a node in",
                          folder + ": name the folder of its data with --storage.tsdb.path");
    }
    return open_state_store(folder);
}

base::Result<ClusterState> cluster_state(base::KvStore& store) {
    ClusterState state;
    TRY(state.node_id, stored_node_id(store));
    shard::KvSessionStore session(store, base::Logger());
    auto stored = session.load();
    if (stored.has_error()) {
        state.unreadable = stored.error().message();
    } else {
        state.cluster_id = stored.value().cluster_id;
        state.number = stored.value().number;
        state.targets = stored.value().targets.size();
    }
    base::KvBatch unused;
    TRY(state.votes, empty_family(store, shard::raft::kMetaFamily, unused));
    return state;
}

base::Result<uint64_t> forget_cluster(base::KvStore& store, base::Random& random) {
    base::KvBatch batch;
    for (const std::string_view name : kClusterFamilies) {
        TRY(empty_family(store, name, batch));
    }
    return draw_member(store, random, std::move(batch));
}

int cluster_reset(const std::vector<std::string>& words) {
    const CommandLine line("skein cluster reset",
                           "Makes a stopped node forget its cluster. Samples and the node's id "
                           "stay; at its next start with --cluster.join it joins as a new node.",
                           kFlags);
    auto parsed = line.parse(words);
    if (!parsed) {
        std::fprintf(stderr, "skein: %s\n", parsed.error().message().c_str());
        return 2;
    }
    if (parsed.value().finished) {
        return 0;
    }
    const auto code = run(parsed.value().values);
    if (!code) {
        std::fprintf(stderr, "skein: %s\n", code.error().message().c_str());
        return 1;
    }
    return code.value();
}

}  // namespace engine
