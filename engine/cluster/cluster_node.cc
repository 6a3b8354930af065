#include "engine/cluster/cluster_node.h"

#include <algorithm>
#include <thread>

#include "config/job_hashes.h"
#include "engine/cluster/late_methods.h"
#include "engine/cluster/member_options.h"
#include "engine/cluster/turn_thread.h"
#include "engine/cluster_access.h"
#include "engine/cluster_admission.h"
#include "shard/assigned/assigned_targets.h"
#include "shard/raft/grpc_transport.h"
#include "shard/raft/kv_storage.h"
#include "shard/session/grpc_link.h"
#include "shard/session/identity_service.h"
#include "shard/session/kv_session_store.h"
#include "shard/session/session_server.h"

namespace engine {

using base::Code;
using base::fail;
using base::Status;
using base::success;

namespace {

constexpr const char* kRaftPath = "/skein.v1.Raft/Stream";
constexpr std::chrono::milliseconds kStopLook{50};  // between looks whether the node may stop

}  // namespace

struct ClusterNode::Body final : public shard::NodeLinks {
    explicit Body(ClusterNode::Parts with);

    Status start(const config::Config& config);
    void stop();
    base::SteadyTime poll();
    void follow_nodes();
    [[nodiscard]] std::unique_ptr<shard::raft::RaftTransport> make_transport(
        const shard::raft::ClusterId& cluster);
    void configure(const config::Config& config);
    [[nodiscard]] shard::Totals totals() const;

    // --- NodeLinks ---
    void send(shard::SessionId session, shard::LeaderMessage message) override {
        sessions.send(session, message);
    }

    void close(shard::SessionId session) override { sessions.close(session, success()); }

    // Runs things on the cluster's thread.
    [[nodiscard]] auto poster() {
        return [this](std::function<void()> task) { thread.post(std::move(task)); };
    }

    const ClusterNode::Parts parts;
    const ClusterAdmission admission;
    TurnThread thread{"cluster"};
    shard::Inventory inventory;
    shard::AssignedTargets assigned;
    LateMethod raft_method{kRaftPath};
    shard::SessionServer sessions;
    base::Secret key;

    // The thread's.
    std::unique_ptr<shard::KvSessionStore> session_store;
    std::unique_ptr<shard::raft::KvStorage> raft_storage;
    std::unique_ptr<shard::GrpcLink> link;
    std::unique_ptr<shard::GrpcIdentities> identities;
    std::unique_ptr<shard::Member> member;
    std::vector<shard::KnownNode> told_nodes;
    bool discovers = false;
};
