// What the table says of nodes, and telling them.
#include <algorithm>
#include <utility>

#include "shard/leader/leader_body.h"

namespace shard {

namespace {

// Of one target, on its way to a node.
size_t bytes_of(const TargetDescriptor& descriptor) {
    constexpr size_t kBeside = 64;
    return descriptor.labels.packed().size() + descriptor.discovered.packed().size() +
           descriptor.url.size() + kBeside;
}

}  // namespace

// A lease ends by the node's clock before it ends here: it counts from when the report was sent.
bool Leader::Body::lease_over(NodeNumber node) const {
    const auto open = by_node.find(node);
    if (open != by_node.end()) {
        const NodeSession& session = sessions.at(open->second);
        return now > session.heard + options.lease + options.clock_drift;
    }
    return now > began + options.former_leases &&
           liveness.silent_since(node) + options.lease + options.clock_drift < now;
}

bool Leader::Body::exclusive(const TargetView& target) const {
    return options.exclusive(parts.table.jobs()[target.job]);
}

std::vector<Holder> Leader::Body::holders_now(const TargetView& target) {
    std::vector<Holder> all = holders_of(target, parts.table.takeovers(), parts.table.nodes());
    if (!exclusive(target)) {
        grants.forget(target.id);
        return all;
    }
    if (!granting) {
        return {};
    }
    const std::optional<Holder> wanted = exclusive_holder(all);
    const NodeNumber has = grants.want(target.id, wanted ? wanted->node : kNoNode, now);
    return has == kNoNode ? std::vector<Holder>() : std::vector<Holder>{*wanted};
}

void Leader::Body::rebuild_holders() {
    static_cast<void>(parts.table.take_change());
    holders.clear();
    std::vector<HolderChange> nobody_is_there;
    parts.table.for_each_target([&](const TargetView& target) {
        holders.update(target.id, holders_now(target), false, nobody_is_there);
    });
    std::vector<model::TargetId> gone;
    grants.for_each_given([&](model::TargetId id) {
        if (!parts.table.target(id)) {
            gone.push_back(id);
        }
    });
    for (const model::TargetId id : gone) {
        static_cast<void>(grants.want(id, kNoNode, now));
    }
    taken_over.clear();
    for (const Takeover& takeover : parts.table.takeovers()) {
        taken_over.insert(takeover.node);
    }
}

void Leader::Body::refresh(model::TargetId id, std::vector<HolderChange>& changes) {
    if (const auto target = parts.table.target(id)) {
        holders.update(id, holders_now(*target), false, changes);
    } else {
        static_cast<void>(grants.want(id, kNoNode, now));
        holders.update(id, {}, true, changes);
    }
}

void Leader::Body::refresh_exclusive() {
    std::vector<HolderChange> changes;
    parts.table.for_each_target([&](const TargetView& target) {
        if (exclusive(target)) {
            holders.update(target.id, holders_now(target), false, changes);
        }
    });
    tell(changes);
}

void Leader::Body::refresh_owned_by(NodeNumber node) {
    std::vector<HolderChange> changes;
    parts.table.for_each_target([&](const TargetView& target) {
        if (std::ranges::find(target.owners, node, &Owner::node) == target.owners.end()) {
            return;
        }
        holders.update(target.id, holders_now(target), false, changes);
    });
    tell(changes);
}

void Leader::Body::follow_table() {
    const TableChange change = parts.table.take_change();
    if (change.everything) {
        // Restored from a snapshot, or too much to list: nodes find out by the digest.
        rebuild_holders();
        plan_due = true;
        return;
    }
    nodes_changed = nodes_changed || !change.nodes.empty();
    for (const NodeNumber node : change.nodes) {
        if (const NodeRecord* const record = parts.table.node(node)) {
            liveness.add(node, now);
            follow_maintenance(*record);
        } else {
            liveness.remove(node);
        }
        plan_due = true;
    }
    std::vector<HolderChange> changes;
    for (const model::TargetId id : change.targets) {
        refresh(id, changes);
        if (!parts.table.target(id)) {
            loads.forget(id);
        }
    }
    tell(changes);
    if (change.takeovers) {
        follow_takeovers();
    }
}

// One that is being looked after is not dead, however silent.
void Leader::Body::follow_maintenance(const NodeRecord& record) {
    if (record.admin == Admin::kMaintenance) {
        const std::chrono::milliseconds left(record.maintenance_until_ms - parts.clock.now_ms());
        liveness.maintenance(record.number, now + left);
    } else {
        liveness.maintenance(record.number, {});
    }
}

void Leader::Body::follow_takeovers() {
    const std::set<NodeNumber> before = std::exchange(taken_over, {});
    for (const Takeover& takeover : parts.table.takeovers()) {
        taken_over.insert(takeover.node);
        refresh_owned_by(takeover.node);
        if (!before.contains(takeover.node)) {
            ++counters.takeovers;
            note(EventKind::kTakeoverBegun,
                 takeover.node,
                 std::to_string(takeover.by.size()) + " nodes scrape for " +
                     node_name(takeover.node) + ", which is " +
                     std::string(name(liveness.life(takeover.node))));
        }
    }
    for (const NodeNumber node : before) {
        if (!taken_over.contains(node)) {
            note(EventKind::kTakeoverEnded,
                 node,
                 "nobody scrapes for " + node_name(node) + " any more: it is " +
                     std::string(name(liveness.life(node))));
            refresh_owned_by(node);
        }
    }
}

// Exclusive targets of a node that does not say that it let go are given to others when its lease
// is over.
void Leader::Body::watch_grants() {
    if (!granting && now >= grants_from) {
        granting = true;
        refresh_exclusive();
    }
    std::vector<HolderChange> changes;
    for (const Grants::Awaited& one : grants.awaited()) {
        const bool over = parts.table.node(one.node) == nullptr
                              ? now > one.since + options.former_leases
                              : lease_over(one.node);
        if (over && grants.released(one.node, one.number)) {
            refresh(one.target, changes);
        }
    }
    tell(changes);
}

// Again, of nodes that did not answer: what they were told was lost with its session.
void Leader::Body::ask_releases() {
    std::map<NodeNumber, std::vector<Release>> asked;
    for (const Grants::Awaited& one : grants.awaited()) {
        if (now >= one.since + options.lease_every) {
            asked[one.node].push_back({.id = one.target, .number = one.number});
        }
    }
    for (auto& [node, releases] : asked) {
        send_assignment(node, {}, std::move(releases));
    }
}

// Everybody who holds a target whose description is another one now.
void Leader::Body::tell_redescribed() {
    std::map<NodeNumber, std::vector<std::pair<model::TargetId, Holder>>> put;
    for (const model::TargetId target : parts.targets.take_redescribed()) {
        for (const Holder& holder : holders.find(target)) {
            put[holder.node].emplace_back(target, holder);
        }
    }
    for (const auto& [node, targets] : put) {
        send_assignment(node, targets, {});
    }
}

// A node keeps descriptions over restarts, and may have missed that one changed: it was away, or
// nobody led, or whoever leads now never knew the old one. Digests do not tell of that, so a node
// is told all of its own again after its session has begun, by and by. One that knows them already
// does nothing.
void Leader::Body::tell_descriptions_again() {
    if (now < next_retell || !parts.targets.complete()) {
        return;
    }
    next_retell = now + std::chrono::seconds(1);
    const size_t targets = parts.table.targets();
    if (to_retell.empty() && !retold_next.empty()) {
        retold = std::exchange(retold_next, {});
        to_retell.reserve(targets);
        parts.table.for_each_target(
            [&](const TargetView& target) { to_retell.push_back(target.id); });
    }
    const auto parts_most = static_cast<size_t>(options.retold_within.count());
    const size_t some = std::max(options.retold_least, targets / std::max<size_t>(parts_most, 1));
    std::map<NodeNumber, std::vector<std::pair<model::TargetId, Holder>>> put;
    for (size_t left = std::min(some, to_retell.size()); left > 0; --left) {
        const model::TargetId target = to_retell.back();
        to_retell.pop_back();
        for (const Holder& holder : holders.find(target)) {
            if (retold.contains(holder.node)) {
                put[holder.node].emplace_back(target, holder);
            }
        }
    }
    for (const auto& [node, told] : put) {
        retell_later =
            retell_later || std::ranges::any_of(told, [&](const auto& one) {
                return parts.targets.descriptor(one.first) == nullptr;  // its job says nothing yet
            });
        send_assignment(node, told, {});
    }
    if (to_retell.empty()) {
        to_retell = {};
        if (std::exchange(retell_later, false)) {
            retold_next.insert(retold.begin(), retold.end());
            next_retell = now + std::chrono::minutes(1);
        }
    }
}

// Targets of jobs that are exclusive now, or no longer: to whoever holds them.
void Leader::Body::tell_again(const std::set<uint32_t>& jobs_told) {
    std::vector<HolderChange> changes;
    parts.table.for_each_target([&](const TargetView& target) {
        if (!jobs_told.contains(target.job)) {
            return;
        }
        holders.update(target.id, holders_now(target), false, changes);
        std::erase_if(changes, [&](const HolderChange& change) {
            return change.target == target.id && !change.released;
        });
        for (const Holder& holder : holders.find(target.id)) {
            changes.push_back({.node = holder.node, .target = target.id, .holder = holder});
        }
    });
    tell(changes);
}

void Leader::Body::tell(const std::vector<HolderChange>& changes) {
    struct News {
        std::vector<std::pair<model::TargetId, Holder>> put;
        std::vector<Release> releases;
    };

    std::map<NodeNumber, News> news;
    for (const HolderChange& change : changes) {
        if (change.released) {
            news[change.node].releases.push_back(
                {.id = change.target,
                 .reason = change.reason,
                 .number = grants.awaited(change.target, change.node)});
        } else {
            news[change.node].put.emplace_back(change.target, change.holder);
        }
    }
    for (auto& [node, one] : news) {
        send_assignment(node, one.put, std::move(one.releases));
    }
}

// Targets that this node has not discovered (yet) are left out: the node's digest differs until
// they are told.
void Leader::Body::send_assignment(NodeNumber node,
                                   const std::vector<std::pair<model::TargetId, Holder>>& put,
                                   std::vector<Release> releases) {
    const auto open = by_node.find(node);
    if (open == by_node.end()) {
        return;
    }
    Assignment assignment{.order = order(), .releases = std::move(releases)};
    size_t bytes = assignment.releases.size() * sizeof(Release);
    for (const auto& [target, holder] : put) {
        const auto descriptor = parts.targets.descriptor(target);
        const auto record = parts.table.target(target);
        if (descriptor == nullptr || !record) {
            continue;
        }
        bytes += bytes_of(*descriptor);
        if (bytes > kSessionMessageBytesAim && !assignment.targets.empty()) {
            parts.links.send(open->second, std::exchange(assignment, {.order = order()}));
            bytes = bytes_of(*descriptor);
        }
        assignment.targets.push_back({.id = target,
                                      .slot = holder.slot,
                                      .slots = static_cast<uint8_t>(record->owners.size()),
                                      .holding = holder.holding,
                                      .exclusive = options.exclusive(descriptor->job),
                                      .since = holder.since,
                                      .descriptor = descriptor});
    }
    if (!assignment.targets.empty() || !assignment.releases.empty()) {
        parts.links.send(open->second, std::move(assignment));
    }
}

}  // namespace shard
