// Small arrays of 32-bit words, cut from blocks and given back to them: neighbours that are free
// grow together again, so that a size nobody needs any more serves another.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tsdb {

// A buddy allocator (Knuth, The Art of Computer Programming 1, 2.5) that gives back what a size
// leaves of its power of two.
//   threads  one at a time
class WordArena {
  public:
    using Position = uint32_t;
    static constexpr uint32_t kBlockWords = 16384;  // 64 KiB; what is larger has a block of its own

    // Words of an array: as many as asked for, rounded up to kStepWords.
    static constexpr uint32_t kStepWords = 2;

    // Uninitialised words; position 0 is never given out.
    //   returns  where they are
    [[nodiscard]] Position allocate(uint32_t words);
    // words  as they were asked for
    void release(Position at, uint32_t words);

    // Valid until it is released; other arrays may come and go.
    [[nodiscard]] uint32_t* words(Position at) const {
        return blocks_[at / kBlockWords].words.get() + at % kBlockWords;
    }

    // Of all blocks.
    [[nodiscard]] size_t bytes() const { return bytes_; }

  private:
    static constexpr unsigned kOrders = 14;  // of free pieces: 2, 4, … kBlockWords words
    static constexpr unsigned kWholeBlock = kOrders - 1;
    static constexpr Position kNone = UINT32_MAX;
    static constexpr size_t kPairs = kBlockWords / 2;  // of all orders together

    struct Block {
        std::unique_ptr<uint32_t[]> words;
        // A bit per pair of buddies: whether exactly one of them is free.
        std::unique_ptr<std::array<uint64_t, kPairs / 64>> odd;
    };

    static uint32_t words_of(unsigned order) { return kStepWords << order; }

    static unsigned order_of(uint32_t words);
    // returns  whether exactly one of the two is free now
    bool toggle(Position at, unsigned order);
    void link(Position at, unsigned order);
    void unlink(Position at, unsigned order);
    [[nodiscard]] Position take(unsigned order);
    void give(Position at, unsigned order);
    void give_stretch(Position from, uint32_t words);
    [[nodiscard]] uint32_t add_block(uint32_t words);
    void remove_block(uint32_t block, uint32_t words);

    std::vector<Block> blocks_;
    std::vector<uint32_t> gone_;  // blocks whose number is free
    // By order: the first free piece. Its first two words are the next one and the one before.
    std::array<Position, kOrders> free_ = [] {
        std::array<Position, kOrders> none{};
        none.fill(kNone);
        return none;
    }();
    size_t bytes_ = 0;
};

}  // namespace tsdb
