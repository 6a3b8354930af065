// What the process says of itself: process_*, prometheus_build_info, and the few go_* names that
// dashboards ask for.
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/metrics.h"

namespace engine {

// Memory of this process as the kernel counts it, bytes. Zeros when it cannot be told.
struct ProcessMemory {
    double resident = 0;
    double own = 0;  // resident, without files that are mapped
    double virtual_size = 0;
};

[[nodiscard]] ProcessMemory process_memory();

// Registers the metrics; they live as long as the returned handles.
[[nodiscard]] std::vector<base::MetricCallback> register_process_metrics(base::Registry& registry,
                                                                         const base::Clock& clock);

}  // namespace engine
