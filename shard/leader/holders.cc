#include "shard/leader/holders.h"

#include <algorithm>
#include <map>

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

namespace shard {
namespace {

// Nearly all targets have one holder.
using HolderList = absl::InlinedVector<Holder, 1>;

[[nodiscard]] const Holder* find_node(std::span<const Holder> holders, NodeNumber node) {
    const auto found = std::ranges::find(holders, node, &Holder::node);
    return found == holders.end() ? nullptr : &*found;
}

void add(std::vector<Holder>& holders, const Holder& holder) {
    if (holder.node != kNoNode && find_node(holders, holder.node) == nullptr) {
        holders.push_back(holder);
    }
}

}  // namespace

std::vector<Holder> holders_of(const TargetView& target,
                               std::span<const Takeover> takeovers,
                               std::span<const NodeRecord> nodes) {
    std::vector<Holder> holders;
    for (size_t slot = 0; slot < target.owners.size(); ++slot) {
        add(holders,
            {.node = target.owners[slot].node,
             .slot = static_cast<uint8_t>(slot),
             .holding = Holding::kOwner});
    }
    if (target.move != nullptr) {
        add(holders,
            {.node = target.move->to,
             .slot = target.move->slot,
             .holding = Holding::kIncoming,
             .since = target.move->epoch});
    }
    for (const Takeover& takeover : takeovers) {
        const auto owned = std::ranges::find(target.owners, takeover.node, &Owner::node);
        if (owned == target.owners.end()) {
            continue;
        }
        add(holders,
            {.node = takeover_owner(takeover, target, nodes),
             .slot = static_cast<uint8_t>(owned - target.owners.begin()),
             .holding = Holding::kStandIn});
    }
    return holders;
}

std::optional<Holder> exclusive_holder(std::span<const Holder> holders) {
    for (const Holding wanted : {Holding::kStandIn, Holding::kOwner}) {
        const auto found = std::ranges::find(holders, wanted, &Holder::holding);
        if (found != holders.end()) {
            return *found;
        }
    }
    return std::nullopt;
}

struct Holders::Parts {
    void count(model::TargetId target, const Holder& holder, bool added) {
        const uint64_t hash = holding_hash(target, holder.slot, holder.holding, holder.since);
        HoldingDigest& digest = digests[holder.node];
        digest.targets += added ? 1 : uint64_t{0} - 1;
        digest.hash += added ? hash : uint64_t{0} - hash;
    }

    absl::flat_hash_map<model::TargetId, HolderList> targets;
    std::map<NodeNumber, HoldingDigest> digests;
};

Holders::Holders() : parts_(std::make_unique<Parts>()) {}

Holders::~Holders() = default;

void Holders::update(model::TargetId target,
                     std::span<const Holder> now,
                     bool gone,
                     std::vector<HolderChange>& changes) {
    const auto found = parts_->targets.find(target);
    const HolderList before = found == parts_->targets.end() ? HolderList() : found->second;
    for (const Holder& old : before) {
        const Holder* const still = find_node(now, old.node);
        if (still != nullptr && *still == old) {
            continue;
        }
        parts_->count(target, old, false);
        if (still == nullptr) {
            changes.push_back({.node = old.node,
                               .target = target,
                               .released = true,
                               .reason = gone ? ReleaseReason::kGone : ReleaseReason::kMoved});
        }
    }
    for (const Holder& holder : now) {
        const Holder* const old = find_node(before, holder.node);
        if (old != nullptr && *old == holder) {
            continue;
        }
        parts_->count(target, holder, true);
        changes.push_back({.node = holder.node, .target = target, .holder = holder});
    }
    if (now.empty()) {
        parts_->targets.erase(target);
    } else {
        parts_->targets.insert_or_assign(target, HolderList(now.begin(), now.end()));
    }
}

void Holders::clear() {
    parts_->targets.clear();
    parts_->digests.clear();
}

HoldingDigest Holders::digest(NodeNumber node) const {
    const auto found = parts_->digests.find(node);
    return found == parts_->digests.end() ? HoldingDigest{} : found->second;
}

void Holders::for_each(NodeNumber node,
                       const std::function<void(model::TargetId, const Holder&)>& visit) const {
    for (const auto& [target, holders] : parts_->targets) {
        if (const Holder* const holder = find_node(holders, node)) {
            visit(target, *holder);
        }
    }
}

std::span<const Holder> Holders::find(model::TargetId target) const {
    const auto found = parts_->targets.find(target);
    return found == parts_->targets.end() ? std::span<const Holder>() : found->second;
}

size_t Holders::size() const {
    return parts_->targets.size();
}

}  // namespace shard
