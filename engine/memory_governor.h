// Who has to do without when memory gets short: queries first, then new series, never series that
// are there.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/budget.h"

namespace engine {

// Gives queries what the rest of the process leaves below the limit, less a reserve into which the
// head grows. New series are refused by the process' own limit, which comes later. What is resident
// without being accounted (caches, compactions, the allocator's own) counts as in use, too, when it
// stays for kLooks looks: what goes sooner is on its way back to the system.
//   threads   one calls adjust()
//   lifetime  of the budgets
class MemoryGovernor {
  public:
    // The head's reserve is this part of the process' limit.
    static constexpr int64_t kReserveDivisor = 8;
    static constexpr size_t kLooks = 20;

    //   queries  a child of `process`
    //   scrapes  none: a page is taken in while it has room in its own budget, whatever the rest
    //            holds, so that series that are there go on; it counts as in use all the same
    //   most     of all queries together, when memory is plentiful, in bytes
    MemoryGovernor(base::Budget& process,
                   base::Budget& queries,
                   const base::Budget& scrapes,
                   int64_t most)
        : process_(process), queries_(queries), scrapes_(scrapes), most_(most) {}

    ~MemoryGovernor() { count_beside(0); }

    MemoryGovernor(const MemoryGovernor&) = delete;
    MemoryGovernor& operator=(const MemoryGovernor&) = delete;

    // Sets the limit of the queries anew. Queries that hold more already fail with their next
    // request for memory.
    //   resident  bytes of the process' own memory; 0: not known
    void adjust(int64_t resident);

    // Bytes that are resident and not accounted, as of the last adjust(). Threads: any.
    [[nodiscard]] int64_t unaccounted() const {
        return unaccounted_.load(std::memory_order_relaxed);
    }

    // What queries may hold together, in bytes; 0: none is let in.
    //   others  what the process holds beside queries
    [[nodiscard]] static int64_t query_limit(int64_t process_limit, int64_t others, int64_t most);

  private:
    void count_beside(int64_t bytes);

    base::Budget& process_;
    base::Budget& queries_;
    const base::Budget& scrapes_;
    const int64_t most_;
    base::Budget beside_{"memory beside the budgets", process_};
    std::array<int64_t, kLooks> looks_{};
    size_t next_look_ = 0;
    std::atomic<int64_t> unaccounted_{0};
};

}  // namespace engine
