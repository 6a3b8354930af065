// The chunks of one series as they go out: as they lie, but for those that overlap, are empty, or
// are of an encoding that others do not know.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/chunk.h"
#include "model/chunk_codec.h"
#include "storeapi/ordered_series.h"

namespace storeapi {

// Threads: one.
class SeriesChunks {
  public:
    static constexpr size_t kSamplesPerChunk = 120;

    // The group's chunks by time: kXor, kHistogram or kFloatHistogram, none empty, none
    // overlapping. Of samples at one time that of the chunk which begins first is kept.
    //   returns  views valid until the next call, as long as the group
    //   errors   kCorrupt: a chunk that has to be decoded cannot be
    [[nodiscard]] base::Result<std::span<const model::ChunkView>> of(const SeriesGroup& group);

  private:
    [[nodiscard]] base::Status join(std::span<const model::ChunkView> chunks);
    void choose_samples();
    void encode_chosen();

    std::vector<model::ChunkView> in_;
    std::vector<model::ChunkView> out_;
    std::vector<model::TypedSample> decoded_;
    std::vector<uint32_t> chunk_of_;  // which chunk a decoded sample is of
    std::vector<uint32_t> order_;
    std::vector<model::TypedSample> chosen_;
    std::vector<model::EncodedChunk> encoded_;
    std::vector<size_t> places_;  // of encoded_ in out_
};

}  // namespace storeapi
