// Chunks that are complete and wait for a file: exactly as large as their bytes, never changed,
// pinned by readers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "model/chunk.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// A list node, newest chunk first; the bytes follow it in memory. Immutable, but that the oldest
// goes.
struct ClosedChunk {
    mutable const ClosedChunk* older;
    int64_t min_t;
    uint32_t span;           // max_t - min_t, ms
    uint32_t size : 24;      // bytes
    uint32_t encoding_ : 8;  // a model::Encoding

    [[nodiscard]] int64_t max_t() const { return min_t + span; }

    [[nodiscard]] model::Encoding encoding() const {
        return static_cast<model::Encoding>(encoding_);
    }

    [[nodiscard]] std::span<const uint8_t> bytes() const {
        return {reinterpret_cast<const uint8_t*>(this + 1), size};
    }
};

static_assert(sizeof(ClosedChunk) == 24);

// One partition's closed chunks, in blocks of 64 KiB; a chunk that is larger has a block of its
// own. A block goes when none of its chunks is live and no reader pins it.
//   threads  the partition's lock; pins may be dropped anywhere
class ClosedChunks {
  public:
    static constexpr size_t kBlockBytes = size_t{64} << 10;
    static constexpr size_t kChunkBytesMax = (size_t{1} << 24) - 1;

    explicit ClosedChunks(HeadMemory& memory) : memory_(memory) {}

    ~ClosedChunks();
    ClosedChunks(const ClosedChunks&) = delete;
    ClosedChunks& operator=(const ClosedChunks&) = delete;

    // Copies `bytes`, at most kChunkBytesMax of them. The node keeps its block until drop().
    [[nodiscard]] const ClosedChunk* add(const ClosedChunk* older,
                                         model::Encoding encoding,
                                         int64_t min_t,
                                         int64_t max_t,
                                         std::span<const uint8_t> bytes);
    // The series gives the chunk up; readers that pinned it may go on.
    void drop(const ClosedChunk* chunk);
    // Keeps the chunk's block in memory.
    [[nodiscard]] static std::shared_ptr<const void> pin(const ClosedChunk* chunk);
    // Which block the chunk lies in, for pinning each once.
    [[nodiscard]] static const void* block_address(const ClosedChunk* chunk);

  private:
    struct Block;

    [[nodiscard]] static Block* block_of(const ClosedChunk* chunk);
    [[nodiscard]] Block* add_block(size_t bytes);
    void release(Block* block);

    HeadMemory& memory_;
    Block* current_ = nullptr;
    Block* first_ = nullptr;  // all blocks that hold live chunks
};

}  // namespace tsdb
