// Memory that nobody uses and the allocator keeps for later.
#pragma once

#include <cstdint>
#include <functional>

namespace engine {

struct FreeMemory {
    std::function<int64_t()> bytes;   // that are resident
    std::function<void()> give_back;  // all of it to the system; takes milliseconds
};

// Of this process; none with an allocator that cannot be asked. Threads: any.
[[nodiscard]] FreeMemory allocator_free_memory();

}  // namespace engine
