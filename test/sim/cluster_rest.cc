#include "test/sim/cluster_rest.h"

#include <algorithm>
#include <set>
#include <utility>

namespace sim {

using std::chrono::seconds;

namespace {

// M5: that a move may take, by HandoffOptions, and to be seen.
constexpr int kMoveIntervals = 10;
constexpr Time kMoveMin = seconds(30);
constexpr Time kMoveSeen = seconds(15);

}  // namespace

ExpectedHoldings expected_holdings(const shard::Table& table) {
    ExpectedHoldings expected;
    table.for_each_target([&](const shard::TargetView& target) {
        const auto put = [&](shard::NodeNumber node, uint8_t slot, shard::Holding how) {
            if (node != shard::kNoNode) {
                const bool incoming = how == shard::Holding::kIncoming;
                expected[node].try_emplace(
                    target.id,
                    shard::Held{.id = target.id,
                                .slot = slot,
                                .holding = how,
                                .since = incoming ? target.move->epoch : shard::Epoch{0}});
            }
        };
        for (uint8_t slot = 0; slot < target.owners.size(); ++slot) {
            put(target.owners[slot].node, slot, shard::Holding::kOwner);
        }
        if (target.move != nullptr) {
            put(target.move->to, target.move->slot, shard::Holding::kIncoming);
        }
    });
    return expected;
}

std::string ClusterRest::missing() {
    ClusterNode* const leader = host_.leader();
    if (leader == nullptr || host_.leaders() != 1) {
        return words(host_.leaders(), "nodes lead:", members());
    }
    const shard::Member& member = leader->member();
    if (std::string what = missing_of_voters(member); !what.empty()) {
        return what;
    }
    if (std::string what = missing_of_table(member.table()); !what.empty()) {
        return what;
    }
    const ExpectedHoldings expected = expected_holdings(member.table());
    for (const ProcessId process : host_.targets()) {
        ClusterNode* const node = host_.node(process);
        if (node == nullptr) {
            return words("process", process, "is down");
        }
        if (host_.stops(process)) {
            return words("process", process, "is about to stop");
        }
        std::string what = missing_of_node(*node, member, leader->machine().address(), expected);
        if (!what.empty()) {
            return what;
        }
    }
    return {};
}

// What each node takes for the group.
std::string ClusterRest::members() const {
    std::string all;
    for (const ProcessId process : host_.targets()) {
        const ClusterNode* const node = host_.node(process);
        all += words("process", process, "");
        if (node == nullptr || node->member().core() == nullptr) {
            all += node == nullptr ? "is down; " : "has no part; ";
            continue;
        }
        all += words("is member", node->machine().member_id(), "of");
        for (const raft::Member& each : node->member().core()->configuration().members) {
            all += words("", each.id, each.role == raft::Role::kVoter ? "(votes)" : "(learns)");
        }
        all += "; ";
    }
    return all;
}

std::string ClusterRest::missing_of_voters(const shard::Member& leader) const {
    const raft::Configuration& configuration = leader.core()->configuration();
    size_t active = 0;
    for (const shard::NodeRecord& node : leader.table().nodes()) {
        active += node.admin == shard::Admin::kActive ? 1 : 0;
    }
    size_t wanted = std::min(plan_.voters, active);
    wanted -= wanted % 2 == 0 ? 1 : 0;
    if (configuration.voters() != wanted || configuration.members.size() != wanted) {
        return words(configuration.voters(),
                     "of",
                     configuration.members.size(),
                     "members vote,",
                     wanted,
                     "are wanted");
    }
    for (const raft::Member& each : configuration.members) {
        const ProcessId owner = host_.by_member(each.id);
        if (host_.machine(owner).member_id() != each.id) {
            return words("member", each.id, "votes, whose disk is lost");
        }
    }
    return {};
}

std::string ClusterRest::old_move(const shard::Table& table) {
    std::map<std::pair<model::TargetId, shard::Epoch>, Time> now;
    std::string old;
    table.for_each_move([&](const shard::TargetView& target) {
        const std::pair key(target.id, target.move->epoch);
        const auto before = moves_.find(key);
        const Time since = before == moves_.end() ? world_.now() : before->second;
        now.emplace(key, since);
        const uint32_t number = targets_.number(target.id);
        const Time interval = targets_.at(number).target->interval;
        if (world_.now() - since > std::max(kMoveMin, kMoveIntervals * interval) + kMoveSeen) {
            old = words("target", number, "still moves to node", target.move->to);
        }
    });
    moves_ = std::move(now);
    return old;
}

std::string ClusterRest::missing_of_table(const shard::Table& table) {
    if (std::string old = old_move(table); !old.empty()) {
        world_.fail("M5", old);
        return old;
    }
    if (table.paused()) {
        return "it is paused";
    }
    for (const shard::NodeRecord& node : table.nodes()) {
        if (node.admin != shard::Admin::kActive) {
            return words("node", node.number, "is not active");
        }
    }
    if (!table.takeovers().empty()) {
        return words("others scrape for node", table.takeovers().front().node);
    }
    size_t there = 0;
    for (uint32_t number = 0; number < targets_.size(); ++number) {
        const SimTarget& truth = targets_.at(number);
        if (!truth.there) {
            continue;
        }
        ++there;
        const auto target = table.target(truth.id);
        if (!target) {
            return words("target", number, "is not in the table");
        }
        size_t owners = 0;
        for (const shard::Owner& owner : target->owners) {
            owners += owner.node != shard::kNoNode ? 1 : 0;
        }
        const size_t wanted =
            std::min<size_t>(targets_.jobs()[truth.job].replicas, host_.targets().size());
        if (owners != wanted) {
            return words("target", number, "has", owners, "owners of", wanted);
        }
    }
    return there == table.targets() ? ""
                                    : words("the table has", table.targets(), "targets of", there);
}

std::string ClusterRest::missing_of_node(const ClusterNode& node,
                                         const shard::Member& leader,
                                         const std::string& address,
                                         const ExpectedHoldings& expected) const {
    const ProcessId process = node.machine().process;
    const shard::WorkerStatus session = node.member().worker().status();
    if (session.state != shard::SessionState::kOpen || session.leader_address != address) {
        return words("process", process, "has no session with the leader:", session.problem);
    }
    const shard::NodeRecord* const record = leader.table().node(node.machine().id);
    if (record == nullptr || record->member != node.machine().member_id()) {
        return words("process", process, "is not in the table as it is");
    }
    static const std::map<model::TargetId, shard::Held> kNone;
    const auto found = expected.find(record->number);
    const auto& should = found == expected.end() ? kNone : found->second;
    const auto& holds = node.member().worker().holds();
    const auto& scrapes = node.scrapes().running();
    for (const auto& [id, held] : should) {
        const auto has = holds.find(id);
        if (has == holds.end() || has->second.slot != held.slot ||
            has->second.holding != held.holding || has->second.since != held.since) {
            return words("process", process, "does not hold target", targets_.number(id));
        }
        const auto runs = scrapes.find(id);
        if (runs == scrapes.end() || runs->second.target->slot != held.slot) {
            return words("process", process, "does not scrape target", targets_.number(id));
        }
    }
    if (holds.size() != should.size() || scrapes.size() != should.size()) {
        return words("process",
                     process,
                     "holds",
                     holds.size(),
                     "targets, scrapes",
                     scrapes.size(),
                     "of",
                     should.size());
    }
    return {};
}

}  // namespace sim
