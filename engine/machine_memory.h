// How much memory there is: the machine's, and what cgroups leave of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace engine {

struct MachineMemory {
    int64_t bytes = 0;
    bool of_cgroup = false;  // less than the machine has
};

[[nodiscard]] MachineMemory machine_memory();

// The smallest limit of the process' cgroup and those above it, of either version; INT64_MAX: none.
//   membership  /proc/self/cgroup
//   read        content of a file below /sys/fs/cgroup; empty when there is none
[[nodiscard]] int64_t cgroup_memory_limit(
    std::string_view membership, const std::function<std::string(const std::string&)>& read);

}  // namespace engine
