#include "shard/planner/state.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace shard {

namespace {

// By target.
std::span<const PlanMark> marks_of(std::span<const PlanMark> marks, model::TargetId target) {
    if (marks.empty()) {
        return {};
    }
    const auto [first, last] = std::ranges::equal_range(marks, target, {}, &PlanMark::target);
    return {first, last};
}

bool marked(std::span<const PlanMark> marks, uint32_t node) {
    return std::ranges::any_of(marks, [node](const PlanMark& mark) { return mark.node == node; });
}

}  // namespace

PlanState::PlanState(const PlanInput& input) : input_(input) {
    read_nodes();
    read_targets();
    read_unable();

    // What a node that fell silent keeps must not make the others look full, or nearly empty, and
    // be moved about for it. A full plan makes the best of those that are there.
    double capacity = 0;
    uint64_t load = 0;
    loads_before_.reserve(nodes_.size());
    for (NodeState& node : nodes_) {
        node.share = node.share_with(0);
        loads_before_.push_back(node.load);
        if (node.balances() || (node.use == NodeUse::kKeeps && !options().full)) {
            capacity += node.capacity;
            load += node.load;
        }
    }
    for (const Orphan& orphan : orphans_) {
        load += orphan.slot.series;
    }
    for (const SlotRef& slot : drains_) {
        load += slot.series;
    }
    mean_share_ = capacity > 0 ? static_cast<double>(load) / capacity : 0;
}

void PlanState::read_nodes() {
    nodes_.reserve(input_.nodes.size());
    for (const PlanNode& node : input_.nodes) {
        NodeState state;
        state.use = node.use;
        state.number = node.number;
        state.zone = node.zone;
        state.load = node.use == NodeUse::kGone ? 0 : node.other_series;
        state.ghosts = node.ghost_series;
        state.capacity = static_cast<double>(std::max<uint64_t>(node.capacity, 1));
        nodes_.push_back(state);
    }
    zones_ = count_zones();
}

uint32_t PlanState::count_zones() const {
    std::vector<uint32_t> zones;
    uint32_t without = 0;
    for (const NodeState& node : nodes_) {
        if (node.use == NodeUse::kTakes && node.zone == 0) {
            ++without;
        } else if (node.use == NodeUse::kTakes) {
            zones.push_back(node.zone);
        }
    }
    std::ranges::sort(zones);
    return without + static_cast<uint32_t>(std::ranges::unique(zones).begin() - zones.begin());
}

void PlanState::read_targets() {
    owners_.assign(input_.owners.begin(), input_.owners.end());
    for (uint32_t position = 0; position < input_.targets.size(); ++position) {
        const PlanTarget& target = input_.targets[position];
        SKEIN_CHECK(target.slots <= kReplicasMax &&
                        uint64_t{target.first_owner} + target.slots <= owners_.size(),
                    "a target's slots are among the owners",
                    target.id);
        read_slots(position, target);
        slots_ += target.slots;
        series_ += target.series * target.slots;
        sizes_.add(target.series, target.slots);
        if (target.slots > 1) [[unlikely]] {
            slots_max_ = std::max<uint32_t>(slots_max_, target.slots);
            if (is_crowded(target)) {
                crowded_.push_back(position);
            }
        }
    }
    slots_max_ = std::max<uint32_t>(slots_max_, slots_ > 0 ? 1 : 0);
}

inline void PlanState::count(uint32_t node, uint64_t series) {
    nodes_[node].load += series;
    ++nodes_[node].slots;
}

inline void PlanState::read_slots(uint32_t position, const PlanTarget& target) {
    for (uint8_t slot = 0; slot < target.slots; ++slot) {
        uint32_t& owner = owners_[target.first_owner + slot];
        const bool moves = slot == target.moving_slot;
        if (moves && nodes_[target.moving_to].use != NodeUse::kGone) {
            owner = target.moving_to;
        }
        if (owner == kNoOwner || nodes_[owner].use == NodeUse::kGone) [[unlikely]] {
            owner = kNoOwner;
            if (moves) {
                ++stuck_;
            } else {
                orphans_.push_back({.slot = {target.series, position, slot, target.slots == 1},
                                    .job = target.job,
                                    .at = target.first_owner + slot,
                                    .id = target.id});
            }
            continue;
        }
        count(owner, target.series);
        if (nodes_[owner].use == NodeUse::kEmpties) [[unlikely]] {
            drains_.push_back({target.series, position, slot, target.slots == 1});
        }
    }
}

