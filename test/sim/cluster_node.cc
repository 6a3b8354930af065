#include "test/sim/cluster_node.h"

#include <array>
#include <utility>
#include <variant>

#include "base/check.h"

namespace sim {

using shard::LeaderMessage;
using shard::NodeMessage;
using shard::SessionId;
using std::chrono::milliseconds;

namespace {

constexpr size_t kMessageBytes = 64;    // of a raft message beside entries
constexpr size_t kQuestionBytes = 200;  // of Identify
constexpr uint32_t kPollsAtOnceMax = 5000;
constexpr uint64_t kDiscoveryMs = 3000;  // until discovery first says what there is, at most

constexpr std::array<TraceWord, std::variant_size_v<NodeMessage>> kNodeWords = {
    "hello", "report", "progress", "holdings", "configured", "released"};
constexpr std::array<TraceWord, std::variant_size_v<LeaderMessage>> kLeaderWords = {
    "welcome", "redirect", "refused", "lease", "assignment", "nodes"};

constexpr std::array<TraceWord, std::variant_size_v<raft::MessageBody>> kRaftWords = {
    "vote request",
    "vote reply",
    "append",
    "append reply",
    "heartbeat",
    "heartbeat reply",
    "snapshot part",
    "snapshot reply",
    "timeout now",
};

size_t size_of(const raft::Message& message) {
    size_t bytes = kMessageBytes;
    if (const auto* append = std::get_if<raft::AppendRequest>(&message.body)) {
        for (const raft::Entry& entry : append->entries) {
            bytes += entry.bytes();
        }
    } else if (const auto* part = std::get_if<raft::SnapshotChunk>(&message.body)) {
        bytes += part->data.size();
    }
    return bytes;
}

class ClusterTransport final : public raft::RaftTransport {
  public:
    ClusterTransport(ClusterNode& node, const ClusterParts& parts) : node_(node), parts_(parts) {}

    void send(raft::Message message) override {
        node_.raft_sending(message);
        const ProcessId from = node_.machine().process;
        const ProcessId to = parts_.place.by_member(message.to);
        if (to == kNoProcess) {
            return;
        }
        const size_t bytes = size_of(message);
        const auto member = message.to;
        parts_.network.send(
            from,
            to,
            bytes,
            [&world = parts_.world, to, message = std::move(message)] {
                static_cast<ClusterNode*>(world.program(to))->raft_receive(message);
            },
            [&world = parts_.world, from, member] {
                static_cast<ClusterNode*>(world.program(from))->raft_unreachable(member);
            });
    }

    void members(const raft::Configuration& /*configuration*/) override {}

  private:
    ClusterNode& node_;
    const ClusterParts& parts_;
};

// As SimRaftStorage, but for a founder, who writes before it has a core.
class ClusterStorage final : public raft::RaftStorage {
  public:
    ClusterStorage(ClusterNode& node, ClusterMachine& machine, RaftChecks& checks)
        : node_(node),
          disk_(*machine.disk),
          content_(*machine.content),
          checks_(checks),
          sim_(disk_, content_.raft, checks, content_.slot) {}

    [[nodiscard]] base::Result<raft::Stored> load() override { return sim_.load(); }

    void persist(raft::Persist batch, Done done) override {
        if (node_.attach()) {
            sim_.persist(std::move(batch), std::move(done));
            return;
        }
        const auto shared = std::make_shared<const raft::Persist>(std::move(batch));
        disk_.write(
            [&content = content_, &checks = checks_, shared] {
                content.raft.commit(*shared);
                checks.durable(content.slot, *shared);
            },
            [number = shared->number, done = std::move(done)](bool ok) {
                done(number,
                     ok ? base::success()
                        : base::Status(base::fail(base::Code::kIo, "the simulated disk failed")));
            });
    }

    [[nodiscard]] base::Result<std::string> snapshot_bytes(const raft::SnapshotMeta& meta,
                                                           uint64_t offset,
                                                           size_t bytes) override {
        return sim_.snapshot_bytes(meta, offset, bytes);
    }

