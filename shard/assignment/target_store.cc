#include "shard/assignment/target_store.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace shard {

std::optional<size_t> TargetState::slot_of(NodeNumber node) const {
    for (size_t slot = 0; slot < slots; ++slot) {
        if (owners[slot].node == node) {
            return slot;
        }
    }
    return std::nullopt;
}

TargetView TargetStore::view_of(const Record& record) const {
    TargetView view{record.id, record.job, record.weight, owners_of(record), nullptr};
    if (record.moves) {
        view.move = &moves_.find(record.id)->second;
    }
    return view;
}

std::optional<TargetView> TargetStore::view(model::TargetId id) const {
    const Record* const record = records_.find(id);
    return record == nullptr ? std::nullopt : std::optional(view_of(*record));
}

std::optional<TargetState> TargetStore::load(model::TargetId id) const {
    const Record* const record = records_.find(id);
    if (record == nullptr) {
        return std::nullopt;
    }
    TargetState state{id, record->job, record->weight, record->slots, {}, std::nullopt};
    const std::span<const Owner> owners = owners_of(*record);
    std::copy(owners.begin(), owners.end(), state.owners.begin());
    if (record->moves) {
        state.move = moves_.find(id)->second;
    }
    return state;
}

void TargetStore::release(const Record& record) {
    if (record.slots > kInline) {
        cells_.release(record.owners[0].node, record.slots);
    }
    if (record.moves) {
        moves_.erase(record.id);
    }
}

void TargetStore::store(const TargetState& state) {
    SKEIN_CHECK(state.slots >= 1 && state.slots <= kReplicasMax);
    Record* const known = records_.find(state.id);
    if (known != nullptr) {
        release(*known);
    }
    Record record{state.id, state.job, state.weight, state.slots, state.move.has_value(), {}};
    if (state.slots > kInline) {
        record.owners[0].node = cells_.add(state.owner_list());
    } else {
        std::copy_n(state.owners.begin(), state.slots, record.owners.begin());
    }
    if (state.move.has_value()) {
        moves_.insert_or_assign(state.id, *state.move);
    }
    if (known != nullptr) {
        *known = record;
    } else {
        records_.insert(record);
    }
}

void TargetStore::erase(model::TargetId id) {
    if (const Record* const known = records_.find(id)) {
        release(*known);
        records_.erase(id);
    }
}

void TargetStore::bury(model::TargetId id, uint32_t expires_s, std::span<const NodeNumber> owners) {
    tombstones_.erase(id);
    if (owners.empty() || tombstones_.size() >= kTombstonesMax) {
        return;
    }
    Grave grave{id, expires_s, 0, {}};
    for (const NodeNumber owner : owners.first(std::min(owners.size(), kReplicasMax))) {
        grave.owners[grave.count++] = owner;
    }
    tombstones_.insert(grave);
}

void TargetStore::expire(uint32_t now_s) {
    std::vector<model::TargetId> expired;
    tombstones_.for_each([&](const Grave& grave) {
        if (grave.expires_s <= now_s) {
            expired.push_back(grave.id);
        }
    });
    for (const model::TargetId id : expired) {
        tombstones_.erase(id);
    }
}

std::optional<Tombstone> TargetStore::tombstone(model::TargetId id) const {
    const Grave* const grave = tombstones_.find(id);
    if (grave == nullptr) {
        return std::nullopt;
    }
    return Tombstone{
        id, grave->expires_s, {grave->owners.begin(), grave->owners.begin() + grave->count}};
}

size_t TargetStore::memory_bytes() const {
    constexpr size_t kMapNodeBytes = 4 * sizeof(void*);
    return records_.memory_bytes() + cells_.memory_bytes() + tombstones_.memory_bytes() +
           moves_.size() * (kMapNodeBytes + sizeof(decltype(moves_)::value_type));
}

}  // namespace shard
