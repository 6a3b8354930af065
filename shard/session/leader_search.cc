#include "shard/session/leader_search.h"

#include <algorithm>
#include <utility>

#include "shard/session/worker.h"

namespace shard {

namespace {

constexpr uint32_t kDoublingsMax = 10;

}  // namespace

std::string LeaderSearch::next() {
    if (!preferred_.empty()) {
        return std::exchange(preferred_, {});
    }
    if (round_.empty()) {
        begin_round();
    }
    if (round_.empty()) {
        return {};
    }
    std::string next = std::move(round_.front());
    round_.pop_front();
    return next;
}

void LeaderSearch::begin_round() {
    const auto add = [this](const std::string& one) {
        if (!one.empty() && one != own_ && std::ranges::find(round_, one) == round_.end()) {
            round_.push_back(one);
        }
    };
    for (const KnownNode& node : nodes_) {
        if (node.voter) {
            add(node.address);
        }
    }
    std::ranges::for_each(options_.join, add);
    if (std::ranges::find(options_.join, own_) != options_.join.end() ||
        std::ranges::find(nodes_, own_, &KnownNode::address) != nodes_.end()) {
        round_.push_back(own_);
    }
    if (!nodes_.empty()) {
        add(nodes_[rounds_++ % nodes_.size()].address);
    }
}

std::chrono::milliseconds LeaderSearch::failed() {
    std::chrono::milliseconds most = options_.retry_next;
    if (round_.empty()) {
        const uint32_t doublings = std::min(failed_rounds_++, kDoublingsMax);
        const auto crowd = options_.retry_of_node * static_cast<int64_t>(nodes_.size());
        most = std::min(options_.retry * (int64_t{1} << doublings),
                        std::min(std::max(crowd, options_.retry_least), options_.retry_max));
    }
    const auto half = most.count() / 2;
    return std::chrono::milliseconds(
        half + static_cast<int64_t>(random_.below(static_cast<uint64_t>(half) + 1)));
}

std::chrono::milliseconds LeaderSearch::redirected(const std::string& to) {
    preferred_ = to;
    return ++redirects_ <= kRedirectsMax ? std::chrono::milliseconds(0) : failed();
}

void LeaderSearch::found() {
    failed_rounds_ = redirects_ = 0;
    round_.clear();
}

}  // namespace shard
