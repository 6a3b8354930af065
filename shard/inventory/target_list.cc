#include "shard/inventory/target_list.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <utility>

#include "base/checksum.h"
#include "shard/session/messages.h"

namespace shard {

namespace {

bool can_be_sent(const model::Target& target) {
    return target.labels.packed().size() + target.discovered.packed().size() + target.url.size() +
               target.unix_socket.size() <=
           kTargetBytesMax;
}

uint64_t details_of(const model::Target& target, bool over_target_limit) {
    const std::array<uint64_t, 4> parts{static_cast<uint64_t>(target.interval.count()),
                                        static_cast<uint64_t>(target.timeout.count()),
                                        target.discovered.hash(),
                                        over_target_limit ? uint64_t{1} : 0};
    const auto bytes = std::bit_cast<std::array<char, sizeof parts>>(parts);
    return base::hash64(std::string_view(bytes.data(), bytes.size()));
}

}  // namespace

TargetList list_targets(const model::ResolvedJob& job,
                        model::TargetId (*key)(const model::Target&)) {
    TargetList list;
    std::vector<std::pair<model::TargetId, size_t>> order;  // id, position in `active`
    order.reserve(job.active.size());
    for (size_t at = 0; at < job.active.size(); ++at) {
        const model::Target& target = *job.active[at];
        if (can_be_sent(target)) {
            order.emplace_back(key(target), at);
        } else {
            ++list.too_large;
        }
    }
    std::ranges::sort(order);
    const auto twins = std::ranges::unique(order, {}, &std::pair<model::TargetId, size_t>::first);
    list.duplicates = twins.size();
    order.erase(twins.begin(), twins.end());
    list.targets.reserve(order.size());
    for (const auto& [id, at] : order) {
        list.targets.push_back({.id = id,
                                .details = details_of(*job.active[at], job.over_target_limit),
                                .target = job.active[at]});
    }
    return list;
}

}  // namespace shard