bool PlanState::is_crowded(const PlanTarget& target) const {
    const auto owners = std::span(owners_).subspan(target.first_owner, target.slots);
    uint32_t placed = 0;
    uint32_t zones = 0;
    for (size_t a = 0; a < owners.size(); ++a) {
        if (owners[a] == kNoOwner) {
            continue;
        }
        bool new_zone = true;
        for (size_t b = 0; b < a; ++b) {
            if (owners[a] == owners[b]) {
                return true;
            }
            const uint32_t zone = nodes_[owners[a]].zone;
            new_zone =
                new_zone && (zone == 0 || owners[b] == kNoOwner || zone != nodes_[owners[b]].zone);
        }
        ++placed;
        zones += new_zone ? 1 : 0;
    }
    return zones < std::min(placed, zones_);
}

void PlanState::read_unable() {
    for (const PlanMark& mark : input_.unable) {
        const auto found =
            std::ranges::lower_bound(input_.targets, mark.target, {}, &PlanTarget::id);
        if (found == input_.targets.end() || found->id != mark.target) {
            continue;
        }
        const auto position = static_cast<uint32_t>(found - input_.targets.begin());
        for (uint8_t slot = 0; slot < found->slots; ++slot) {
            if (owner(position, slot) == mark.node) {
                unable_.push_back({found->series, position, slot, found->slots == 1});
            }
        }
    }
}

double PlanState::highest_share() const {
    double highest = 0;
    for (const NodeState& node : nodes_) {
        highest = node.balances() ? std::max(highest, node.share) : highest;
    }
    return highest;
}

bool PlanState::holds_other(uint32_t target, uint8_t slot, uint32_t node) const {
    for (uint8_t other = 0; other < this->target(target).slots; ++other) {
        if (other != slot && owner(target, other) == node) {
            return true;
        }
    }
    return false;
}

bool PlanState::Zones::has(uint32_t wanted) const {
    return std::find(zone.begin(), zone.begin() + count, wanted) != zone.begin() + count;
}

void PlanState::zones_of_others(uint32_t target, uint8_t slot, Zones& zones) const {
    zones.count = 0;
    for (uint8_t other = 0; other < this->target(target).slots; ++other) {
        const uint32_t node = owner(target, other);
        if (other != slot && node != kNoOwner && nodes_[node].zone != 0) {
            zones.zone[zones.count++] = nodes_[node].zone;
        }
    }
}

bool PlanState::refused(uint32_t target, uint32_t node) const {
    if (input_.unable.empty() && input_.foreign_jobs.empty()) {
        return false;
    }
    const PlanTarget& its = this->target(target);
    const PlanJobMark job{its.job, node};
    return marked(marks_of(input_.unable, its.id), node) ||
           std::ranges::binary_search(
               input_.foreign_jobs, job, [](const PlanJobMark& a, const PlanJobMark& b) {
                   return std::tie(a.job, a.node) < std::tie(b.job, b.node);
               });
}

std::span<const PlanMark> PlanState::previous(uint32_t target) const {
    return input_.previous.empty() ? std::span<const PlanMark>()
                                   : marks_of(input_.previous, this->target(target).id);
}

const PlanState::Planned* PlanState::planned(uint32_t target, uint8_t slot) const {
    if (first_move_.empty() || first_move_[target] == 0) {
        return nullptr;
    }
    // The orphans of one target are planned one after another.
    for (size_t i = first_move_[target] - 1; i < moves_.size() && moves_[i].move.target == target;
         ++i) {
        if (moves_[i].move.slot == slot) {
            return &moves_[i];
        }
    }
    return nullptr;
}

