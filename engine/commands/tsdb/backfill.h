// Blocks out of an OpenMetrics page with times.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/commands/tsdb/backfill_window.h"

namespace engine {

struct BackfillOptions {
    static constexpr int64_t kBlockMs = int64_t{2} * 60 * 60 * 1000;
    static constexpr size_t kMemoryMax = size_t{512} << 20;

    int64_t block_ms = kBlockMs;                              // blocks are aligned to it
    std::vector<std::pair<std::string, std::string>> labels;  // put on every series
    size_t memory_max = kMemoryMax;  // of gathered samples; one block's may take more
};

struct BackfillReport {
    uint64_t samples = 0;  // of the page
    uint64_t passes = 0;   // over the page, the first look at its times not counted
    BackfillLosses losses;
};

// The longest block of Prometheus' ranges (2h, 6h, 18h …, times three each) that is not longer.
[[nodiscard]] int64_t block_duration_within(int64_t max_ms);

// Reads the page as often as memory needs it: each time the samples of as many blocks as fit are
// gathered and written. Samples may come in any order.
//   page    outlives the call
//   made    called with the folder of each block, by time
//   errors  kInvalid: the page is malformed, or a sample has no time: nothing was written. Those of
//           writing: blocks made so far stay
[[nodiscard]] base::Result<BackfillReport> backfill(
    base::Files& files,
    std::string_view page,
    const base::Path& data_folder,
    const BackfillOptions& options,
    const base::Clock& clock,
    base::Random& random,
    const std::function<base::Status(const base::Path&)>& made);

}  // namespace engine
