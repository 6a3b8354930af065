// Records that bring samples: of the same kinds in the write-ahead log and in that of out-of-order
// samples.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/record_histogram.h"
#include "tsdb/wal/sample_decoder.h"

namespace tsdb {

// Takes them apart.
//   threads   one at a time
class SampleRecords {
  public:
    // Hands over the record's samples in their order, as const wal::SampleEntry&,
    // wal::HistogramEntry&& or wal::FloatHistogramEntry&&; none if it is of another kind.
    //   skipped  counted up by histograms of a kind that nobody knows
    //   errors   kCorrupt: it makes no sense from some byte on; what stands before was handed over
    template <class Take>
    base::Status take(wal::RecordType type,
                      base::ByteView record,
                      uint64_t& skipped,
                      const Take& take) {
        using wal::RecordType;
        switch (type) {
            case RecordType::kSamples:
            case RecordType::kSamplesV2:
                return wal::each_sample(record, take);
            case RecordType::kHistograms:
            case RecordType::kCustomHistograms:
            case RecordType::kHistogramsV2:
                histograms_.clear();
                return take_histograms(
                    wal::decode_histograms(record, histograms_), histograms_, skipped, take);
            case RecordType::kFloatHistograms:
            case RecordType::kCustomFloatHistograms:
            case RecordType::kFloatHistogramsV2:
                float_histograms_.clear();
                return take_histograms(wal::decode_float_histograms(record, float_histograms_),
                                       float_histograms_,
                                       skipped,
                                       take);
            default:
                return base::success();
        }
    }

  private:
    template <class Entry, class Take>
    static base::Status take_histograms(const base::Result<size_t>& decoded,
                                        std::vector<Entry>& entries,
                                        uint64_t& skipped,
                                        const Take& take) {
        for (Entry& entry : entries) {
            take(std::move(entry));
        }
        if (!decoded) {
            return base::fail(decoded.error());
        }
        skipped += decoded.value();
        return base::success();
    }

    std::vector<wal::HistogramEntry> histograms_;
    std::vector<wal::FloatHistogramEntry> float_histograms_;
};

}  // namespace tsdb
