// The farm's series as text files.
#pragma once

#include <cstdio>

#include "base/result.h"
#include "bench/load/farm/options.h"

namespace bench {

// Prints every sample of options.start_ms .. end_ms, step_ms apart, as OpenMetrics with timestamps
// and with the labels a scrape would have added (job, instance, cluster): a family's series
// together, a series' samples in time order. Holds all series, but no samples, in memory.
base::Status dump(const FarmOptions& options, std::FILE* out);

// Prints what the exposition is like: bytes and labels per series, share of constant values.
base::Status print_statistics(const FarmOptions& options, int64_t now_ms, std::FILE* out);

}  // namespace bench
