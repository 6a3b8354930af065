#include "base/budget.h"

#include <utility>

#include "base/check.h"

namespace base {

Budget::Budget(std::string name, int64_t limit_bytes)
    : name_(std::move(name)), limit_(limit_bytes) {}

Budget::Budget(std::string name, Budget& parent, int64_t limit_bytes)
    : name_(std::move(name)), parent_(&parent), limit_(limit_bytes) {}

Budget::~Budget() {
    SKEIN_CHECK(used() == 0, "budget destroyed in use", name_, used());
}

Status Budget::reserve(int64_t bytes) {
    SKEIN_DCHECK(bytes >= 0, "negative reservation", bytes);
    int64_t used_now = used_.load(std::memory_order_relaxed);
    do {
        const int64_t limit_now = limit();
        if (bytes > limit_now - used_now) {
            return fail(Code::kLimit,
                        "memory limit",
                        name_,
                        "of",
                        limit_now,
                        "bytes reached: in use",
                        used_now,
                        "asked",
                        bytes);
        }
    } while (!used_.compare_exchange_weak(used_now, used_now + bytes, std::memory_order_relaxed));
    if (parent_ != nullptr) {
        if (auto above = parent_->reserve(bytes); above.has_error()) {
            used_.fetch_sub(bytes, std::memory_order_relaxed);
            return above;
        }
    }
    return success();
}

void Budget::charge(int64_t bytes) {
    for (Budget* node = this; node != nullptr; node = node->parent_) {
        node->used_.fetch_add(bytes, std::memory_order_relaxed);
    }
}

void Budget::release(int64_t bytes) {
    for (Budget* node = this; node != nullptr; node = node->parent_) {
        const int64_t before = node->used_.fetch_sub(bytes, std::memory_order_relaxed);
        SKEIN_DCHECK(before >= bytes, "budget released below zero", node->name_, before, bytes);
        (void)before;
    }
}

Reservation::Reservation(Reservation&& other) noexcept
    : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
    if (this != &other) {
        reset();
        budget_ = other.budget_;
        bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
}

Status Reservation::grow(int64_t bytes) {
    SKEIN_CHECK(budget_ != nullptr, "reservation without a budget");
    TRY(budget_->reserve(bytes));
    bytes_ += bytes;
    return success();
}

void Reservation::shrink(int64_t bytes) {
    SKEIN_DCHECK(bytes <= bytes_, "reservation shrunk below zero");
    budget_->release(bytes);
    bytes_ -= bytes;
}

void Reservation::reset() {
    if (bytes_ != 0) {
        budget_->release(bytes_);
        bytes_ = 0;
    }
}

}  // namespace base
