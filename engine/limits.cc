#include "engine/limits.h"

#include <algorithm>
#include <thread>

#include "engine/process_metrics.h"

namespace engine {
namespace {

constexpr size_t kQueryThreadsMax = 64;

}  // namespace

ProcessLimits process_limits(const FlagValues& flags) {
    ProcessLimits limits;
    const int64_t asked = flags.bytes("storage.memory-limit");
    limits.memory_bytes = asked > 0 ? asked : available_memory() / 4 * 3;
    const int64_t query = flags.bytes("query.max-memory");
    limits.query_bytes = query > 0 ? query : limits.memory_bytes / 4;
    limits.all_queries_bytes = limits.memory_bytes / 2;
    limits.cores = std::max(1u, std::thread::hardware_concurrency());
    limits.scrape_lanes = std::max<size_t>(1, limits.cores / 2);
    const int64_t concurrency = std::max<int64_t>(1, flags.integer("query.max-concurrency"));
    limits.query_threads = std::min<size_t>(static_cast<size_t>(concurrency), kQueryThreadsMax);
    return limits;
}

}  // namespace engine
