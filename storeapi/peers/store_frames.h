// The messages that answer Series, read without copying the chunks in them.
// source: storeapi/proto/store.proto, storeapi/proto/types.proto
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storeapi/peers/downsampled.h"
#include "storeapi/peers/gathered_series.h"

namespace storeapi {

// What of the series in the messages is wanted.
struct FrameWish {
    int64_t min_t = 0, max_t = 0;  // ms, inclusive: chunks outside are left out
    bool skip_chunks = false;
    std::vector<std::string> drop_labels;
    std::string function;  // that the samples are for
};

// Puts the series of messages into a gathering. Threads: one.
class StoreFrames {
  public:
    // series  borrowed
    StoreFrames(FrameWish wish, GatheredSeries& series);

    // Series, batches of them, warnings and hints, which are passed over.
    //   message  kept as long as the gathered series
    //   errors   kCorrupt: the bytes are no such message; series before that are kept
    [[nodiscard]] base::Status read(std::string message);
    // After the last message: orders the series.
    void finish();

    // Those of the store, then those about what it sent.
    [[nodiscard]] std::vector<std::string> warnings() const;

    // Held, messages included: for accounting.
    [[nodiscard]] size_t bytes() const;

  private:
    [[nodiscard]] bool read_batch(std::string_view message);
    [[nodiscard]] bool read_series(std::string_view message);
    [[nodiscard]] bool read_label(std::string_view message);
    [[nodiscard]] bool read_aggregate_chunk(std::string_view message);
    [[nodiscard]] bool read_chunk(std::string_view message, model::ChunkView& chunk);
    void take_chunk(const model::ChunkView& raw, const AggregateChunks& chunks);
    [[nodiscard]] bool dropped(std::string_view name) const;

    const FrameWish wish_;
    const Aggregate aggregate_;
    GatheredSeries& series_;
    std::vector<std::string> warnings_;
    SampleLists samples_;
    size_t message_bytes_ = 0;
    size_t series_chunks_ = 0;   // of the series being read
    size_t bad_chunks_ = 0;      // too short, of an unknown type, or with impossible times
    size_t unfit_chunks_ = 0;    // downsampled, and of no use to the function
    bool has_counters_ = false;  // downsampled ones
};

}  // namespace storeapi
