// Who has to do without when memory gets short: queries first, then new series, never series that
// are there.
#pragma once

#include <cstdint>

#include "base/budget.h"

namespace engine {

// Gives queries what the rest of the process leaves below the limit, less a reserve into which the
// head grows. New series are refused by the process' own limit, which comes later.
//   threads   one calls adjust()
//   lifetime  of the budgets; `queries` is a child of `process`
class MemoryGovernor {
  public:
    // The head's reserve is this part of the process' limit.
    static constexpr int64_t kReserveDivisor = 8;

    // most  of all queries together, when memory is plentiful, in bytes
    MemoryGovernor(const base::Budget& process, base::Budget& queries, int64_t most)
        : process_(process), queries_(queries), most_(most) {}

    // Sets the limit of the queries anew. Queries that hold more already fail with their next
    // request for memory.
    void adjust();

    // What queries may hold together, in bytes; 0: none is let in.
    //   others  what the process holds beside queries
    [[nodiscard]] static int64_t query_limit(int64_t process_limit, int64_t others, int64_t most);

  private:
    const base::Budget& process_;
    base::Budget& queries_;
    const int64_t most_;
};

}  // namespace engine
