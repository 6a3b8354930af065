#include "tsdb/head/closed_chunks.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"

namespace tsdb {

// At the start of every block, which is aligned to kBlockBytes.
struct ClosedChunks::Block {
    std::shared_ptr<Block> self;  // dropped by the owner; readers' pins are copies
    Block* next = nullptr;
    Block* before = nullptr;
    size_t bytes = 0;
    size_t used = 0;    // bytes, this header included
    uint32_t live = 0;  // chunks
};

ClosedChunks::~ClosedChunks() {
    while (first_ != nullptr) {
        Block* const next = first_->next;
        memory_.add(HeadPart::kClosedChunks, -static_cast<int64_t>(first_->bytes));
        const std::shared_ptr<Block> last = std::move(first_->self);
        first_ = next;
    }
}

const ClosedChunk* ClosedChunks::add(const ClosedChunk* older,
                                     model::Encoding encoding,
                                     int64_t min_t,
                                     int64_t max_t,
                                     std::span<const uint8_t> bytes) {
    constexpr size_t kHeader = (sizeof(Block) + 7) / 8 * 8;
    const size_t size = (sizeof(ClosedChunk) + bytes.size() + 7) / 8 * 8;
    SKEIN_CHECK(bytes.size() <= kChunkBytesMax, "chunk too large", bytes.size());
    Block* block = current_;
    if (size > kBlockBytes / 4) {
        block = add_block((kHeader + size + kBlockBytes - 1) / kBlockBytes * kBlockBytes);
    } else if (current_ == nullptr || current_->used + size > kBlockBytes) {
        block = add_block(kBlockBytes);
        Block* const full = std::exchange(current_, block);
        if (full != nullptr && full->live == 0) {
            release(full);
        }
    }
    uint8_t* const at = reinterpret_cast<uint8_t*>(block) + block->used;
    block->used += size;
    ++block->live;
    std::memcpy(at + sizeof(ClosedChunk), bytes.data(), bytes.size());
    return new (at) ClosedChunk{.older = older,
                                .min_t = min_t,
                                .span = static_cast<uint32_t>(max_t - min_t),
                                .size = static_cast<uint32_t>(bytes.size()),
                                .encoding_ = static_cast<uint8_t>(encoding)};
}

void ClosedChunks::drop(const ClosedChunk* chunk) {
    Block* const block = block_of(chunk);
    if (--block->live == 0 && block != current_) {
        release(block);
    }
}

std::shared_ptr<const void> ClosedChunks::pin(const ClosedChunk* chunk) {
    return block_of(chunk)->self;
}

const void* ClosedChunks::block_address(const ClosedChunk* chunk) {
    return block_of(chunk);
}

ClosedChunks::Block* ClosedChunks::block_of(const ClosedChunk* chunk) {
    const auto address = reinterpret_cast<uintptr_t>(chunk);
    return reinterpret_cast<Block*>(address & ~(kBlockBytes - 1));
}

ClosedChunks::Block* ClosedChunks::add_block(size_t bytes) {
    void* const memory = std::aligned_alloc(kBlockBytes, bytes);
    SKEIN_CHECK(memory != nullptr, "out of memory");
    auto* const block = new (memory) Block;
    block->bytes = bytes;
    block->used = (sizeof(Block) + 7) / 8 * 8;
    block->self = std::shared_ptr<Block>(block, [](Block* last) {
        last->~Block();
        std::free(last);
    });
    block->next = first_;
    if (first_ != nullptr) {
        first_->before = block;
    }
    first_ = block;
    memory_.add(HeadPart::kClosedChunks, static_cast<int64_t>(bytes));
    return block;
}

void ClosedChunks::release(Block* block) {
    if (block->before != nullptr) {
        block->before->next = block->next;
    } else {
        first_ = block->next;
    }
    if (block->next != nullptr) {
        block->next->before = block->before;
    }
    memory_.add(HeadPart::kClosedChunks, -static_cast<int64_t>(block->bytes));
    const std::shared_ptr<Block> last = std::move(block->self);
}

}  // namespace tsdb