PlanState::Planned* PlanState::planned(uint32_t target, uint8_t slot) {
    return const_cast<Planned*>(std::as_const(*this).planned(target, slot));
}

bool PlanState::taken(uint32_t target) const {
    return this->target(target).moving_slot != PlanTarget::kNotMoving ||
           (!first_move_.empty() && first_move_[target] != 0);
}

bool PlanState::may_move(uint32_t target, uint8_t slot) const {
    const PlanTarget& its = this->target(target);
    if (its.moving_slot != PlanTarget::kNotMoving) {
        return false;
    }
    if (!first_move_.empty() && first_move_[target] != 0) {
        const Planned* before = planned(target, slot);
        return before != nullptr && before->round < round_;
    }
    return options().full || its.moved_s == 0 ||
           uint64_t{its.moved_s} + options().settle_s <= input_.now_s;
}

void PlanState::move(const SlotRef& slot, uint32_t to, MoveReason reason) {
    uint32_t& owner = owners_[target(slot.target).first_owner + slot.slot];
    SKEIN_CHECK(owner != to && nodes_[to].use != NodeUse::kGone, "a move goes to another node");
    if (owner != kNoOwner) {
        NodeState& from = nodes_[owner];
        from.load -= slot.series;
        --from.slots;
        from.share = from.share_with(0);
    }
    const uint32_t from = owner;
    owner = to;
    settle_at(to, slot.series);

    if (Planned* before = planned(slot.target, slot.slot); before != nullptr) {
        before->move.to = to;
        before->round = round_;
        before->undone = before->move.from == to;
        if (before->move.reason != MoveReason::kOrphan) {
            before->move.reason = reason;
        }
        return;
    }
    plan(slot,
         from == kNoOwner ? input_.owners[target(slot.target).first_owner + slot.slot] : from,
         to,
         reason);
}

void PlanState::place(const Orphan& orphan, uint32_t to) {
    SKEIN_CHECK(owners_[orphan.at] == kNoOwner && nodes_[to].use != NodeUse::kGone,
                "an orphan has no owner and gets one");
    owners_[orphan.at] = to;
    settle_at(to, orphan.slot.series);
    plan(orphan.slot, input_.owners[orphan.at], to, MoveReason::kOrphan);
}

inline void PlanState::settle_at(uint32_t node, uint64_t series) {
    count(node, series);
    nodes_[node].share = nodes_[node].share_with(0);
}

inline void PlanState::plan(const SlotRef& slot, uint32_t from, uint32_t to, MoveReason reason) {
    if (first_move_.empty()) {
        first_move_.resize(input_.targets.size());
    }
    if (first_move_[slot.target] == 0) {
        first_move_[slot.target] = static_cast<uint32_t>(moves_.size() + 1);
    }
    Planned planned;
    planned.move.target = slot.target;
    planned.move.slot = slot.slot;
    planned.move.from = from;
    planned.move.to = to;
    planned.move.reason = reason;
    planned.series = slot.series;
    planned.round = round_;
    took_over_ = took_over_ || (reason == MoveReason::kOrphan && planned.move.from != kNoOwner);
    moves_.push_back(planned);
}

std::vector<PlannedMove> PlanState::take_moves() {
    std::vector<PlannedMove> moves;
    moves.reserve(moves_.size());
    std::vector<uint64_t> loads = loads_before_;
    const auto share = [&](uint32_t node) {
        return static_cast<float>(static_cast<double>(loads[node]) / nodes_[node].capacity);
    };
    for (const Planned& planned : moves_) {
        if (planned.undone) {
            continue;
        }
        PlannedMove& move = moves.emplace_back(planned.move);
        const uint64_t series = planned.series;
        if (move.reason != MoveReason::kOrphan) {
            move.from_before = share(move.from);
            loads[move.from] -= series;
            move.from_after = share(move.from);
        }
        move.to_before = share(move.to);
        loads[move.to] += series;
        move.to_after = share(move.to);
    }
    return moves;
}

}  // namespace shard
