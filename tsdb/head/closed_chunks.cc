#include "tsdb/head/closed_chunks.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace tsdb {

// At the start of every 64 KiB, aligned to its size.
struct ClosedChunks::Block {
    std::shared_ptr<Block> self;  // dropped by the owner; readers' pins are copies
    Block* next = nullptr;
    Block* before = nullptr;
    uint32_t used = 0;  // bytes, this header included
    uint32_t live = 0;  // chunks
};

ClosedChunks::~ClosedChunks() {
    while (first_ != nullptr) {
        Block* const next = first_->next;
        memory_.add(HeadPart::kClosedChunks, -static_cast<int64_t>(kBlockBytes));
        const std::shared_ptr<Block> last = std::move(first_->self);
        first_ = next;
    }
}

const ClosedChunk* ClosedChunks::add(const ClosedChunk* older,
                                     model::Encoding encoding,
                                     int64_t min_t,
                                     int64_t max_t,
                                     std::span<const uint8_t> bytes) {
    const size_t size = (sizeof(ClosedChunk) + bytes.size() + 7) / 8 * 8;
    SKEIN_DCHECK(size <= kBlockBytes / 4, "chunk too large", bytes.size());
    if (current_ == nullptr || current_->used + size > kBlockBytes) {
        add_block();
    }
    uint8_t* const at = reinterpret_cast<uint8_t*>(current_) + current_->used;
    current_->used += static_cast<uint32_t>(size);
    ++current_->live;
    std::memcpy(at + sizeof(ClosedChunk), bytes.data(), bytes.size());
    return new (at) ClosedChunk{.older = older,
                                .min_t = min_t,
                                .span = static_cast<uint32_t>(max_t - min_t),
                                .size = static_cast<uint16_t>(bytes.size()),
                                .encoding = encoding};
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

void ClosedChunks::add_block() {
    Block* const full = current_;
    void* const memory = std::aligned_alloc(kBlockBytes, kBlockBytes);
    SKEIN_CHECK(memory != nullptr, "out of memory");
    current_ = new (memory) Block;
    current_->used = (sizeof(Block) + 7) / 8 * 8;
    current_->self = std::shared_ptr<Block>(current_, [](Block* block) {
        block->~Block();
        std::free(block);
    });
    current_->next = first_;
    if (first_ != nullptr) {
        first_->before = current_;
    }
    first_ = current_;
    memory_.add(HeadPart::kClosedChunks, kBlockBytes);
    if (full != nullptr && full->live == 0) {
        release(full);
    }
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
    memory_.add(HeadPart::kClosedChunks, -static_cast<int64_t>(kBlockBytes));
    const std::shared_ptr<Block> last = std::move(block->self);
}

}  // namespace tsdb
