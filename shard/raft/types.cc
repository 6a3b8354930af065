#include "shard/raft/types.h"

#include <algorithm>

namespace shard::raft {

const Member* Configuration::find(MemberId id) const {
    const auto found = std::ranges::find(members, id, &Member::id);
    return found == members.end() ? nullptr : &*found;
}

bool Configuration::is_voter(MemberId id) const {
    const Member* member = find(id);
    return member != nullptr && member->role == Role::kVoter;
}

size_t Configuration::voters() const {
    return static_cast<size_t>(std::ranges::count(members, Role::kVoter, &Member::role));
}

}  // namespace shard::raft
