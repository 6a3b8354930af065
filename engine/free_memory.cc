#include "engine/free_memory.h"

#include <cstddef>

#include <unistd.h>

// jemalloc's; null where another allocator serves (tests, sanitizers).
extern "C" [[gnu::weak]] int mallctl(
    const char* name, void* old_value, size_t* old_size, void* new_value, size_t new_size);

namespace engine {
namespace {

// In the names below 4096 stands for all arenas.

int64_t dirty_bytes() {
    uint64_t epoch = 1;
    size_t pages = 0;
    size_t size = sizeof pages;
    if (mallctl == nullptr || mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch) != 0 ||
        mallctl("stats.arenas.4096.pdirty", &pages, &size, nullptr, 0) != 0) {
        return 0;
    }
    return static_cast<int64_t>(pages) * sysconf(_SC_PAGESIZE);
}

void purge() {
    if (mallctl != nullptr) {
        static_cast<void>(mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0));
    }
}

}  // namespace

FreeMemory allocator_free_memory() {
    return {.bytes = dirty_bytes, .give_back = purge};
}

}  // namespace engine
