#include "shard/planner/receivers.h"

#include <cmath>
#include <map>
#include <utility>

namespace shard {

namespace {

// Capacities of a group differ by less than 4.5 %.
constexpr double kGroupsPerDoubling = 16;

}  // namespace

Receivers::Receivers(const PlanState& state) : state_(state), places_(state.nodes().size()) {
    const auto nodes = state.nodes();
    willing_ = std::ranges::any_of(nodes, [](auto& node) { return node.use == NodeUse::kTakes; });
    std::map<std::pair<uint32_t, int>, uint32_t> numbers;  // zone and capacity to group
    for (uint32_t position = 0; position < nodes.size(); ++position) {
        const NodeState& node = nodes[position];
        if (willing_ ? node.use != NodeUse::kTakes : node.use == NodeUse::kGone) {
            continue;
        }
        const int size = static_cast<int>(std::log2(node.capacity) * kGroupsPerDoubling);
        const auto [found, is_new] =
            numbers.try_emplace({node.zone, size}, static_cast<uint32_t>(groups_.size()));
        if (is_new) {
            groups_.push_back({.zone = node.zone, .order = std::make_unique<ShareOrder>()});
        }
        Group& group = groups_[found->second];
        group.capacity_max = std::max(group.capacity_max, node.capacity);
        group.order->insert({node.share, position});
        group.first = group.order->first().share;
        places_[position] = {found->second, node.share};
    }
}

void Receivers::update(uint32_t node) {
    Place& place = places_[node];
    const double share = state_.node(node).share;
    if (place.group == UINT32_MAX || share == place.share) {
        return;
    }
    Group& group = groups_[place.group];
    group.order->erase({place.share, node});
    group.order->insert({share, node});
    group.first = group.order->first().share;
    place.share = share;
}

double Receivers::room(double share) const {
    double room = 0;
    for (const Group& group : groups_) {
        const NodeState& node = state_.node(group.order->first().node);
        room = std::max(room, share * group.capacity_max - static_cast<double>(node.load));
    }
    return room;
}

}  // namespace shard
