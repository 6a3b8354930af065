// The nodes that may take a slot, emptiest first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "shard/planner/state.h"

namespace shard {

// Nodes lie in groups of one zone and nearly one capacity, each a heap by share: within a group the
// emptiest is also the one that stays emptiest, whatever it gets.
class Receivers {
  public:
    // Those that take; none does: all that are not gone (a target is never left out).
    explicit Receivers(const PlanState& state);

    // After a change of the node's share. Nothing for a node that is none of them.
    void update(uint32_t node);

    // Whether they are those that take.
    [[nodiscard]] bool willing() const { return willing_; }

    struct Found {
        uint32_t node = kNoOwner;
        double share_after = std::numeric_limits<double>::infinity();
        bool tied = false;  // perhaps, with another node of its group
    };

    // The node that `may(node)` allows and that is emptiest with `series` more; the earlier of
    // equal ones. It is not sought beyond kLooksMax nodes of a group, nor in zones of `without`.
    template <class May>
    [[nodiscard]] Found find(double series, const PlanState::Zones& without, const May& may) const {
        Found best;
        for (const Group& group : groups_) {
            if (group.zone != 0 && without.has(group.zone)) {
                continue;
            }
            ascend(group, [&](const Entry& entry) {
                if (entry.share + series / group.capacity_max > best.share_after) {
                    return false;
                }
                if (!may(entry.node)) {
                    return true;
                }
                const double after = state_.node(entry.node).share_with(series);
                if (after < best.share_after ||
                    (after == best.share_after && entry.node < best.node)) {
                    best = {entry.node, after, is_tied(group, entry)};
                }
                return false;
            });
        }
        return best;
    }

    // Nodes that are exactly as full as `found` would be, itself included; at most kTiesMax.
    template <class May>
    void ties(double series,
              const PlanState::Zones& without,
              const May& may,
              const Found& found,
              std::vector<uint32_t>& tied) const {
        tied.clear();
        for (const Group& group : groups_) {
            if (group.zone != 0 && without.has(group.zone)) {
                continue;
            }
            ascend(group, [&](const Entry& entry) {
                const double after = state_.node(entry.node).share_with(series);
                if (after > found.share_after || tied.size() >= kTiesMax) {
                    return false;
                }
                if (after == found.share_after && may(entry.node)) {
                    tied.push_back(entry.node);
                }
                return true;
            });
        }
    }

    // Calls visit(node) for the emptiest nodes of every group, at most `most` of each.
    template <class Visit>
    void lowest(size_t most, const Visit& visit) const {
        for (const Group& group : groups_) {
            size_t seen = 0;
            ascend(group, [&](const Entry& entry) {
                visit(entry.node);
                return ++seen < most;
            });
        }
    }

    // The series that the emptiest node of a group can get up to `share`, over the groups.
    [[nodiscard]] double room(double share) const;

  private:
    static constexpr uint32_t kLooksMax = 64;
    static constexpr size_t kTiesMax = 8;

    struct Entry {
        double share = 0;
        uint32_t node = 0;

        bool operator<(const Entry& other) const {
            return share < other.share || (share == other.share && node < other.node);
        }
    };

    struct Group {
        uint32_t zone = 0;
        double capacity_max = 0;
        std::vector<Entry> heap;
    };

    struct Place {
        uint32_t group = UINT32_MAX;
        uint32_t at = 0;
    };

    // Whether another node of the group is as full. Not asked of any but the first: those behind it
    // are found by ties().
    [[nodiscard]] static bool is_tied(const Group& group, const Entry& entry) {
        const auto same = [&](size_t at) {
            return at < group.heap.size() && group.heap[at].share == entry.share;
        };
        return entry.node != group.heap[0].node || same(1) || same(2);
    }

    void put(Group& group, size_t at, const Entry& entry);
    void sift_up(Group& group, size_t at);
    void sift_down(Group& group, size_t at);

    // Calls visit(entry) in ascending order until it says no.
    template <class Visit>
    void ascend(const Group& group, const Visit& visit) const {
        if (group.heap.empty() || !visit(group.heap[0])) {
            return;
        }
        // The children of what was seen, as a heap with the least in front.
        std::array<uint32_t, kLooksMax + 2> front;
        size_t waiting = 0;
        const auto later = [&](uint32_t a, uint32_t b) { return group.heap[b] < group.heap[a]; };
        const auto add = [&](size_t at) {
            if (at < group.heap.size()) {
                front[waiting++] = static_cast<uint32_t>(at);
                std::push_heap(front.begin(), front.begin() + waiting, later);
            }
        };
        add(1);
        add(2);
        for (uint32_t looks = 1; looks < kLooksMax && waiting > 0; ++looks) {
            const uint32_t at = front[0];
            if (!visit(group.heap[at])) {
                return;
            }
            std::pop_heap(front.begin(), front.begin() + waiting, later);
            --waiting;
            add(2 * size_t{at} + 1);
            add(2 * size_t{at} + 2);
        }
    }

    const PlanState& state_;
    std::vector<Group> groups_;
    std::vector<Place> places_;  // by node
    bool willing_ = false;
};

}  // namespace shard
