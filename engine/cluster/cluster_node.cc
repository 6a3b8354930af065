#include "engine/cluster/cluster_node.h"

#include <algorithm>
#include <thread>

#include "base/sync.h"
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

// What of the member's is asked from other threads: sessions and the network go through `post`, and
// find no member before it has started and after it was taken down.
struct ClusterNode::Body final : public shard::NodeLinks, public shard::SessionHandler {
    explicit Body(ClusterNode::Parts from);

    ~Body() override { stop(); }

    Body(const Body&) = delete;
    Body& operator=(const Body&) = delete;

    Status start(const config::Config& config);
    Status start_member(shard::MemberOptions options);
    void configure(const config::Config& config);
    void stop();
    base::SteadyTime poll();
    [[nodiscard]] shard::Totals totals() const;
    [[nodiscard]] shard::Identity identity() EXCLUDES_LOCK(identity_mutex);
    void tell_nodes();
    void tell_discovers();
    [[nodiscard]] std::unique_ptr<shard::raft::RaftTransport> make_transport(
        const shard::raft::ClusterId& cluster);

    // --- NodeLinks ---
    void send(shard::SessionId session, shard::LeaderMessage message) override {
        sessions.send(session, message);
    }

    void close(shard::SessionId session) override { sessions.close(session, success()); }

    // --- SessionHandler ---
    void opened(shard::SessionId id, const base::rpc::CallPeer& peer) override;
    void received(shard::SessionId id, shard::NodeMessage message) override;
    void closed(shard::SessionId id, const std::string& why) override;

    // Runs things on the cluster's thread.
    [[nodiscard]] std::function<void(std::function<void()>)> poster() {
        return [this](std::function<void()> task) { thread.post(std::move(task)); };
    }

    // Runs it there if there is a member.
    void with(const std::function<void(shard::Member&)>& see) {
        if (member != nullptr) {
            see(*member);
        }
    }

    const ClusterNode::Parts parts;
    const ClusterAdmission admission;
    TurnThread thread{"cluster"};
    shard::NodeQuestions questions;
    shard::Inventory inventory;
    shard::AssignedTargets assigned;
    LateMethod raft_method{kRaftPath};
    shard::SessionServer sessions;
    shard::IdentityService identity_service;

    // The thread's.
    std::unique_ptr<shard::KvSessionStore> session_store;
    std::unique_ptr<shard::raft::KvStorage> raft_storage;
    std::unique_ptr<shard::GrpcLink> link;
    std::unique_ptr<shard::GrpcIdentities> identities;
    std::unique_ptr<shard::Member> member;
    std::shared_ptr<const shard::raft::GrpcTransportCounters> raft_counters;
    std::vector<shard::KnownNode> told_nodes;
    bool discovers = false;

    base::Mutex identity_mutex;
    shard::Identity told_identity GUARDED_BY(identity_mutex);
};

ClusterNode::Body::Body(ClusterNode::Parts from)
    : parts(std::move(from)),
      admission(accepted_names(parts.flags)),
      questions(node_tls(parts.flags), parts.key, parts.clock),
      inventory(parts.clock, {}),
      assigned(
          {.totals = [this] { return totals(); },
           .incoming =
               [this](const model::ScrapeOutcome& outcome) {
                   thread.post([this, outcome] {
                       with([&](shard::Member& at) {
                           at.scraped(
                               outcome.target, outcome.good, outcome.timestamp_ms, outcome.series);
                       });
                   });
               }}),
      sessions(
          {},
          {.handler = *this,
           .clock = parts.clock,
           .post = poster(),
           .admission = [this](const base::rpc::CallPeer& who) { return admission.admit(who); },
           .key = parts.key}),
      identity_service(
          {.identity = [this] { return identity(); },
           .answer = parts.answer,
           .admission = [this](const base::rpc::CallPeer& who) { return admission.admit(who); },
           .key = parts.key,
           .clock = parts.clock}) {}

// Who answers does not wait for the cluster's thread.
shard::Identity ClusterNode::Body::identity() {
    const base::MutexLock lock(identity_mutex);
    return told_identity;
}

