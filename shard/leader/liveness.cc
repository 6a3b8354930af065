#include "shard/leader/liveness.h"

#include <algorithm>

namespace shard {

using base::SteadyTime;

namespace {

constexpr uint32_t kDoublingsMax = 10;

bool is_silent(NodeLife life) {
    return life == NodeLife::kSuspect || life == NodeLife::kDead;
}

}  // namespace

std::string_view name(NodeLife life) {
    switch (life) {
        case NodeLife::kAwaited:
            return "awaited";
        case NodeLife::kLive:
            return "live";
        case NodeLife::kStarting:
            return "starting";
        case NodeLife::kSuspect:
            return "suspect";
        case NodeLife::kReturning:
            return "returning";
        case NodeLife::kDead:
            return "dead";
    }
    return "unknown";
}

void Liveness::begin(std::vector<NodeNumber> nodes, NodeNumber former, SteadyTime now) {
    nodes_.clear();
    suspected_.clear();
    frozen_until_ = {};
    look_at_ = {};
    for (const NodeNumber node : nodes) {
        add(node, now);
        if (node == former) {
            nodes_[node].due = now + options_.reconnect;
        }
    }
}

void Liveness::add(NodeNumber node, SteadyTime now) {
    const auto [at, added] =
        nodes_.try_emplace(node, Node{.silent_since = now, .due = now + options_.new_leader});
    look_at_ = added ? SteadyTime{} : look_at_;
}

void Liveness::remove(NodeNumber node) {
    nodes_.erase(node);
}

void Liveness::maintenance(NodeNumber node, SteadyTime until) {
    if (const auto found = nodes_.find(node); found != nodes_.end()) {
        found->second.maintenance = until;
        look_at_ = {};
    }
}

void Liveness::heard(NodeNumber number, bool starting, bool stopping, SteadyTime now) {
    add(number, now);
    Node& node = nodes_[number];
    const bool new_here = node.life == NodeLife::kAwaited;
    if (is_silent(node.life) || now >= node.due) {
        node.healthy_since = now;
    } else if (new_here && node.healthy_since == SteadyTime{}) {
        node.healthy_since = now;
    }
    if (starting) {
        node.healthy_since = now;
    }
    node.heard = node.silent_since = now;
    node.due = now + options_.failure_timeout;
    node.starting = starting;
    node.stopping = stopping;
    if (node.life != NodeLife::kLive || starting || stopping) {
        look_at_ = {};
    }
}

void Liveness::disconnected(NodeNumber number, SteadyTime now) {
    const auto found = nodes_.find(number);
    if (found != nodes_.end()) {
        found->second.due = std::min(found->second.due, now + options_.reconnect);
        look_at_ = {};
    }
}

base::Duration Liveness::healthy_needed(const Node& node) const {
    const uint32_t doublings = std::min(node.repeats > 0 ? node.repeats - 1 : 0, kDoublingsMax);
    return std::min<base::Duration>(options_.healthy * (int64_t{1} << doublings),
                                    options_.healthy_max);
}

NodeLife Liveness::judge(Node& node, SteadyTime now) {
    if (now >= node.due || node.stopping) {
        const bool dead = now >= node.silent_since + options_.dead_after && now >= node.maintenance;
        return dead ? NodeLife::kDead : NodeLife::kSuspect;
    }
    if (node.heard == SteadyTime{}) {
        return NodeLife::kAwaited;
    }
    if (node.starting) {
        return NodeLife::kStarting;
    }
    // One that joins, or comes to a new leader, was never away, however long its start took.
    const bool was_away = node.proven && node.life != NodeLife::kLive;
    if (was_away && now < node.healthy_since + healthy_needed(node)) {
        return NodeLife::kReturning;
    }
    if (now >= node.healthy_since + options_.steady) {
        node.repeats = 0;
    }
    return NodeLife::kLive;
}

// Counts those who fell silent together.
void Liveness::note_suspect(SteadyTime now) {
    suspected_.push_back(now);
    while (suspected_.front() + options_.mass_window < now) {
        suspected_.pop_front();
    }
    const double many = std::max(static_cast<double>(options_.mass_min),
                                 options_.mass_part * static_cast<double>(nodes_.size()));
    if (static_cast<double>(suspected_.size()) > many) {
        frozen_until_ = now + options_.mass_freeze;
    }
}

std::vector<LifeChange> Liveness::poll(SteadyTime now) {
    std::vector<LifeChange> changes;
    if (now < look_at_) {
        return changes;
    }
    for (auto& [number, node] : nodes_) {
        const NodeLife life = judge(node, now);
        if (life == node.life) {
            continue;
        }
        if (is_silent(life) && !is_silent(node.life)) {
            ++node.repeats;
            node.healthy_since = {};
            note_suspect(now);
        }
        changes.push_back({.node = number, .from = node.life, .to = life});
        node.life = life;
        node.proven = node.proven || life == NodeLife::kLive || is_silent(life);
    }
    look_at_ = next();
    return changes;
}

SteadyTime Liveness::next() const {
    SteadyTime next = SteadyTime::max();
    for (const auto& [number, node] : nodes_) {
        switch (node.life) {
            case NodeLife::kAwaited:
            case NodeLife::kLive:
            case NodeLife::kStarting:
                next = std::min(next, node.due);
                break;
            case NodeLife::kReturning:
                next = std::min({next, node.due, node.healthy_since + healthy_needed(node)});
                break;
            case NodeLife::kSuspect:
                next = std::min(
                    next, std::max(node.silent_since + options_.dead_after, node.maintenance));
                break;
            case NodeLife::kDead:
                break;
        }
    }
    return next;
}

NodeLife Liveness::life(NodeNumber node) const {
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? NodeLife::kDead : found->second.life;
}

bool Liveness::taken_over(NodeNumber node) const {
    const NodeLife now = life(node);
    return now != NodeLife::kLive && now != NodeLife::kAwaited;
}

SteadyTime Liveness::silent_since(NodeNumber node) const {
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? SteadyTime{} : found->second.silent_since;
}

std::vector<NodeNumber> Liveness::live() const {
    std::vector<NodeNumber> nodes;
    for (const auto& [number, node] : nodes_) {
        if (node.life == NodeLife::kLive) {
            nodes.push_back(number);
        }
    }
    return nodes;
}

}  // namespace shard
