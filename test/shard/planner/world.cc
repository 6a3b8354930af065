#include "test/shard/planner/world.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <sstream>

namespace shard::testing {

uint32_t World::add_node(uint64_t capacity, uint32_t zone) {
    PlanNode node;
    node.number = static_cast<NodeNumber>(nodes.size() + 1);
    node.capacity = capacity;
    node.zone = zone;
    nodes.push_back(node);
    return static_cast<uint32_t>(nodes.size() - 1);
}

uint32_t World::add_target(uint64_t series, std::vector<uint32_t> of, uint32_t job) {
    PlanTarget target;
    target.id = 1000 + 10 * targets.size();
    target.job = job;
    target.first_owner = static_cast<uint32_t>(owners.size());
    target.slots = static_cast<uint8_t>(of.size());
    target.series = series;
    owners.insert(owners.end(), of.begin(), of.end());
    targets.push_back(target);
    return static_cast<uint32_t>(targets.size() - 1);
}

PlanInput World::input() const {
    PlanInput input;
    input.nodes = nodes;
    input.targets = targets;
    input.owners = owners;
    input.unable = unable;
    input.previous = previous;
    input.foreign_jobs = foreign_jobs;
    input.now_s = now_s;
    input.options = options;
    return input;
}

void World::apply(const Plan& plan) {
    for (const PlannedMove& move : plan.moves) {
        PlanTarget& target = targets[move.target];
        owners[target.first_owner + move.slot] = move.to;
        target.moved_s = now_s;
    }
}

void World::finish_moves() {
    for (PlanNode& node : nodes) {
        node.moves_in = 0;
    }
    for (PlanTarget& target : targets) {
        if (target.moving_slot != PlanTarget::kNotMoving) {
            owners[target.first_owner + target.moving_slot] = target.moving_to;
            target.moving_slot = PlanTarget::kNotMoving;
        }
    }
}

size_t World::settle(int plans_max) {
    size_t moves = 0;
    for (int i = 0; i < plans_max; ++i) {
        const Plan next = plan();
        if (next.moves.empty()) {
            break;
        }
        moves += next.moves.size();
        apply(next);
        now_s += 60;
    }
    return moves;
}

uint64_t World::load(uint32_t node) const {
    uint64_t load = nodes[node].other_series;
    for (const PlanTarget& target : targets) {
        for (uint32_t slot = 0; slot < target.slots; ++slot) {
            const bool there = slot == target.moving_slot
                                   ? target.moving_to == node
                                   : owners[target.first_owner + slot] == node;
            load += there ? target.series : 0;
        }
    }
    return load;
}

double World::share(uint32_t node) const {
    return static_cast<double>(load(node)) / static_cast<double>(nodes[node].capacity);
}

size_t World::slots_of(uint32_t node) const {
    return static_cast<size_t>(std::ranges::count(owners, node));
}

std::vector<size_t> World::slots() const {
    std::vector<size_t> slots;
    for (uint32_t node = 0; node < nodes.size(); ++node) {
        slots.push_back(slots_of(node));
    }
    return slots;
}

double World::potential() const {
    double sum = 0;
    for (uint32_t node = 0; node < nodes.size(); ++node) {
        if (nodes[node].use != NodeUse::kGone) {
            sum += share(node) * static_cast<double>(load(node));
        }
    }
    return sum;
}

uint64_t heavy_tailed_series(base::Random& random) {
    if (random.below(200) == 0) {
        return 20'000 + random.below(60'000);
    }
    const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
    const double normal = radius * std::cos(2 * std::numbers::pi * random.unit());
    const double median = random.below(20) == 0 ? 8000 : 600;
    return static_cast<uint64_t>(median * std::exp(normal));
}

std::string text_of(const Plan& plan) {
    std::ostringstream text;
    for (const PlannedMove& move : plan.moves) {
        text << name(move.reason) << ": target " << move.target << " slot " << int{move.slot}
             << " from " << move.from << " (" << move.from_before << " > " << move.from_after
             << ") to " << move.to << " (" << move.to_before << " > " << move.to_after << ")\n";
    }
    return text.str();
}

std::string fault_of(const World& world, const Plan& plan) {
    std::ostringstream fault;
    std::set<std::pair<uint32_t, uint32_t>> moved_slots;
    std::map<uint32_t, int> moves;
    World after = world;
    for (const PlannedMove& move : plan.moves) {
        const PlanTarget& target = world.targets[move.target];
        const auto at = [&] {
            fault << name(move.reason) << " of target " << move.target << " slot " << int{move.slot}
                  << " from " << move.from << " to " << move.to << ": ";
            return &fault;
        };
        if (move.to >= world.nodes.size() || world.nodes[move.to].use == NodeUse::kGone) {
            *at() << "the new owner is no node. ";
            continue;
        }
        const uint32_t from = world.owners[target.first_owner + move.slot];
        if (move.from != from || move.from == move.to) {
            *at() << "its owner is " << from << ". ";
        }
        const bool lost = from == kNoOwner || world.nodes[from].use == NodeUse::kGone;
        if (lost != (move.reason == MoveReason::kOrphan)) {
            *at() << "orphans and only they are placed. ";
        }
        if (!lost) {
            ++moves[move.target];
            if (target.moving_slot != PlanTarget::kNotMoving) {
                *at() << "it moves already. ";
            }
        }
        const bool takes = world.nodes[move.to].use == NodeUse::kTakes;
        if (!takes && std::ranges::any_of(world.nodes,
                                          [](auto& node) { return node.use == NodeUse::kTakes; })) {
            *at() << "the new owner takes none. ";
        }
        if (!moved_slots.insert({move.target, move.slot}).second) {
            *at() << "twice. ";
        }
        after.owners[target.first_owner + move.slot] = move.to;
        for (uint32_t other = 0; other < target.slots; ++other) {
            const uint32_t its = other == target.moving_slot
                                     ? target.moving_to
                                     : after.owners[target.first_owner + other];
            if (other != move.slot && its == move.to) {
                *at() << "another slot is there. ";
            }
        }
    }
    for (const auto& [target, count] : moves) {
        if (count > 1) {
            fault << "target " << target << " moves " << count << " times. ";
        }
    }
    return fault.str();
}

}  // namespace shard::testing