shard::Totals ClusterNode::Body::totals() const {
    shard::Totals totals = parts.totals();
    uint64_t active = 0;
    assigned.for_each_load([&active](const shard::TargetLoad& load) { active += load.series; });
    totals.active_series = active;
    totals.ghost_series -= std::min(totals.ghost_series, active);
    return totals;
}

void ClusterNode::Body::opened(shard::SessionId id, const base::rpc::CallPeer& peer) {
    with([&](shard::Member& at) { at.opened(id, peer); });
}

void ClusterNode::Body::received(shard::SessionId id, shard::NodeMessage message) {
    if (member != nullptr) {
        member->received(id, std::move(message));
    } else {
        sessions.close(id, fail(Code::kUnavailable, "this node starts, or stops"));
    }
}

void ClusterNode::Body::closed(shard::SessionId id, const std::string& why) {
    with([&](shard::Member& at) { at.closed(id, why); });
}

std::unique_ptr<shard::raft::RaftTransport> ClusterNode::Body::make_transport(
    const shard::raft::ClusterId& cluster) {
    auto transport = std::make_unique<shard::raft::GrpcTransport>(
        cluster,
        parts.member,
        shard::raft::GrpcTransportOptions{.tls = node_tls(parts.flags), .key = parts.key},
        shard::raft::GrpcTransport::Parts{
            .post = poster(),
            .received =
                [this](shard::raft::Message message) {
                    with([&](shard::Member& at) { at.receive(std::move(message)); });
                },
            .unreachable =
                [this](shard::raft::MemberId id) {
                    with([&](shard::Member& at) { at.unreachable(id); });
                },
            .admit = [this](const base::rpc::CallPeer& who) { return admission.admit(who); },
            .clock = parts.clock,
            .random = parts.random,
            .log = parts.log});
    raft_method.set(transport->methods());
    raft_counters = transport->counters();
    return transport;
}

Status ClusterNode::Body::start(const config::Config& config) {
    Status started = success();
    thread.run([&] {
        started = start_member(
            member_options(parts.flags, config, parts.node_id, parts.member, parts.series_budget));
    });
    TRY(std::move(started));
    thread.set_poll([this] { return poll(); });
    return success();
}

Status ClusterNode::Body::start_member(shard::MemberOptions options) {
    session_store = std::make_unique<shard::KvSessionStore>(parts.store, parts.log);
    raft_storage = std::make_unique<shard::raft::KvStorage>(parts.store, poster());
    link = std::make_unique<shard::GrpcLink>(
        node_tls(parts.flags),
        poster(),
        shard::LinkListener{.opened = [this] { with([](shard::Member& at) { at.link_opened(); }); },
                            .received =
                                [this](shard::LeaderMessage message) {
                                    with([&](shard::Member& at) {
                                        at.link_received(std::move(message));
                                    });
                                },
                            .closed =
                                [this](const std::string& why) {
                                    with([&](shard::Member& at) { at.link_closed(why); });
                                }},
        parts.key);
    identities = std::make_unique<shard::GrpcIdentities>(questions, poster(), parts.clock);
    TRY(member,
        shard::Member::start(
            std::move(options),
            {.storage = *raft_storage,
             .transport =
                 [this](const shard::raft::ClusterId& cluster) { return make_transport(cluster); },
             .links = *this,
             .link = *link,
             .identities = *identities,
             .store = *session_store,
             .holdings = assigned,
             .loads = assigned,
             .inventory = inventory,
             .clock = parts.clock,
             .random = parts.random,
             .log = parts.log}));
    return success();
}

base::SteadyTime ClusterNode::Body::poll() {
    if (member == nullptr) {
        return base::SteadyTime::max();
    }
    const base::SteadyTime next = std::min(member->poll(), sessions.poll());
    assigned.tell();
    {
        const base::MutexLock lock(identity_mutex);
        told_identity = member->identity();
    }
    tell_nodes();
    tell_discovers();
    return next;
}

