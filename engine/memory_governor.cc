#include "engine/memory_governor.h"

#include <algorithm>

namespace engine {

int64_t MemoryGovernor::query_limit(int64_t process_limit, int64_t others, int64_t most) {
    const int64_t reserve = process_limit / kReserveDivisor;
    return std::clamp<int64_t>(process_limit - reserve - others, 0, most);
}

void MemoryGovernor::adjust() {
    const int64_t others = process_.used() - queries_.used();
    queries_.set_limit(query_limit(process_.limit(), others, most_));
}

}  // namespace engine
