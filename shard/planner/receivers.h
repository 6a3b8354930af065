// The nodes that may take a slot, emptiest first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "shard/planner/share_order.h"
#include "shard/planner/state.h"

namespace shard {

// Nodes lie in groups of one zone and nearly one capacity, each in order of share: within a group
// the emptiest is also the one that stays emptiest, whatever it gets.
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
            if ((group.zone != 0 && without.has(group.zone)) || group.first > best.share_after) {
                continue;
            }
            if (group.first + series / group.capacity_max > best.share_after) {
                continue;
            }
            ascend(group, [&](const NodeShare& entry) {
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
            if ((group.zone != 0 && without.has(group.zone)) ||
                group.first + series / group.capacity_max > kRounded * found.share_after) {
                continue;
            }
            ascend(group, [&](const NodeShare& entry) {
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
            group.order->ascend(std::min<size_t>(most, kLooksMax), [&](const NodeShare& entry) {
                visit(entry.node);
                return true;
            });
        }
    }

    // The series that the emptiest node of a group can get up to `share`, over the groups.
    [[nodiscard]] double room(double share) const;

  private:
    static constexpr size_t kLooksMax = 64;
    static constexpr size_t kTiesMax = 8;

    // A little more than what rounding can do to a share.
    static constexpr double kRounded = 1 + 1e-9;

    // What decides whether it is looked into at all lies together.
    struct Group {
        double first = 0;  // its least share
        double capacity_max = 0;
        uint32_t zone = 0;
        std::unique_ptr<ShareOrder> order;
    };

    struct Place {
        uint32_t group = UINT32_MAX;
        double share = 0;  // that it is in the group's order with
    };

    // Whether another node of the group is as full. Not asked of any but the first: those behind it
    // are found by ties().
    [[nodiscard]] static bool is_tied(const Group& group, const NodeShare& entry) {
        return entry.node != group.order->first().node || group.order->starts_tied();
    }

    // Calls visit(entry) in ascending order until it says no.
    template <class Visit>
    void ascend(const Group& group, const Visit& visit) const {
        group.order->ascend(kLooksMax, visit);
    }

    const PlanState& state_;
    std::vector<Group> groups_;
    std::vector<Place> places_;  // by node
    bool willing_ = false;
};

}  // namespace shard
