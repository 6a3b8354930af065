#include "shard/leader/handoffs.h"

#include <algorithm>

namespace shard {

std::string_view name(HandoffEnd end) {
    switch (end) {
        case HandoffEnd::kDone:
            return "done";
        case HandoffEnd::kDown:
            return "down for both";
        case HandoffEnd::kOwnerGone:
            return "old owner silent";
        case HandoffEnd::kUnable:
            return "new owner unable";
        case HandoffEnd::kTakerGone:
            return "new owner silent";
        case HandoffEnd::kTimedOut:
            return "timed out";
        case HandoffEnd::kAlone:
            return "exclusive, not tried";
    }
    return "unknown";
}

bool finishes(HandoffEnd end) {
    return end == HandoffEnd::kDone || end == HandoffEnd::kDown || end == HandoffEnd::kOwnerGone ||
           end == HandoffEnd::kAlone;
}

bool marks(HandoffEnd end) {
    return end == HandoffEnd::kUnable || end == HandoffEnd::kTimedOut;
}

void Handoffs::heard(NodeNumber node, const Incoming& incoming) {
    heard_.insert_or_assign(incoming.id, Heard{.node = node, .incoming = incoming});
}

void Handoffs::forget(NodeNumber node) {
    std::erase_if(heard_, [node](const auto& one) { return one.second.node == node; });
}

std::vector<HandoffDecision> Handoffs::decide(const Table& table,
                                              const HandoffView& view,
                                              uint32_t now_s) {
    std::erase_if(heard_, [&](const auto& one) {
        const auto target = table.target(one.first);
        return !target || target->move == nullptr || target->move->to != one.second.node ||
               target->move->epoch != one.second.incoming.since;
    });
    std::vector<HandoffDecision> decisions;
    table.for_each_move([&](const TargetView& target) {
        const auto found = heard_.find(target.id);
        const Incoming* const incoming = found == heard_.end() ? nullptr : &found->second.incoming;
        if (const auto end = judge(target, incoming, view, now_s)) {
            HandoffDecision decision{.target = target.id, .move = *target.move, .end = *end};
            if (incoming != nullptr) {
                decision.cut_ms = incoming->last_ms;
            }
            if (incoming != nullptr && incoming->good > 0) {
                decision.first_ms =
                    incoming->last_ms - view.interval(target.id).count() * (incoming->good - 1);
            }
            decisions.push_back(decision);
        }
    });
    return decisions;
}

// The new owner first: when both are silent, nobody gains by the move.
std::optional<HandoffEnd> Handoffs::judge(const TargetView& target,
                                          const Incoming* incoming,
                                          const HandoffView& view,
                                          uint32_t now_s) const {
    const Move& move = *target.move;
    if (view.silent(move.to)) {
        return HandoffEnd::kTakerGone;
    }
    if (view.exclusive(target)) {
        return HandoffEnd::kAlone;
    }
    if (incoming != nullptr && incoming->good >= options_.good_scrapes) {
        return HandoffEnd::kDone;
    }
    if (view.silent(move.from)) {
        return HandoffEnd::kOwnerGone;
    }
    if (incoming != nullptr && incoming->failed >= options_.failed_scrapes) {
        const std::optional<bool> up = view.up(target.id, move.from);
        if (up.has_value()) {
            return *up ? HandoffEnd::kUnable : HandoffEnd::kDown;
        }
    }
    const auto patience = std::max<std::chrono::milliseconds>(
        view.interval(target.id) * options_.intervals_max, options_.time_min);
    const std::chrono::seconds waited(now_s - std::min(now_s, move.begun_s));
    if (waited > patience) {
        return HandoffEnd::kTimedOut;
    }
    return std::nullopt;
}

}  // namespace shard
