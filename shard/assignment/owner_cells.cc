#include "shard/assignment/owner_cells.h"

#include <algorithm>

namespace shard {

OwnerCells::Cell OwnerCells::add(std::span<const Owner> owners) {
    Room& room = rooms_[owners.size()];
    Cell cell = 0;
    if (room.free.empty()) {
        cell = room.used++;
        if (cell / kBlockCells == room.blocks.size()) {
            room.blocks.push_back(std::make_unique<Owner[]>(kBlockCells * owners.size()));
        }
    } else {
        cell = room.free.back();
        room.free.pop_back();
    }
    std::copy(owners.begin(), owners.end(), place(room, cell, owners.size()));
    return cell;
}

void OwnerCells::release(Cell cell, size_t length) {
    rooms_[length].free.push_back(cell);
}

std::span<const Owner> OwnerCells::at(Cell cell, size_t length) const {
    return {place(rooms_[length], cell, length), length};
}

size_t OwnerCells::memory_bytes() const {
    size_t bytes = 0;
    for (size_t length = 0; length < rooms_.size(); ++length) {
        const Room& room = rooms_[length];
        bytes += room.blocks.size() * kBlockCells * length * sizeof(Owner) +
                 room.blocks.capacity() * sizeof(room.blocks[0]) +
                 room.free.capacity() * sizeof(Cell);
    }
    return bytes;
}

}  // namespace shard
