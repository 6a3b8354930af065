// Who has to do without when memory gets short: queries first, then new series, never series that
// are there.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/budget.h"
#include "engine/free_memory.h"

namespace engine {

// Gives queries what the rest of the process leaves below the limit, less a reserve into which the
// head grows. New series are refused by the process' own limit, which comes later. What is resident
// without being accounted (caches, the allocator's own) counts as in use, too, when it stays for
// kLooks looks: what goes sooner is on its way back to the system. That way is shortened near the
// limit: what the allocator keeps for later is given back when it is much.
//   threads   one calls adjust()
//   lifetime  of the budgets
class MemoryGovernor {
  public:
    // The head's reserve is this part of the process' limit.
    static constexpr int64_t kReserveDivisor = 8;
    static constexpr size_t kLooks = 20;
    // Free memory is given back when less than a part of the limit is left, and more than a part of
    // it is free memory.
    static constexpr int64_t kShortDivisor = 4;
    static constexpr int64_t kFreeDivisor = 32;

    //   queries  a child of `process`
    //   scrapes  none: a page is taken in while it has room in its own budget, whatever the rest
    //            holds, so that series that are there go on; it counts as in use all the same
    //   most     of all queries together, when memory is plentiful, in bytes
    MemoryGovernor(base::Budget& process,
                   base::Budget& queries,
                   const base::Budget& scrapes,
                   int64_t most,
                   FreeMemory free)
        : process_(process),
          queries_(queries),
          scrapes_(scrapes),
          most_(most),
          free_(std::move(free)) {}

    ~MemoryGovernor() { count_beside(0); }

    MemoryGovernor(const MemoryGovernor&) = delete;
    MemoryGovernor& operator=(const MemoryGovernor&) = delete;

    // Sets the limit of the queries anew. Queries that hold more already fail with their next
    // request for memory.
    //   resident  bytes of the process' own memory; 0: not known
    //   ready     bytes that count in `process` already and nobody holds yet
    void adjust(int64_t resident, int64_t ready);

    // Bytes that are resident and not accounted, as of the last adjust(). Threads: any.
    [[nodiscard]] int64_t unaccounted() const {
        return unaccounted_.load(std::memory_order_relaxed);
    }

    // What queries may hold together, in bytes; 0: none is let in.
    //   others  what the process holds beside queries
    [[nodiscard]] static int64_t query_limit(int64_t process_limit, int64_t others, int64_t most);

  private:
    void count_beside(int64_t bytes);
    void give_back_free(int64_t resident);

    base::Budget& process_;
    base::Budget& queries_;
    const base::Budget& scrapes_;
    const int64_t most_;
    const FreeMemory free_;
    base::Budget beside_{"memory beside the budgets", process_};
    std::array<int64_t, kLooks> looks_{};
    size_t next_look_ = 0;
    std::atomic<int64_t> unaccounted_{0};
};

}  // namespace engine
