// Chunks: runs of one series' samples, encoded. The bytes are those of Prometheus' chunk payloads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "model/histogram.h"

namespace model {

// The numbers are those in Prometheus' files.
enum class Encoding : uint8_t {
    kNone = 0,
    kXor = 1,
    kHistogram = 2,
    kFloatHistogram = 3,
    kXor2 = 4,
    kHistogramSt = 5,
    kFloatHistogramSt = 6,
    // Never in a file: `bytes` are an array of ChunkSample, of sources that hold values as they
    // are.
    kSamples = 0xff
};

// One sample of an Encoding::kSamples chunk.
struct ChunkSample {
    int64_t t = 0;   // ms
    int64_t st = 0;  // start timestamp, ms; 0: none
    double v = 0;
    std::shared_ptr<const FloatHistogram> histogram;  // set: the sample is a histogram
};

// One chunk as a reader sees it. The bytes live as long as the batch (or mapping) it came with.
struct ChunkView {
    Encoding encoding = Encoding::kNone;
    // Which holder of the series it came from; 0: this node. The chunks of one holder are parts of
    // the series, those of another one are its own account of the same series: whoever reads
    // samples takes them from one holder at a time.
    uint16_t replica = 0;
    uint32_t source = 0;  // which of the holder's sources (head, a block) it came from
    std::span<const uint8_t> bytes;
    int64_t min_t = 0;  // first sample, ms
    int64_t max_t = 0;  // last sample, ms, inclusive
};

}  // namespace model
