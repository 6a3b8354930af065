// Lists of owners that are too long for a target's record.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "shard/assignment/table.h"

namespace shard {

// One room per length; a list keeps its cell until it is released.
class OwnerCells {
  public:
    using Cell = uint32_t;

    // Of kReplicasMax at most.
    [[nodiscard]] Cell add(std::span<const Owner> owners);
    void release(Cell cell, size_t length);
    // Valid until it is released.
    [[nodiscard]] std::span<const Owner> at(Cell cell, size_t length) const;

    [[nodiscard]] size_t memory_bytes() const;

  private:
    static constexpr size_t kBlockCells = 256;

    struct Room {
        std::vector<std::unique_ptr<Owner[]>> blocks;
        std::vector<Cell> free;
        Cell used = 0;  // cells from here on were never given out
    };

    [[nodiscard]] Owner* place(const Room& room, Cell cell, size_t length) const {
        return room.blocks[cell / kBlockCells].get() + (cell % kBlockCells) * length;
    }

    std::array<Room, kReplicasMax + 1> rooms_;  // by length
};

}  // namespace shard
