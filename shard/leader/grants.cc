#include "shard/leader/grants.h"

namespace shard {

NodeNumber Grants::want(model::TargetId target, NodeNumber wanted, base::SteadyTime now) {
    const auto given = given_.find(target);
    if (given != given_.end()) {
        if (given->second == wanted) {
            return wanted;
        }
        const uint64_t number = ++numbers_;
        awaited_[number] = {
            .target = target, .node = given->second, .number = number, .since = now};
        awaited_of_[target] = number;
        given_.erase(given);
    }
    if (wanted == kNoNode || awaited_of_.contains(target)) {
        return kNoNode;
    }
    given_.emplace(target, wanted);
    return wanted;
}

std::optional<model::TargetId> Grants::released(NodeNumber node, uint64_t number) {
    const auto found = awaited_.find(number);
    if (found == awaited_.end() || found->second.node != node) {
        return std::nullopt;
    }
    const model::TargetId target = found->second.target;
    awaited_.erase(found);
    awaited_of_.erase(target);
    return target;
}

uint64_t Grants::awaited(model::TargetId target, NodeNumber node) const {
    const auto found = awaited_of_.find(target);
    return found == awaited_of_.end() || awaited_.at(found->second).node != node ? 0
                                                                                 : found->second;
}

std::vector<Grants::Awaited> Grants::awaited() const {
    std::vector<Awaited> all;
    all.reserve(awaited_.size());
    for (const auto& [number, one] : awaited_) {
        all.push_back(one);
    }
    return all;
}

void Grants::for_each_given(const std::function<void(model::TargetId)>& visit) const {
    for (const auto& [target, node] : given_) {
        visit(target);
    }
}

void Grants::forget(model::TargetId target) {
    given_.erase(target);
    if (const auto found = awaited_of_.find(target); found != awaited_of_.end()) {
        awaited_.erase(found->second);
        awaited_of_.erase(found);
    }
}

void Grants::clear() {
    given_.clear();
    awaited_.clear();
    awaited_of_.clear();
}

}  // namespace shard
