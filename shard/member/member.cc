#include "shard/member/member.h"

#include <algorithm>
#include <utility>

#include "shard/member/member_body.h"

namespace shard {

using base::SteadyTime;

namespace {

constexpr SteadyTime kNever = SteadyTime::max();

Hello hello_of(const MemberOptions& options) {
    return {.node_id = options.node_id,
            .member = options.member,
            .address = options.address,
            .zone = options.zone,
            .series_budget = options.series_budget,
            .feature_level = kFeatureLevel};
}

WorkerOptions worker_options(const MemberOptions& options) {
    WorkerOptions worker = options.worker;
    worker.join = options.join;
    return worker;
}

FoundingOptions founding_options(const MemberOptions& options) {
    FoundingOptions founding = options.founding;
    founding.join = options.join;
    founding.self_address = options.address;
    return founding;
}

}  // namespace

// --- its life ------------------------------------------------------------------------------------

Member::Body::Body(MemberOptions how, const Parts& with)
    : options(std::move(how)),
      parts(with),
      leader_options(options.leader),
      voter_options(options.voters),
      targets(parts.inventory) {
    leader_options.nodes_expected = options.join.size();
}

// Who uses goes before what it uses.
Member::Body::~Body() {
    worker.reset();
    leading.reset();
    driver.reset();
    transport.reset();
}

base::Status Member::Body::start() {
    TRY(worker,
        Worker::start(hello_of(options),
                      worker_options(options),
                      {.link = parts.link,
                       .store = parts.store,
                       .holdings = parts.holdings,
                       .loads = parts.loads,
                       .clock = parts.clock,
                       .random = parts.random,
                       .log = parts.log}));
    TRY(const auto stored, stored_cluster());
    if (!stored.empty()) {
        return begin_raft(stored);
    }
    founding = std::make_unique<Founding>(
        identity(),
        founding_options(options),
        Founding::Parts{.identities = parts.identities, .clock = parts.clock, .log = parts.log});
    return base::success();
}

SteadyTime Member::Body::poll() {
    const SteadyTime now = parts.clock.steady();
    SteadyTime next = kNever;
    if (driver == nullptr) {
        look_for_cluster();
    }
    if (founding != nullptr) {
        next = std::min(next, founding->poll());
    }
    if (list_check != nullptr) {
        next = std::min(next, list_check->poll());
    }
    if (driver != nullptr) {
        next = std::min(next, driver->poll());
        next = std::min(next, poll_leader(now));
        follow_leader();
    }
    return std::min(next, worker->poll());
}

SteadyTime Member::Body::poll_leader(SteadyTime now) {
    if (!leads()) {
        targets.rest();
        return leading->poll();  // it may have to tell its nodes that it leads no more
    }
    SteadyTime next = targets.step(now);
    next = std::min(next, leading->poll());
    if (now >= next_voters) {
        next_voters = now + options.voters_look;
        keep_voters(now);
    }
    return std::min(next, next_voters);
}

// It is told of its cluster by the leader that welcomed it, or founds one.
void Member::Body::look_for_cluster() {
    const std::string joined = worker->status().cluster_id;
    if (!joined.empty() && problem.empty()) {
        take_part(begin_raft(joined));
    } else if (founding != nullptr && founding->may_found()) {
        found();
    }
}

// A voter knows sooner than any session whom to ask.
void Member::Body::follow_leader() {
    const std::string address = leader_address();
    if (!address.empty() && address != told_leader) {
        told_leader = address;
        worker->leader_is(told_leader);
    }
}

// Of a founder, and of others at first, the table does not say where it is: it is told by a
// session.
std::string Member::Body::leader_address() const {
    const uint64_t member = leader();
    if (member == raft::kNobody) {
        return {};
    }
    if (member == options.member) {
        return options.address;
    }
    const auto nodes = table.nodes();
    if (const auto found = std::ranges::find(nodes, member, &NodeRecord::member);
        found != nodes.end()) {
        return found->address;
    }
    const raft::Member* const voter = driver->core().configuration().find(member);
    return voter == nullptr ? std::string() : voter->address;
}

std::string Member::Body::leader_hint() const {
    if (std::string address = leader_address(); !address.empty()) {
        return address;
    }
    const WorkerStatus session = worker->status();
    // A session with this node itself is about to end: it does not lead any more.
    const bool known =
        session.state == SessionState::kOpen && session.leader_address != options.address;
    return known ? session.leader_address : std::string();
}

Identity Member::Body::identity() const {
    return {.cluster_id = cluster_id,
            .node_id = options.node_id,
            .member = options.member,
            .leader_address = leader_hint()};
}

base::Status Member::Body::transfer_to(raft::MemberId to) {
    if (driver == nullptr) {
        return base::fail(base::Code::kUnavailable, "this node belongs to no cluster yet");
    }
    if (to != raft::kNobody) {
        return driver->transfer(to);
    }
    const raft::DriverStatus status = driver->status();
    raft::ProgressView best;
    for (const raft::ProgressView& other : status.progress) {
        if (status.configuration.is_voter(other.id) && other.active && other.id != status.self &&
            (best.id == raft::kNobody || other.match > best.match)) {
            best = other;
        }
    }
    if (best.id == raft::kNobody) {
        return base::fail(base::Code::kUnavailable, "there is no other voter that could lead");
    }
    return driver->transfer(best.id);
}

// --- the member ----------------------------------------------------------------------------------

Member::Member(std::unique_ptr<Body> body) : body_(std::move(body)) {}

Member::~Member() = default;

base::Result<std::unique_ptr<Member>> Member::start(MemberOptions options, const Parts& parts) {
    auto body = std::make_unique<Body>(std::move(options), parts);
    TRY(body->start());
    return std::unique_ptr<Member>(new Member(std::move(body)));
}

SteadyTime Member::poll() {
    return body_->poll();
}

void Member::receive(raft::Message message) {
    if (body_->driver != nullptr) {
        body_->driver->receive(std::move(message));
    }
}

void Member::unreachable(raft::MemberId member) {
    if (body_->driver != nullptr) {
        body_->driver->unreachable(member);
    }
}

void Member::opened(SessionId id, const base::rpc::CallPeer& /*peer*/) {
    if (body_->leading != nullptr) {
        body_->leading->opened(id);
    }
}

void Member::received(SessionId id, NodeMessage message) {
    if (body_->leading != nullptr) {
        body_->leading->received(id, std::move(message));
        return;
    }
    // Belongs to no cluster yet, or did not when the session was opened.
    body_->parts.links.send(id, Redirect{.leader_id = {}, .address = body_->leader_hint()});
    body_->parts.links.close(id);
}

void Member::closed(SessionId id, const std::string& /*why*/) {
    if (body_->leading != nullptr) {
        body_->leading->closed(id);
    }
}

void Member::link_opened() {
    body_->worker->opened();
}

void Member::link_received(LeaderMessage message) {
    body_->worker->received(std::move(message));
}

void Member::link_closed(const std::string& why) {
    body_->worker->closed(why);
}

void Member::scraped(model::TargetId id, bool good, int64_t timestamp_ms, uint64_t series) {
    body_->worker->scraped(id, good, timestamp_ms, series);
}

void Member::configured(uint64_t configuration,
                        std::vector<JobHash> jobs,
                        const LeaderOptions& leader,
                        size_t voters) {
    body_->jobs = jobs;
    body_->voter_options.voters = voters;
    if (body_->voters != nullptr) {
        body_->voters->reconfigure(body_->voter_options);
    }
    body_->leader_options = leader;
    body_->leader_options.nodes_expected = body_->options.join.size();
    if (body_->leading != nullptr) {
        body_->leading->reconfigure(body_->leader_options);
        body_->leading->configured(jobs);
    }
    body_->worker->configured(configuration, std::move(jobs));
}

void Member::totals_changed() {
    body_->worker->totals_changed();
}

void Member::stopping() {
    if (body_->stopping_since != kNever) {
        return;
    }
    body_->stopping_since = body_->parts.clock.steady();
    body_->worker->stopping();
    if (body_->leads()) {
        base::ignore(body_->transfer_to(raft::kNobody), "the others elect one when it is gone");
    }
}

bool Member::may_stop() const {
    const base::Duration since = body_->parts.clock.steady() - body_->stopping_since;
    const bool alone = body_->cluster_id.empty() ||
                       (body_->leads() && body_->driver->core().configuration().voters() == 1);
    return body_->stopping_since != kNever &&
           (alone || since >= body_->options.stop_max ||
            (since >= body_->options.stop_min && !body_->leads()));
}

void Member::edit(Edit edit, std::function<void(base::Result<EditAnswer>)> done) {
    if (body_->leading == nullptr) {
        done(base::fail(base::Code::kUnavailable, "this node belongs to no cluster yet"));
        return;
    }
    body_->leading->edit(std::move(edit), std::move(done));
}

base::Status Member::transfer(NodeNumber to) {
    if (to == kNoNode) {
        return body_->transfer_to(raft::kNobody);
    }
    const NodeRecord* const record = body_->table.node(to);
    if (record == nullptr) {
        return base::fail(base::Code::kNotFound, "there is no such node");
    }
    return body_->transfer_to(record->member);
}

void Member::read(std::function<void(base::Status)> done) {
    if (body_->driver == nullptr) {
        done(base::fail(base::Code::kUnavailable, "this node belongs to no cluster yet"));
        return;
    }
    body_->driver->read(std::move(done));
}

MemberStatus Member::status() const {
    MemberStatus status{.cluster_id = body_->cluster_id,
                        .leads = body_->leads(),
                        .votes = false,
                        .learns = false,
                        .session = body_->worker->status(),
                        .raft = {},
                        .raft_problem = body_->problem,
                        .leader_id = {},
                        .leader_address = body_->leader_hint()};
    if (body_->driver != nullptr) {
        status.raft = body_->driver->status();
        const raft::Member* const self = status.raft.configuration.find(status.raft.self);
        status.votes = self != nullptr && self->role == raft::Role::kVoter;
        status.learns = self != nullptr && self->role == raft::Role::kLearner;
        if (status.raft.disk_failed && status.raft_problem.empty()) {
            status.raft_problem = "the disk of its log has failed; restart it when that is mended";
        }
    }
    for (const KnownNode& node : body_->worker->nodes()) {
        if (node.address == status.leader_address) {
            status.leader_id = node.id;
        }
    }
    return status;
}

Identity Member::identity() const {
    return body_->identity();
}

bool Member::has_part() const {
    return body_->driver != nullptr &&
           body_->driver->core().configuration().find(body_->options.member) != nullptr;
}

const raft::Core* Member::core() const {
    return body_->driver == nullptr ? nullptr : &body_->driver->core();
}

Leader* Member::leading() {
    return body_->leads() ? body_->leading.get() : nullptr;
}

const Table& Member::table() const {
    return body_->table;
}

const Worker& Member::worker() const {
    return *body_->worker;
}

const Inventory& Member::inventory() const {
    return body_->parts.inventory;
}

}  // namespace shard
