// A member's part in consensus: where it comes from, and who else has one.
#include <utility>

#include "base/check.h"
#include "shard/member/member_body.h"

namespace shard {

using base::SteadyTime;

namespace {

std::string draw_cluster_id(base::Random& random) {
    raft::ClusterId id{};
    random.bytes(id);
    return raft::cluster_id_text(id);
}

}  // namespace

base::Result<std::string> Member::Body::stored_cluster() {
    TRY(const raft::Stored stored, parts.storage.load());
    if (stored.snapshot_data != nullptr) {
        Table before;
        TRY(before.restore(*stored.snapshot_data));
        if (!before.cluster_id().empty()) {
            return before.cluster_id();
        }
    }
    return worker->status().cluster_id;
}

base::Status Member::Body::begin_raft(const std::string& id) {
    TRY(const raft::ClusterId parsed, raft::parse_cluster_id(id));
    transport = parts.transport(parsed);
    TRY(driver,
        raft::Driver::start(options.member,
                            options.raft,
                            {.storage = parts.storage,
                             .transport = *transport,
                             .machine = machine,
                             .clock = parts.clock,
                             .random = parts.random,
                             .log = parts.log}));
    founding.reset();
    list_check = std::make_unique<ListCheck>(
        id,
        ListCheckOptions{.join = options.join, .self_address = options.address},
        ListCheck::Parts{.identities = parts.identities, .clock = parts.clock, .log = parts.log});
    cluster_id = id;
    worker->belongs_to(id);
    voters = std::make_unique<Voters>(voter_options);
    leading = std::make_unique<Leader>(
        leader_options,
        Leader::Parts{
            .proposer = *this,
            .links = parts.links,
            .table = table,
            .targets = targets,
            .clock = parts.clock,
            .log = parts.log,
            .votes =
                [this](uint64_t member) { return driver->core().configuration().is_voter(member); },
            .leader_hint = [this] { return leader_hint(); }});
    leading->configured(jobs);
    return base::success();
}

void Member::Body::found() {
    const std::string id = draw_cluster_id(parts.random);
    Table first;
    const EditAnswer named = first.apply(encode(FoundCluster{.cluster_id = id}));
    SKEIN_CHECK(named.applied, named.reason);
    raft::Configuration alone;
    alone.members.push_back(
        {.id = options.member, .role = raft::Role::kVoter, .address = options.address});
    founding.reset();
    parts.log.info("this node founds a cluster", "cluster", id);
    parts.storage.persist(
        raft::Core::found(std::move(alone), std::make_shared<const std::string>(first.snapshot())),
        [this, id, here = std::weak_ptr<bool>(alive)](uint64_t /*number*/,
                                                      const base::Status& durable) {
            if (!here.expired()) {
                take_part(durable ? begin_raft(id) : durable);
            }
        });
}

// A node without a part in consensus scrapes all the same.
void Member::Body::take_part(const base::Status& begun) {
    if (!begun) {
        problem = begun.error().message();
        parts.log.error("this node has no part in its cluster's consensus", "error", begun.error());
    }
}

std::vector<VoterCandidate> Member::Body::candidates() const {
    std::vector<VoterCandidate> all;
    for (const NodeStatus& status : leading->nodes()) {
        const NodeRecord* const record = table.node(status.number);
        if (record == nullptr) {
            continue;
        }
        const bool self = record->member == options.member;
        all.push_back(
            {.number = record->number,
             .member = record->member,
             .id = record->id,
             .address = record->address,
             .zone = record->zone,
             .live = self || status.session,
             .stays = record->admin == Admin::kActive || record->admin == Admin::kMaintenance,
             .silent_since = status.silent_since,
             .may_vote = record->feature_level >= kFeatureLevel && !status.clock_off,
             .stopping = (status.totals.flags & kNodeStopping) != 0});
    }
    return all;
}

void Member::Body::keep_voters(SteadyTime now) {
    const VoterStep step = voters->next(driver->status(), candidates(), now);
    if (step.nothing()) {
        return;
    }
    if (step.transfer_to) {
        parts.log.info("another node is to lead", "reason", step.reason);
        leading->note(EventKind::kVoters, kNoNode, "another node is to lead: " + step.reason);
        base::ignore(driver->transfer(*step.transfer_to), "it is tried again");
    } else if (const base::Status asked = driver->change(*step.change); asked) {
        parts.log.info("who votes changes", "reason", step.reason);
        leading->note(EventKind::kVoters, kNoNode, "who votes changes: " + step.reason);
    }
}

bool Member::Body::leads() const {
    return driver != nullptr && driver->core().leads() && !driver->failed();
}

uint64_t Member::Body::term() const {
    return driver == nullptr ? 0 : driver->core().term();
}

uint64_t Member::Body::leader() const {
    if (driver == nullptr || (driver->core().leader() == options.member && !leads())) {
        return raft::kNobody;
    }
    return driver->core().leader();
}

void Member::Body::propose(std::string edit, std::function<void(base::Result<std::string>)> done) {
    driver->propose(std::move(edit), std::move(done));
}

// What a majority answers before it may be read.
void Member::Body::confirm(std::function<void(base::Status)> done) {
    driver->read(std::move(done));
}

}  // namespace shard
