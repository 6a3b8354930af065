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
            groups_.push_back({node.zone, 0, {}});
        }
        Group& group = groups_[found->second];
        group.capacity_max = std::max(group.capacity_max, node.capacity);
        places_[position].group = found->second;
        group.heap.emplace_back();
        put(group, group.heap.size() - 1, {node.share, position});
        sift_up(group, group.heap.size() - 1);
    }
}

void Receivers::put(Group& group, size_t at, const Entry& entry) {
    group.heap[at] = entry;
    places_[entry.node].at = static_cast<uint32_t>(at);
}

void Receivers::sift_up(Group& group, size_t at) {
    const Entry entry = group.heap[at];
    while (at > 0) {
        const size_t parent = (at - 1) / 2;
        if (!(entry < group.heap[parent])) {
            break;
        }
        put(group, at, group.heap[parent]);
        at = parent;
    }
    put(group, at, entry);
}

void Receivers::sift_down(Group& group, size_t at) {
    const Entry entry = group.heap[at];
    while (2 * at + 1 < group.heap.size()) {
        size_t child = 2 * at + 1;
        if (child + 1 < group.heap.size() && group.heap[child + 1] < group.heap[child]) {
            ++child;
        }
        if (!(group.heap[child] < entry)) {
            break;
        }
        put(group, at, group.heap[child]);
        at = child;
    }
    put(group, at, entry);
}

void Receivers::update(uint32_t node) {
    const Place place = places_[node];
    if (place.group == UINT32_MAX) {
        return;
    }
    Group& group = groups_[place.group];
    group.heap[place.at].share = state_.node(node).share;
    sift_up(group, place.at);
    sift_down(group, places_[node].at);
}

double Receivers::room(double share) const {
    double room = 0;
    for (const Group& group : groups_) {
        const NodeState& node = state_.node(group.heap.front().node);
        room = std::max(room, share * group.capacity_max - static_cast<double>(node.load));
    }
    return room;
}

}  // namespace shard
