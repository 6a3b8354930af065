// SeriesResponse messages, written straight into the bytes that go out.
// source: storeapi/proto/store.proto, storeapi/proto/types.proto
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/chunk.h"
#include "storeapi/wire.h"

namespace storeapi {

// One message: a batch of series, or one series alone. Chunk bytes are copied once, into it.
// Lengths that are not known beforehand are varints of a fixed size.
class FrameWriter {
  public:
    // A frame ends with the series that makes it as large as this, and a series is cut before the
    // chunk that would make a frame larger than kFrameMax; its first chunk may, by its labels.
    static constexpr size_t kFrameTarget = size_t{512} * 1024;
    static constexpr size_t kFrameMax = size_t{1024} * 1024;

    // out    empty; borrowed until finish()
    // batch  several series in a message; false: one
    FrameWriter(std::string& out, bool batch);

    // Begins a series. Chunks follow, then end_series().
    //   labels  encoded, as FinalLabels::encoded() has them
    void begin_series(std::string_view labels);
    // Whether the chunk fits; the first of a frame always does.
    [[nodiscard]] bool fits(const model::ChunkView& chunk) const;
    // chunk  kXor, kHistogram or kFloatHistogram
    void add_chunk(const model::ChunkView& chunk);
    void end_series();

    // Whether no other series should follow.
    [[nodiscard]] bool full() const;

    [[nodiscard]] bool empty() const { return series_ == 0; }

    // Completes the message.
    void finish();

    // A message of its own.
    [[nodiscard]] static std::string warning(std::string_view text);

  private:
    WireWriter out_;
    const bool batch_;
    size_t series_ = 0;
    size_t chunks_ = 0;
    size_t series_at_ = 0;  // where the present series' length is to stand
    size_t batch_at_ = 0;
};

}  // namespace storeapi
