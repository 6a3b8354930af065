#include "engine/memory_governor.h"

#include <algorithm>

namespace engine {

int64_t MemoryGovernor::query_limit(int64_t process_limit, int64_t others, int64_t most) {
    const int64_t reserve = process_limit / kReserveDivisor;
    return std::clamp<int64_t>(process_limit - reserve - others, 0, most);
}

void MemoryGovernor::count_beside(int64_t bytes) {
    const int64_t before = beside_.used();
    if (bytes > before) {
        beside_.charge(bytes - before);
    } else {
        beside_.release(before - bytes);
    }
}

void MemoryGovernor::adjust(int64_t resident, int64_t ready) {
    const int64_t scrapes = scrapes_.used();
    const int64_t accounted = process_.used() - beside_.used() + scrapes - ready;
    looks_[next_look_++ % kLooks] = std::max<int64_t>(0, resident - accounted);
    const int64_t unaccounted = *std::ranges::min_element(looks_);
    unaccounted_.store(unaccounted, std::memory_order_relaxed);
    count_beside(unaccounted + scrapes);
    const int64_t others = process_.used() - queries_.used();
    queries_.set_limit(query_limit(process_.limit(), others, most_));
    give_back_free(resident);
}

void MemoryGovernor::give_back_free(int64_t resident) {
    const int64_t limit = process_.limit();
    if (resident > limit - limit / kShortDivisor && free_.bytes() > limit / kFreeDivisor) {
        free_.give_back();
    }
}

}  // namespace engine
