#include "base/memory_reserve.h"

#include <algorithm>

#include "base/check.h"

namespace base {

void MemoryReserve::keep(int64_t bytes) {
    const MutexLock lock(mutex_);
    kept_ = bytes;
    charge_parent();
}

void MemoryReserve::take(int64_t bytes) {
    const MutexLock lock(mutex_);
    taken_ += bytes;
    most_taken_ = std::max(most_taken_, taken_);
    charge_parent();
}

void MemoryReserve::give_back(int64_t bytes) {
    const MutexLock lock(mutex_);
    SKEIN_CHECK(bytes <= taken_, "more memory given back than was taken", bytes, taken_);
    taken_ -= bytes;
    charge_parent();
}

int64_t MemoryReserve::kept() const {
    const MutexLock lock(mutex_);
    return kept_;
}

int64_t MemoryReserve::taken() const {
    const MutexLock lock(mutex_);
    return taken_;
}

int64_t MemoryReserve::most_taken() const {
    const MutexLock lock(mutex_);
    return most_taken_;
}

int64_t MemoryReserve::ready() const {
    const MutexLock lock(mutex_);
    return std::max<int64_t>(0, kept_ - taken_);
}

void MemoryReserve::charge_parent() {
    const int64_t before = budget_.used();
    const int64_t now = std::max(kept_, taken_);
    if (now > before) {
        budget_.charge(now - before);
    } else {
        budget_.release(before - now);
    }
}

void TakenMemory::change(int64_t bytes) {
    if (bytes > bytes_) {
        from_->take(bytes - bytes_);
    } else {
        from_->give_back(bytes_ - bytes);
    }
    bytes_ = bytes;
}

}  // namespace base
