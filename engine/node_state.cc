#include "engine/node_state.h"

#include <unistd.h>

#include "engine/metadata_store.h"

namespace engine {
namespace {

constexpr std::string_view kNodeFamily = "node";
constexpr std::string_view kIdKey = "id";

}  // namespace

std::string host_name() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string("localhost");
}

base::Result<std::unique_ptr<NodeState>> NodeState::open(base::Files& files,
                                                         const FlagValues& flags) {
    std::unique_ptr<NodeState> state(new NodeState());
    const base::Path folder = base::join_path(flags.text("storage.tsdb.path"), "skein");
    TRY(base::context(files.make_folders(folder), "create the node's state folder"));
    base::KvOptions options;
    options.path = folder;
    options.families = {std::string(kNodeFamily), std::string(MetadataStore::kFamily)};
    TRY(state->store_,
        base::context(base::KvStore::open(options), "open the node's state in", folder));
    const base::KvFamily family = state->store_->family(kNodeFamily);
    TRY(auto persisted, state->store_->get(family, kIdKey));
    const std::string& wanted = flags.text("cluster.node-id");
    if (persisted && !wanted.empty() && *persisted != wanted) {
        return base::fail(base::Code::kInvalid,
                          "--cluster.node-id is \"" + wanted + "\", but the data in",
                          flags.text("storage.tsdb.path"),
                          "belongs to node \"" + *persisted +
                              "\"; use that name, or another --storage.tsdb.path");
    }
    state->node_id_ = persisted ? *persisted : wanted.empty() ? host_name() : wanted;
    if (!persisted) {
        TRY(state->store_->put(family, kIdKey, state->node_id_, base::KvSync::kYes));
    }
    return state;
}

}  // namespace engine
