#include "scrape/buffers.h"

namespace scrape {
namespace {

size_t bytes_of(const ScrapeBuffers& buffers) {
    return buffers.body.capacity() + buffers.page.capacity() +
           buffers.staged.batch.floats.capacity() * sizeof(model::StagedFloat) +
           (buffers.staged.positions.capacity() + buffers.staged.walk.order.capacity()) *
               sizeof(uint32_t);
}

}  // namespace

BufferPool::~BufferPool() {
    budget_.release(static_cast<int64_t>(kept_bytes_));
}

std::unique_ptr<ScrapeBuffers> BufferPool::take() {
    if (kept_.empty()) {
        return std::make_unique<ScrapeBuffers>(budget_);
    }
    std::unique_ptr<ScrapeBuffers> buffers = std::move(kept_.back());
    kept_.pop_back();
    const size_t bytes = bytes_of(*buffers);
    kept_bytes_ -= bytes;
    budget_.release(static_cast<int64_t>(bytes));
    return buffers;
}

void BufferPool::give_back(std::unique_ptr<ScrapeBuffers> buffers) {
    buffers->memory.reset();
    buffers->staged.batch.clear();
    const size_t bytes = bytes_of(*buffers);
    if (kept_.size() >= kBuffersKept || kept_bytes_ + bytes > kBytesKept) {
        return;
    }
    kept_bytes_ += bytes;
    budget_.charge(static_cast<int64_t>(bytes));
    kept_.push_back(std::move(buffers));
}

}  // namespace scrape
