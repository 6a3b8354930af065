#include "test/shard/leader/cluster.h"

#include "shard/assignment/edits.h"

namespace test {

using namespace shard;

// --- a node
// ----------------------------------------------------------------------------------------

ClusterNode::ClusterNode(Cluster& in, std::string name, uint64_t number)
    : cluster(in), id(std::move(name)), member(number) {}

void ClusterNode::start() {
    scraped.clear();
    worker = std::move(Worker::start({.node_id = id,
                                      .member = member,
                                      .address = id + ":1",
                                      .series_budget = budget,
                                      .jobs = jobs},
                                     {.join = {"leader:1"}},
                                     {.link = *this,
                                      .store = kept,
                                      .holdings = *this,
                                      .loads = *this,
                                      .clock = cluster.clock,
                                      .random = cluster.random,
                                      .log = base::Logger()}))
                 .value();
}

void ClusterNode::kill() {
    const SessionId was = std::exchange(session, 0);
    worker.reset();
    scraped.clear();
    if (was != 0) {
        cluster.leader_part->closed(was);
    }
}

void ClusterNode::scrape() {
    if (worker == nullptr) {
        return;
    }
    for (const auto& [target, held] : std::map(scraped)) {
        const auto known = cluster.targets.find(target);
        const bool good =
            known != cluster.targets.end() && known->second.up && !unable.contains(target);
        worker->scraped(target,
                        good,
                        cluster.clock.now_ms(),
                        known == cluster.targets.end() ? 0 : known->second.series);
    }
}

void ClusterNode::open(const std::string& /*address*/) {
    if (cut) {
        cluster.under_way.emplace_back([this] {
            if (worker != nullptr) {
                worker->closed("cut off");
            }
        });
        return;
    }
    session = cluster.next_session++;
    cluster.under_way.emplace_back([this, opened = session] {
        if (session == opened && worker != nullptr) {
            cluster.leader_part->opened(opened);
            worker->opened();
        }
    });
}

void ClusterNode::send(NodeMessage message) {
    if (auto* const hello = std::get_if<Hello>(&message)) {
        hello->clock_ms += clock_off_ms;
    }
    if (auto* const report = std::get_if<Report>(&message)) {
        report->totals.clock_ms += clock_off_ms;
    }
    cluster.under_way.emplace_back([this, to = session, said = std::move(message)]() mutable {
        if (!cut && to == session) {
            cluster.leader_part->received(to, std::move(said));
        }
    });
}

void ClusterNode::leave() {
    const SessionId was = std::exchange(session, 0);
    if (was != 0 && !cut) {
        cluster.under_way.emplace_back([this, was] { cluster.leader_part->closed(was); });
    }
}

void ClusterNode::hold(const AssignedTarget& target) {
    scraped.insert_or_assign(target.id, target);
}

void ClusterNode::release(model::TargetId target, ReleaseReason reason) {
    scraped.erase(target);
    released.emplace_back(target, reason);
}

Totals ClusterNode::totals() const {
    return {.flags = flags};
}

void ClusterNode::for_each_load(const std::function<void(const TargetLoad&)>& visit) const {
    for (const auto& [target, held] : scraped) {
        const auto known = cluster.targets.find(target);
        if (known != cluster.targets.end()) {
            visit({.id = target,
                   .series = known->second.series,
                   .up = known->second.up && !unable.contains(target)});
        }
    }
}

// --- the cluster
// -----------------------------------------------------------------------------------

Cluster::Cluster(int count, LeaderOptions options) {
    static_cast<void>(table.apply(encode(FoundCluster{.cluster_id = "cluster"})));
    options.nodes_expected = static_cast<size_t>(count);
    leader_part = std::make_unique<Leader>(
        options,
        Leader::Parts{.proposer = *this,
                      .links = *this,
                      .table = table,
                      .targets = *this,
                      .clock = clock,
                      .log = base::Logger(),
                      .votes = [this](uint64_t member) { return voting.contains(member); },
                      .leader_hint = [this] { return leader_hint; }});
    for (int i = 0; i < count; ++i) {
        add_node();
    }
}

Cluster::~Cluster() {
    for (const auto& one : nodes) {
        one->worker.reset();
    }
}

ClusterNode& Cluster::add_node() {
    const size_t number = nodes.size() + 1;
    nodes.push_back(std::make_unique<ClusterNode>(*this, "n" + std::to_string(number), number));
    nodes.back()->start();
    return *nodes.back();
}

void Cluster::discover(model::TargetId id, uint64_t series, const std::string& job) {
    targets[id] = {.job = job,
                   .series = series,
                   .up = true,
                   .descriptor = std::make_shared<TargetDescriptor>(
                       TargetDescriptor{.job = job,
                                        .labels = {},
                                        .discovered = {},
                                        .url = "http://t" + std::to_string(id) + "/metrics",
                                        .unix_socket = {},
                                        .interval = std::chrono::seconds(1),
                                        .timeout = std::chrono::seconds(1)})};
    ++discovered_version;
}

void Cluster::vanish(model::TargetId id) {
    targets.erase(id);
    ++discovered_version;
}

void Cluster::pass(std::chrono::milliseconds time) {
    for (int64_t i = 0; i < time.count(); i += 100) {
        clock.advance(std::chrono::milliseconds(100));
        passed_ms_ += 100;
        for (const auto& one : nodes) {
            if (one->worker != nullptr) {
                one->worker->poll();
            }
        }
        deliver();
        leader_part->poll();
        deliver();
        leader_part->poll();
        deliver();
        if (passed_ms_ % 1000 == 0) {
            for (const auto& one : nodes) {
                one->scrape();
            }
            deliver();
        }
    }
}

void Cluster::new_leader() {
    leading = false;
    leader_part->poll();
    deliver();
    for (const auto& done : std::exchange(unconfirmed, {})) {
        done(base::fail(base::Code::kUnavailable, "it leads no more"));
    }
    leading = true;
    ++its_term;
}

void Cluster::deliver() {
    while (!under_way.empty()) {
        const auto next = std::move(under_way.front());
        under_way.pop_front();
        next();
    }
}

std::vector<size_t> Cluster::scrapers(model::TargetId id) const {
    std::vector<size_t> found;
    for (size_t i = 0; i < nodes.size(); ++i) {
        if (nodes[i]->scraped.contains(id)) {
            found.push_back(i + 1);
        }
    }
    return found;
}

std::map<size_t, size_t> Cluster::counts() const {
    std::map<size_t, size_t> found;
    for (size_t i = 0; i < nodes.size(); ++i) {
        if (!nodes[i]->scraped.empty()) {
            found[i + 1] = nodes[i]->scraped.size();
        }
    }
    return found;
}

void Cluster::propose(std::string edit, std::function<void(base::Result<std::string>)> done) {
    under_way.emplace_back([this, edit = std::move(edit), done = std::move(done)] {
        if (leading) {
            done(encode(table.apply(edit)));
        } else {
            done(base::fail(base::Code::kUnavailable, "no leader"));
        }
    });
}

void Cluster::confirm(std::function<void(base::Status)> done) {
    if (silent) {
        unconfirmed.push_back(std::move(done));
    } else {
        under_way.emplace_back([done = std::move(done)] { done(base::success()); });
    }
}

ClusterNode* Cluster::by_session(SessionId session) {
    for (const auto& one : nodes) {
        if (one->session == session && one->worker != nullptr) {
            return one.get();
        }
    }
    return nullptr;
}

void Cluster::send(SessionId session, LeaderMessage message) {
    under_way.emplace_back([this, session, said = std::move(message)]() mutable {
        ClusterNode* const node = by_session(session);
        if (node != nullptr && !node->cut) {
            node->worker->received(std::move(said));
        }
    });
}

void Cluster::close(SessionId session) {
    under_way.emplace_back([this, session] {
        ClusterNode* const node = by_session(session);
        if (node != nullptr && !node->cut) {
            node->worker->closed("closed by the leader");
        }
        leader_part->closed(session);
    });
}

void Cluster::for_each(const std::function<void(const WantedTarget&)>& visit) const {
    for (const auto& [id, target] : targets) {
        visit({.id = id, .job = target.job});
    }
}

std::shared_ptr<const TargetDescriptor> Cluster::descriptor(model::TargetId id) const {
    const auto found = targets.find(id);
    return found == targets.end() ? nullptr : found->second.descriptor;
}

}  // namespace test
