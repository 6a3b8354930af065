// Memory for work that must not be refused any: kept ready, and counted, from before it begins.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/budget.h"
#include "base/sync.h"

namespace base {

// The parent is charged for what is taken, or for what is kept ready when that is more: whoever
// asks the parent gives way before the work begins, and the work changes nothing for them while it
// gets by with its reserve.
//   threads   any
//   lifetime  of the parent; whatever was taken is given back before it goes (CHECKed)
class MemoryReserve {
  public:
    MemoryReserve(std::string name, Budget& parent) : budget_(std::move(name), parent) {}

    ~MemoryReserve() { keep(0); }

    MemoryReserve(const MemoryReserve&) = delete;
    MemoryReserve& operator=(const MemoryReserve&) = delete;

    // So many bytes are ready from now on; what is taken is among them.
    void keep(int64_t bytes) EXCLUDES_LOCK(mutex_);

    // Never refused, beyond what is kept neither.
    void take(int64_t bytes) EXCLUDES_LOCK(mutex_);
    void give_back(int64_t bytes) EXCLUDES_LOCK(mutex_);

    [[nodiscard]] int64_t kept() const EXCLUDES_LOCK(mutex_);
    [[nodiscard]] int64_t taken() const EXCLUDES_LOCK(mutex_);
    // The most that was taken at once, ever.
    [[nodiscard]] int64_t most_taken() const EXCLUDES_LOCK(mutex_);
    // Bytes that are charged and that nobody holds.
    [[nodiscard]] int64_t ready() const EXCLUDES_LOCK(mutex_);

  private:
    void charge_parent() REQUIRES_LOCK(mutex_);

    Budget budget_;
    mutable Mutex mutex_;
    int64_t kept_ GUARDED_BY(mutex_) = 0;
    int64_t taken_ GUARDED_BY(mutex_) = 0;
    int64_t most_taken_ GUARDED_BY(mutex_) = 0;
};

// Bytes taken for a scope; gives them back when it goes. Threads: one.
class TakenMemory {
  public:
    // from  null: nobody counts
    explicit TakenMemory(MemoryReserve* from) : from_(from) {}

    ~TakenMemory() { set(0); }

    TakenMemory(const TakenMemory&) = delete;
    TakenMemory& operator=(const TakenMemory&) = delete;

    // Holds so many bytes from now on.
    void set(uint64_t bytes) {
        if (static_cast<int64_t>(bytes) != bytes_ && from_ != nullptr) {
            change(static_cast<int64_t>(bytes));
        }
    }

  private:
    void change(int64_t bytes);

    MemoryReserve* from_;
    int64_t bytes_ = 0;
};

}  // namespace base
