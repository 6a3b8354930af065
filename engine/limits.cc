#include "engine/limits.h"

#include <algorithm>
#include <thread>

#include "engine/machine_memory.h"

namespace engine {
namespace {

constexpr size_t kQueryThreadsMax = 64;

}  // namespace

ProcessLimits process_limits(const FlagValues& flags) {
    ProcessLimits limits;
    const int64_t asked = flags.bytes("storage.memory-limit");
    if (asked > 0) {
        limits.memory_bytes = asked;
        limits.memory_from = "--storage.memory-limit";
    } else {
        const MachineMemory memory = machine_memory();
        limits.memory_bytes = memory.bytes / 4 * 3;
        limits.memory_from =
            memory.of_cgroup ? "75 % of the cgroup's memory" : "75 % of the machine's memory";
    }
    const int64_t query = flags.bytes("query.max-memory");
    limits.query_bytes = query > 0 ? query : limits.memory_bytes / 4;
    limits.all_queries_bytes = limits.memory_bytes / 2;
    limits.cut_bytes = limits.memory_bytes / 4;
    limits.cores = std::max(1u, std::thread::hardware_concurrency());
    limits.scrape_lanes = std::max<size_t>(1, limits.cores / 2);
    const int64_t concurrency = std::max<int64_t>(1, flags.integer("query.max-concurrency"));
    limits.query_threads = std::min<size_t>(static_cast<size_t>(concurrency), kQueryThreadsMax);
    return limits;
}

uint64_t series_budget(uint64_t flag, uint64_t configured, const ProcessLimits& limits) {
    if (flag != 0) {
        return flag;
    }
    if (configured != 0) {
        return configured;
    }
    const int64_t left = limits.memory_bytes - limits.all_queries_bytes - limits.cut_bytes;
    const uint64_t fit = static_cast<uint64_t>(std::max<int64_t>(left, 0)) / kBytesPerSeries;
    return std::max(fit / kSeriesBudgetMin * kSeriesBudgetMin, kSeriesBudgetMin);
}

}  // namespace engine