void ClusterNode::Body::tell_nodes() {
    if (member->worker().nodes() == told_nodes) {
        return;
    }
    told_nodes = member->worker().nodes();
    std::vector<std::string> addresses;
    for (const shard::KnownNode& node : told_nodes) {
        if (node.id != parts.node_id) {
            addresses.push_back(node.address);
        }
    }
    parts.nodes_changed(std::move(addresses));
}

// Who votes discovers, so that whoever is elected knows at once what there is.
void ClusterNode::Body::tell_discovers() {
    const bool wanted = member->has_part();
    if (wanted != discovers) {
        discovers = wanted;
        parts.discovers_changed(discovers);
    }
}

void ClusterNode::Body::configure(const config::Config& config) {
    const config::ConfigHashes hashes = config::hash_configuration(config);
    std::vector<shard::JobHash> jobs;
    for (const config::JobHash& job : hashes.jobs) {
        jobs.push_back({.job = job.job, .hash = job.hash});
    }
    // In the configuration's order: what is configured first has targets first.
    std::vector<shard::JobHash> ordered;
    for (const scrape::JobOptions& job : config.scrape.jobs) {
        const auto found = std::ranges::find(jobs, job.job_name, &shard::JobHash::job);
        if (found != jobs.end()) {
            ordered.push_back(*found);
        }
    }
    inventory.jobs_configured(ordered);
    thread.post([this,
                 whole = hashes.whole,
                 jobs = std::move(jobs),
                 leader = leader_options(config.cluster),
                 voters = voter_options(config.cluster).voters]() mutable {
        with([&](shard::Member& at) { at.configured(whole, std::move(jobs), leader, voters); });
    });
}

void ClusterNode::Body::stop() {
    thread.run([this] {
        member.reset();
        link.reset();
        identities.reset();
        raft_storage.reset();
        session_store.reset();
    });
    thread.stop();
}

// --- the node ------------------------------------------------------------------------------------

ClusterNode::ClusterNode(Parts parts) : body_(std::make_unique<Body>(std::move(parts))) {}

ClusterNode::~ClusterNode() = default;

std::vector<base::rpc::Method> ClusterNode::methods() {
    std::vector<base::rpc::Method> methods = body_->sessions.methods();
    std::ranges::move(body_->identity_service.methods(), std::back_inserter(methods));
    methods.push_back(body_->raft_method.method());
    return methods;
}

Status ClusterNode::start(const config::Config& config) {
    TRY(body_->start(config));
    return apply(config);
}

Status ClusterNode::apply(const config::Config& config) {
    body_->configure(config);
    return success();
}

model::TargetListener& ClusterNode::discovered() {
    return body_->inventory;
}

model::TargetSet& ClusterNode::assigned() {
    return body_->assigned;
}

model::ScrapeListener& ClusterNode::scrapes() {
    return body_->assigned;
}

void ClusterNode::started() {
    body_->thread.post(
        [body = body_.get()] { body->with([](shard::Member& at) { at.totals_changed(); }); });
}

void ClusterNode::say_stopping() {
    bool may_stop = false;
    while (!may_stop) {
        const bool ran = body_->thread.run([&] {
            may_stop = true;
            body_->with([&](shard::Member& at) {
                at.stopping();
                may_stop = at.may_stop();
            });
        });
        if (!ran) {
            return;
        }
        if (!may_stop) {
            std::this_thread::sleep_for(kStopLook);
        }
    }
}

shard::NodeQuestions& ClusterNode::questions() {
    return body_->questions;
}

void ClusterNode::stop() {
    body_->stop();
}

std::shared_ptr<const shard::raft::GrpcTransportCounters> ClusterNode::raft_counters() {
    std::shared_ptr<const shard::raft::GrpcTransportCounters> counters;
    body_->thread.run([&] { counters = body_->raft_counters; });
    return counters;
}

Status ClusterNode::with_member(const std::function<void(shard::Member&)>& see) {
    Status seen = fail(Code::kUnavailable, "this node starts, or stops");
    body_->thread.run([&] {
        body_->with([&](shard::Member& at) {
            see(at);
            seen = success();
        });
    });
    return seen;
}

}  // namespace engine
