// Nodes by their share, kept in order while shares change.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace shard {

struct NodeShare {
    double share = 0;
    uint32_t node = 0;

    // By share, equal ones by node. Without a branch: what it says of is not to be foreseen.
    [[nodiscard]] bool before(const NodeShare& other) const {
        return static_cast<bool>(
            static_cast<int>(share < other.share) |
            (static_cast<int>(share == other.share) & static_cast<int>(node < other.node)));
    }
};

// Sorted blocks of neighbours, so that the emptiest nodes lie side by side and a change moves a few
// hundred bytes.
class ShareOrder {
  public:
    // One that is not in it.
    void insert(const NodeShare& entry);
    // One that is, with the share it was put in with.
    void erase(const NodeShare& entry);

    // Of one that is not empty.
    [[nodiscard]] const NodeShare& first() const {
        const Block& block = blocks_[order_.front()];
        return block.entries[block.begin];
    }

    // Whether the second has the first one's share.
    [[nodiscard]] bool starts_tied() const;

    // Calls visit(entry) in ascending order until it says no, at most `most` times.
    template <class Visit>
    void ascend(size_t most, const Visit& visit) const {
        for (const uint32_t number : order_) {
            const Block& block = blocks_[number];
            for (uint32_t at = block.begin; at < block.end; ++at) {
                if (most-- == 0 || !visit(block.entries[at])) {
                    return;
                }
            }
        }
    }

  private:
    static constexpr uint32_t kBlockMost = 32;

    // Never empty while it is in the order.
    struct Block {
        uint32_t begin = 0, end = 0;
        std::array<NodeShare, kBlockMost> entries;
    };

    // The place in the order of the block where such an entry is or belongs.
    [[nodiscard]] size_t place(const NodeShare& entry) const;
    // The first entry of a block that is not before this one.
    [[nodiscard]] static uint32_t position(const Block& block, const NodeShare& entry);
    void add_block(size_t place);
    void remove_block(size_t place);
    void split(size_t place);
    void note_last(size_t place);

    std::vector<Block> blocks_;
    std::vector<uint32_t> order_;   // of blocks
    std::vector<NodeShare> lasts_;  // the last entry of each block, in order
    std::vector<uint32_t> unused_;  // blocks
};

}  // namespace shard
