#include "engine/cluster_admission.h"

#include <algorithm>

#include "shard/seal.h"

namespace engine {
namespace {

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
        out.append(out.empty() ? "" : ", ").append(name);
    }
    return out;
}

}  // namespace

base::Status ClusterAdmission::admit(const base::rpc::CallPeer& peer) const {
    const bool known = std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
        return std::find(peer.names.begin(), peer.names.end(), name) != peer.names.end();
    });
    if (names_.empty() || known) {
        return base::success();
    }
    const std::string who = peer.names.empty() ? "it showed no certificate"
                                               : "its certificate is for " + listed(peer.names);
    return base::fail(base::Code::kPermission,
                      peer.address,
                      "may not speak as a node of this cluster: " + who +
                          ", and --cluster.accepted-names has no such name");
}

base::Result<base::Secret> read_cluster_key(base::Files& files, const std::string& path) {
    if (path.empty()) {
        return base::Secret();
    }
    TRY(auto text,
        base::context(base::read_file(files, path, kClusterKeyFileBytesMax),
                      "read --cluster.key-file"));
    while (text.ends_with('\n') || text.ends_with('\r')) {
        text.pop_back();
    }
    base::Secret key(std::move(text));
    TRY(base::context(shard::check_seal_key(key), "--cluster.key-file", path));
    return key;
}

}  // namespace engine
