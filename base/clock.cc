#include "base/clock.h"

namespace base {

int64_t SystemClock::now_ns() const {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
}

SteadyTime SystemClock::steady() const {
    return std::chrono::steady_clock::now();
}

}  // namespace base
