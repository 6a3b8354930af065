// Targets, their moves, and the tombstones of those that are gone. Knows no rules.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "shard/assignment/ordered_chunks.h"
#include "shard/assignment/owner_cells.h"
#include "shard/assignment/table.h"

namespace shard {

// All of a target, as a value.
struct TargetState {
    model::TargetId id = 0;
    uint32_t job = 0;
    WeightClass weight = 0;
    uint8_t slots = 0;
    std::array<Owner, kReplicasMax> owners;  // the first `slots`
    std::optional<Move> move;

    [[nodiscard]] std::span<const Owner> owner_list() const { return {owners.data(), slots}; }

    // The slot that a node has; nullopt: none.
    [[nodiscard]] std::optional<size_t> slot_of(NodeNumber node) const;
};

class TargetStore {
  public:
    [[nodiscard]] size_t size() const { return records_.size(); }

    [[nodiscard]] std::optional<TargetView> view(model::TargetId id) const;
    [[nodiscard]] std::optional<TargetState> load(model::TargetId id) const;
    // Makes it, or changes it.
    void store(const TargetState& state);
    void erase(model::TargetId id);

    // In the order of ids; `visit` takes a TargetView.
    template <class Visit>
    void for_each(Visit visit) const {
        records_.for_each([&](const Record& record) { visit(view_of(record)); });
    }

    // By target.
    [[nodiscard]] const std::map<model::TargetId, Move>& moves() const { return moves_; }

    // Nodes beyond kReplicasMax are left out; nothing is made without one, or beyond
    // kTombstonesMax.
    void bury(model::TargetId id, uint32_t expires_s, std::span<const NodeNumber> owners);

    void unbury(model::TargetId id) { tombstones_.erase(id); }

    // Drops the tombstones whose time has come.
    void expire(uint32_t now_s);
    [[nodiscard]] std::optional<Tombstone> tombstone(model::TargetId id) const;

    [[nodiscard]] size_t tombstones() const { return tombstones_.size(); }

    // In the order of ids; `visit` takes id, expiry and a span of nodes.
    template <class Visit>
    void for_each_tombstone(Visit visit) const {
        tombstones_.for_each([&](const Grave& grave) {
            visit(grave.id, grave.expires_s, std::span(grave.owners.data(), grave.count));
        });
    }

    [[nodiscard]] size_t memory_bytes() const;

  private:
    static constexpr size_t kInline = 2;

    struct Record {
        model::TargetId id = 0;
        uint32_t job = 0;
        WeightClass weight = 0;
        uint8_t slots = 0;
        bool moves = false;  // it stands in moves_
        // Of more than kInline slots: the number of their cell, in owners[0].node.
        std::array<Owner, kInline> owners;
    };

    static_assert(sizeof(Record) == 32);

    struct Grave {
        model::TargetId id = 0;
        uint32_t expires_s = 0;
        uint32_t count = 0;
        std::array<NodeNumber, kReplicasMax> owners;
    };

    [[nodiscard]] std::span<const Owner> owners_of(const Record& record) const {
        return record.slots <= kInline ? std::span<const Owner>(record.owners.data(), record.slots)
                                       : cells_.at(record.owners[0].node, record.slots);
    }

    [[nodiscard]] TargetView view_of(const Record& record) const;
    void release(const Record& record);

    OrderedChunks<Record> records_;
    OwnerCells cells_;
    std::map<model::TargetId, Move> moves_;
    OrderedChunks<Grave> tombstones_;
};

}  // namespace shard
