#include "test/sim/cluster_owners.h"

#include <algorithm>
#include <utility>

#include "shard/leader/holders.h"

namespace sim {

using std::chrono::seconds;

namespace {

constexpr int kIntervals = 3;
constexpr Time kBeside = seconds(10);
// P1: from discovery to the nodes, and to the table.
constexpr Time kFound = seconds(8) + seconds(5);

}  // namespace

void ClusterOwners::look() {
    const bool all_up = std::ranges::all_of(host_.targets(), [&](ProcessId process) {
        return host_.node(process) != nullptr && !host_.stops(process);
    });
    if (!all_up) {
        begin();  // it was to be so
        return;
    }
    ClusterNode* const leader = host_.leader();
    if (leader == nullptr) {
        differs({});
    } else {
        const shard::Table& table = leader->member().table();
        const auto live = std::ranges::count(
            leader->member().leading()->nodes(), shard::NodeLife::kLive, &shard::NodeStatus::life);
        compare_table(table, static_cast<size_t>(live));
        const std::map<shard::NodeNumber, Slots> all = wanted(table);
        for (const ProcessId process : host_.targets()) {
            const shard::NodeRecord* const record = table.node(host_.machine(process).id);
            const auto should = record == nullptr ? all.end() : all.find(record->number);
            compare_node(process, should == all.end() ? Slots() : should->second);
        }
    }
    since_ = std::exchange(now_, {});
}

std::map<shard::NodeNumber, ClusterOwners::Slots> ClusterOwners::wanted(
    const shard::Table& table) const {
    std::map<shard::NodeNumber, Slots> all;
    table.for_each_target([&](const shard::TargetView& target) {
        const auto holders = shard::holders_of(target, table.takeovers(), table.nodes());
        const auto put = [&](const shard::Holder& holder) {
            all[holder.node].emplace(target.id, holder.slot);
        };
        if (!targets_.jobs()[targets_.at(targets_.number(target.id)).job].exclusive) {
            std::ranges::for_each(holders, put);
        } else if (const auto one = shard::exclusive_holder(holders)) {
            put(*one);
        }
    });
    return all;
}

Time ClusterOwners::shortest() const {
    return std::ranges::min_element(targets_.jobs(), {}, &JobPlan::interval)->interval;
}

void ClusterOwners::compare_table(const shard::Table& table, size_t live) {
    for (uint32_t number = 0; number < targets_.size(); ++number) {
        const SimTarget& truth = targets_.at(number);
        if (!truth.there) {
            continue;
        }
        const size_t wanted = std::min<size_t>(targets_.jobs()[truth.job].replicas, live);
        const auto target = table.target(truth.id);
        const auto owned = target ? std::ranges::count_if(target->owners,
                                                          [](const shard::Owner& owner) {
                                                              return owner.node != shard::kNoNode;
                                                          })
                                  : 0;
        // One that moves waits for that: the new owner may be the only one for the other slot.
        const bool moves = target && target->move != nullptr;
        if (static_cast<size_t>(owned) < (moves ? std::min<size_t>(wanted, 1) : wanted)) {
            differs({.target = truth.id, .should = static_cast<int>(wanted)});
        }
    }
}

void ClusterOwners::compare_node(ProcessId process, const Slots& should) {
    const ClusterNode* const node = host_.node(process);
    Slots does;
    if (node != nullptr) {
        for (const auto& [id, scrape] : node->scrapes().running()) {
            does.emplace(id, scrape.target->slot);
        }
    }
    for (const auto& [id, slot] : should) {
        const auto has = does.find(id);
        const int found = has == does.end() ? kNoSlot : has->second;
        if (found != slot) {
            differs({.process = process, .target = id, .should = slot, .does = found});
        }
    }
    for (const auto& [id, slot] : does) {
        if (!should.contains(id)) {
            differs({.process = process, .target = id, .does = slot});
        }
    }
}

void ClusterOwners::differs(const Difference& difference) {
    const auto before = since_.find(difference);
    const Time since = before == since_.end() ? world_.now() : before->second;
    now_.emplace(difference, since);
    if (difference.target == 0) {
        if (world_.now() - since > kIntervals * shortest() + kBeside) {
            world_.fail("X3", "nobody leads");
        }
        return;
    }
    const uint32_t number = targets_.number(difference.target);
    if (difference.process == kNoProcess) {
        if (world_.now() - since > kFound) {
            world_.fail("P1", words("target", number, "has not all its owners"));
        }
        return;
    }
    const Time interval = targets_.at(number).target->interval;
    if (world_.now() - since > kIntervals * interval + kBeside) {
        world_.fail("X3",
                    words("process",
                          difference.process,
                          "scrapes target",
                          number,
                          "as slot",
                          difference.does,
                          "and should as",
                          difference.should));
    }
}

}  // namespace sim