    [[nodiscard]] base::Result<std::string> installed_snapshot(
        const raft::SnapshotMeta& meta) override {
        return sim_.installed_snapshot(meta);
    }

  private:
    ClusterNode& node_;
    Disk& disk_;
    ClusterDisk& content_;
    RaftChecks& checks_;
    SimRaftStorage sim_;
};

}  // namespace

// --- what a session keeps ------------------------------------------------------------------------

shard::StoredSession KeptSession::stored() const {
    shard::StoredSession stored{.cluster_id = now_.cluster_id,
                                .number = now_.number,
                                .seen = now_.seen,
                                .nodes = now_.nodes,
                                .targets = {}};
    for (const auto& [id, target] : now_.targets) {
        stored.targets.push_back(target);
    }
    return stored;
}

void KeptSession::write(Write write, bool sync) {
    write(now_);
    loose_.push_back(std::move(write));
    while (!loose_.empty() && (sync || loose_.size() > kLooseMax)) {
        loose_.front()(durable_);
        loose_.pop_front();
    }
}

void KeptSession::save(const std::string& cluster_id,
                       shard::NodeNumber number,
                       std::span<const shard::KnownNode> nodes) {
    write(
        [cluster_id, number, nodes = std::vector(nodes.begin(), nodes.end())](Content& to) {
            to.cluster_id = cluster_id;
            to.number = number;
            to.nodes = nodes;
        },
        true);
}

void KeptSession::save(shard::Order seen,
                       std::span<const shard::AssignedTarget> put,
                       std::span<const model::TargetId> removed,
                       bool sync) {
    write(
        [seen,
         put = std::vector(put.begin(), put.end()),
         removed = std::vector(removed.begin(), removed.end())](Content& to) {
            to.seen = seen;
            for (const model::TargetId id : removed) {
                to.targets.erase(id);
            }
            for (const shard::AssignedTarget& target : put) {
                to.targets.insert_or_assign(target.id, target);
            }
        },
        sync);
}

uint64_t KeptSession::lose_power(base::Random& random) {
    for (uint64_t kept = random.below(loose_.size() + 1); kept > 0; --kept) {
        loose_.front()(durable_);
        loose_.pop_front();
    }
    const uint64_t lost = loose_.size();
    loose_.clear();
    now_ = durable_;
    return lost;
}

// --- the node ------------------------------------------------------------------------------------

ClusterNode::ClusterNode(ClusterMachine& machine, const ClusterParts& parts)
    : machine_(machine),
      parts_(parts),
      random_(parts.world.fork()),
      inventory_(parts.world.clock(machine.process), {}),
      scrapes_(machine.process,
               {.world = parts.world,
                .targets = parts.targets,
                .checks = parts.checks,
                .scraped =
                    [this](const model::ScrapeOutcome& outcome) {
                        assigned_.scraped(outcome);
                        poll();
                    }}),
      assigned_({.totals = [this] { return totals(); },
                 .incoming =
                     [this](const model::ScrapeOutcome& outcome) {
                         member_->scraped(
                             outcome.target, outcome.good, outcome.timestamp_ms, outcome.series);
                     }}),
      storage_(std::make_unique<ClusterStorage>(*this, machine, parts.raft_checks)) {
    assigned_.listen(&scrapes_);
    auto started =
        shard::Member::start(parts_.place.options(machine_),
                             {.storage = *storage_,
                              .transport =
                                  [this](const raft::ClusterId& /*cluster*/) {
                                      return std::make_unique<ClusterTransport>(*this, parts_);
                                  },
                              .links = *this,
                              .link = *this,
                              .identities = *this,
                              .store = *this,
                              .holdings = *this,
                              .loads = assigned_,
                              .inventory = inventory_,
                              .clock = parts_.world.clock(machine_.process),
                              .random = random_,
                              .log = base::Logger()});
    SKEIN_CHECK(started.has_value(), "a member does not start", machine_.id);
    member_ = std::move(started).value();
    starting_ = false;
    attach();
    configure();
    for (uint32_t job = 0; job < parts_.targets.jobs().size(); ++job) {
        parts_.world.at(parts_.world.now() + milliseconds(random_.below(kDiscoveryMs)),
                        machine_.process,
                        [this, job] { discover(job); });
    }
    wake(base::SteadyTime{});
}

ClusterNode::~ClusterNode() {
    alive_.reset();
    if (attached_) {
        parts_.raft_checks.stopped(machine_.content->slot);
    }
    attached_ = false;
    parts_.checks.stopped(machine_.process);
    member_.reset();
}

bool ClusterNode::attach() {
    if (attached_ || member_ == nullptr || member_->core() == nullptr) {
        return attached_;
    }
    attached_ = true;
    parts_.raft_checks.started(machine_.content->slot, *member_->core());
    return true;
}

void ClusterNode::configure() {
    std::vector<shard::JobHash> hashes;
    for (uint32_t job = 0; job < parts_.targets.jobs().size(); ++job) {
        hashes.push_back(
            {.job = ClusterTargets::job_name(job), .hash = mix(machine_.configuration + job)});
    }
    inventory_.jobs_configured(hashes);
    const shard::MemberOptions options = parts_.place.options(machine_);
    member_->configured(
        machine_.configuration, std::move(hashes), options.leader, parts_.place.voters());
    wake(base::SteadyTime{});
}

void ClusterNode::discover(uint32_t job) {
    const auto said = parts_.targets.resolved(job);
    parts_.targets.told(*said, job);
    inventory_.targets_changed(said);
    poll();
}

void ClusterNode::with(const std::function<void(shard::Member&)>& call) {
    call(*member_);
    poll();
}

void ClusterNode::poll() {
    polls_at_once_ = polled_at_ == parts_.world.now() ? polls_at_once_ + 1 : 0;
    polled_at_ = parts_.world.now();
    if (polls_at_once_ > kPollsAtOnceMax) {
        parts_.world.fail("rest", machine_.id + " is due again and again at one moment");
    }
    const base::SteadyTime next = member_->poll();
    assigned_.tell();
    if (attach()) {
        parts_.raft_checks.after(machine_.content->slot);
    }
    parts_.checks.after(machine_.process, *member_);
    wake(next);
}

// One wake-up is under way, the earliest that was asked for.
void ClusterNode::wake(base::SteadyTime when) {
    if (when == base::SteadyTime::max()) {
        return;
    }
    const Time at = parts_.world.clock(machine_.process).when(when);
    if (wakes_at_ != Time::max() && wakes_at_ <= at) {
        return;
    }
    wakes_at_ = at;
    parts_.world.at(at, machine_.process, [this, number = ++wake_number_] {
        if (number == wake_number_) {
            wakes_at_ = Time::max();
            poll();
        }
    });
}

shard::Totals ClusterNode::totals() const {
    shard::Totals totals;
    assigned_.for_each_load(
        [&totals](const shard::TargetLoad& load) { totals.active_series += load.series; });
    return totals;
}

// --- raft ----------------------------------------------------------------------------------------

void ClusterNode::raft_sending(const raft::Message& message) {
    if (attach()) {
        parts_.raft_checks.sending(machine_.content->slot, message);
    }
}

void ClusterNode::raft_receive(const raft::Message& message) {
    if (message.to != machine_.member_id()) {
        return;
    }
    parts_.world.trace(
        machine_.process, kRaftWords[message.body.index()], message.from, message.term);
    member_->receive(message);
    poll();
}

void ClusterNode::raft_unreachable(raft::MemberId id) {
    member_->unreachable(id);
    poll();
}

// --- sessions ------------------------------------------------------------------------------------

void ClusterNode::link_opened(SessionId id) {
    if (id == link_) {
        with([](shard::Member& at) { at.link_opened(); });
    }
}

void ClusterNode::link_received(SessionId id, const LeaderMessage& message) {
    if (id != link_) {
        return;
    }
    if (!std::holds_alternative<shard::Lease>(message)) {
        parts_.world.trace(machine_.process, kLeaderWords[message.index()], id);
    }
    with([&](shard::Member& at) { at.link_received(message); });
}

void ClusterNode::link_closed(SessionId id) {
    if (id == link_) {
        link_ = 0;
        with([](shard::Member& at) { at.link_closed("closed"); });
    }
}

void ClusterNode::session_opened(SessionId id) {
    with([id](shard::Member& at) { at.opened(id, {}); });
}

void ClusterNode::session_received(SessionId id, const NodeMessage& message) {
    if (!std::holds_alternative<shard::Report>(message)) {
        parts_.world.trace(machine_.process, kNodeWords[message.index()], id);
    }
    with([&](shard::Member& at) { at.received(id, message); });
}

void ClusterNode::session_closed(SessionId id) {
    with([id](shard::Member& at) { at.closed(id, "closed"); });
}

void ClusterNode::send(SessionId id, LeaderMessage message) {
    parts_.sessions.send(id, std::move(message));
}

void ClusterNode::close(SessionId id) {
    parts_.sessions.close(id);
}

void ClusterNode::open(const std::string& address) {
    leave();
    const ProcessId to = parts_.place.by_address(address);
    SKEIN_CHECK(to != kNoProcess, "nobody has the address", address);
    link_ = parts_.sessions.open(machine_.process, to);
}

void ClusterNode::send(NodeMessage message) {
    if (link_ != 0) {
        parts_.sessions.send(link_, std::move(message));
    }
}

void ClusterNode::leave() {
    if (link_ != 0) {
        parts_.sessions.leave(std::exchange(link_, 0));
    }
}

void ClusterNode::ask(const std::string& address,
                      std::function<void(base::Result<shard::Identity>)> done) {
    const ProcessId to = parts_.place.by_address(address);
    if (to == kNoProcess) {
        return;
    }
    const ProcessId from = machine_.process;
    auto answer = [&world = parts_.world,
                   &network = parts_.network,
                   from,
                   to,
                   here = std::weak_ptr<bool>(alive_),
                   done] {
        auto* const asked = static_cast<ClusterNode*>(world.program(to));
        network.send(to,
                     from,
                     kQuestionBytes,
                     [&world, from, here, done, said = asked->member().identity()] {
                         if (!here.expired()) {
                             done(said);
                             static_cast<ClusterNode*>(world.program(from))->poll();
                         }
                     },
                     {});
    };
    parts_.network.send(from, to, kQuestionBytes, std::move(answer), {});
}

// --- its disk ------------------------------------------------------------------------------------

base::Result<shard::StoredSession> ClusterNode::load() {
    return machine_.content->session.stored();
}

base::Status ClusterNode::save_identity(const std::string& cluster_id,
                                        shard::NodeNumber number,
                                        std::span<const shard::KnownNode> nodes) {
    machine_.content->session.save(cluster_id, number, nodes);
    return base::success();
}

base::Status ClusterNode::save_targets(shard::Order seen,
                                       std::span<const shard::AssignedTarget> put,
                                       std::span<const model::TargetId> removed,
                                       bool sync) {
    parts_.checks.obeys(machine_.process, machine_.content->session.seen(), seen);
    machine_.content->session.save(seen, put, removed, sync);
    return base::success();
}

// --- what it holds -------------------------------------------------------------------------------

void ClusterNode::hold(const shard::AssignedTarget& target) {
    const bool in_session =
        !starting_ && member_->worker().status().state == shard::SessionState::kOpen;
    parts_.checks.holds(machine_.process, target, starting_, in_session);
    parts_.world.trace(machine_.process,
                       "holds",
                       parts_.targets.number(target.id),
                       static_cast<uint64_t>(target.holding),
                       target.slot,
                       target.since);
    assigned_.hold(target);
}

void ClusterNode::release(model::TargetId id, shard::ReleaseReason reason) {
    parts_.world.trace(
        machine_.process, "releases", parts_.targets.number(id), static_cast<uint64_t>(reason));
    parts_.checks.releases(machine_.process, id, reason);
    assigned_.release(id, reason);
}

}  // namespace sim
