// Downsampled data: chunks that stand for windows of samples, made into chunks that PromQL can
// read.
// source: the aggregate chunks of Thanos
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "model/chunk.h"

namespace storeapi {

// What of a window a function is given.
enum class Aggregate : uint8_t {
    kAverage,  // count and sum
    kMin,
    kMax,
    kCount,
    kSum,
    kCounter,
};

// By the name of the function (or aggregation) that encloses the selection.
[[nodiscard]] Aggregate aggregate_of(std::string_view function);
// Whether the function means over windows what it means over samples: the samples in a window
// cannot be counted, nor its counter resets.
[[nodiscard]] bool aggregate_is_sound(std::string_view function);

// The parts of one downsampled chunk; kNone: absent.
struct AggregateChunks {
    int64_t min_t = 0, max_t = 0;
    model::ChunkView count, sum, min, max, counter;
};

// The samples that chunks made here point to.
struct SampleLists {
    std::vector<std::shared_ptr<const void>> lists;
    size_t bytes = 0;
};

// ChunkView::source of a chunk whose counter is to be corrected by correct_counters().
inline constexpr uint32_t kCounterSource = 1;

// One sample per window. Chunks of counters are not yet to be read.
//   returns  nothing: the parts it takes are not there, or hold histograms that cannot be made one
[[nodiscard]] std::optional<model::ChunkView> window_samples(const AggregateChunks& chunks,
                                                             Aggregate aggregate,
                                                             SampleLists& kept);

// The chunks of one series, by time, with those of kCounterSource made into one counter without
// resets. A chunk that cannot be read is left out, and counted in `unreadable`.
[[nodiscard]] std::span<const model::ChunkView> correct_counters(
    std::span<const model::ChunkView> chunks,
    base::Arena& arena,
    SampleLists& kept,
    size_t& unreadable);

}  // namespace storeapi
