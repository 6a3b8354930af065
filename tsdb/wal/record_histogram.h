// Payloads of the log's histogram records. source: docs/formats/wal.md, after the Prometheus WAL
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/histogram.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/record_key.h"

namespace tsdb::wal {

struct HistogramEntry {
    uint64_t ref = 0;
    int64_t t = 0;        // ms
    int64_t start_t = 0;  // ms; 0: none
    model::Histogram histogram;
};

struct FloatHistogramEntry {
    uint64_t ref = 0;
    int64_t t = 0;
    int64_t start_t = 0;
    model::FloatHistogram histogram;
};

// Append what the record holds to `out`. Entries that no histogram can look like (an unknown
// schema, buckets that do not fit the spans) are left out; schemas above 8 are reduced to it. What
// is appended is model::well_formed.
//   record   kHistograms, kCustomHistograms or kHistogramsV2; or the same of floats
//   returns  how many were left out
//   errors   kCorrupt: the bytes are no such record; what stood before the fault is in `out`
[[nodiscard]] base::Result<size_t> decode_histograms(base::ByteView record,
                                                     std::vector<HistogramEntry>& out);
[[nodiscard]] base::Result<size_t> decode_float_histograms(base::ByteView record,
                                                           std::vector<FloatHistogramEntry>& out);

// Builds a record of integer histograms, of the first form.
class HistogramsEncoder {
  public:
    // kHistograms takes exponential histograms, kCustomHistograms those with custom buckets.
    HistogramsEncoder(base::ByteWriter& out, RecordType type) : out_(out), keys_(out) {
        out_.u8(static_cast<uint8_t>(type));
    }

    void add(uint64_t ref, int64_t t, const model::Histogram& histogram);

  private:
    base::ByteWriter& out_;
    KeyWriter keys_;
};

// The same of float histograms: kFloatHistograms and kCustomFloatHistograms.
class FloatHistogramsEncoder {
  public:
    FloatHistogramsEncoder(base::ByteWriter& out, RecordType type) : out_(out), keys_(out) {
        out_.u8(static_cast<uint8_t>(type));
    }

    void add(uint64_t ref, int64_t t, const model::FloatHistogram& histogram);

  private:
    base::ByteWriter& out_;
    KeyWriter keys_;
};

// The record type for a histogram, by its schema.
[[nodiscard]] inline RecordType record_type_for(const model::Histogram& histogram) {
    return histogram.schema == model::kCustomBucketsSchema ? RecordType::kCustomHistograms
                                                           : RecordType::kHistograms;
}

[[nodiscard]] inline RecordType record_type_for(const model::FloatHistogram& histogram) {
    return histogram.schema == model::kCustomBucketsSchema ? RecordType::kCustomFloatHistograms
                                                           : RecordType::kFloatHistograms;
}

}  // namespace tsdb::wal
