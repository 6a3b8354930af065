// Payloads of write-ahead log records. source: docs/formats/wal.md, after the Prometheus WAL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/metadata.h"

namespace tsdb::wal {

enum class RecordType : uint8_t {
    kSeries = 1,
    kSamples = 2,
    kTombstones = 3,
    kExemplars = 4,
    kMmapMarkers = 5,
    kMetadata = 6,
    kHistograms = 7,
    kFloatHistograms = 8,
    kCustomHistograms = 9,
    kCustomFloatHistograms = 10,
    kSamplesV2 = 11,
    kHistogramsV2 = 12,
    kFloatHistogramsV2 = 13,
};

inline constexpr size_t kRecordTypes = 14;  // numbers below; others are unknown

// "series", "samples", …; "unknown" for what is none.
[[nodiscard]] std::string_view record_type_name(uint8_t type);

struct SeriesEntry {
    uint64_t ref = 0;
    uint32_t labels = 0;      // how many
    std::string_view packed;  // as model::Labels::from_packed takes them; points into the record
};

struct SampleEntry {
    uint64_t ref = 0;
    int64_t t = 0;        // ms
    uint64_t bits = 0;    // of the value
    int64_t start_t = 0;  // ms; 0: none
};

struct TombstoneEntry {
    uint64_t ref = 0;
    int64_t min_t = 0;
    int64_t max_t = 0;

    // The series itself went from the head.
    [[nodiscard]] bool whole_series() const { return min_t == INT64_MIN && max_t == INT64_MAX; }
};

struct MetadataEntry {
    uint64_t ref = 0;
    model::MetricType type = model::MetricType::kUnknown;
    std::string_view unit;
    std::string_view help;
};

struct ExemplarEntry {
    uint64_t ref = 0;
    int64_t t = 0;
    double value = 0;
    uint32_t labels = 0;
    std::string_view packed;
};

// The type byte; 0 for an empty record.
[[nodiscard]] inline uint8_t record_type(base::ByteView record) {
    return record.empty() ? uint8_t{0} : record[0];
}

// Decoders append what the record holds to `out`; views point into the record.
//   errors  kCorrupt: the bytes are no such record; what stood before the fault is in `out`
[[nodiscard]] base::Status decode_series(base::ByteView record, std::vector<SeriesEntry>& out);
// Both forms of samples, kSamples and kSamplesV2.
[[nodiscard]] base::Status decode_samples(base::ByteView record, std::vector<SampleEntry>& out);
[[nodiscard]] base::Status decode_tombstones(base::ByteView record,
                                             std::vector<TombstoneEntry>& out);
[[nodiscard]] base::Status decode_metadata(base::ByteView record, std::vector<MetadataEntry>& out);
[[nodiscard]] base::Status decode_exemplars(base::ByteView record, std::vector<ExemplarEntry>& out);

// Builds a series record: begin, then label by label.
class SeriesEncoder {
  public:
    explicit SeriesEncoder(base::ByteWriter& out) : out_(out) {
        out_.u8(static_cast<uint8_t>(RecordType::kSeries));
    }

    void begin(uint64_t ref, size_t labels) {
        out_.be64(ref);
        out_.uvarint(labels);
    }

    void label(std::string_view name, std::string_view value) {
        out_.str(name);
        out_.str(value);
    }

  private:
    base::ByteWriter& out_;
};

// Builds a samples record of the first form.
class SamplesEncoder {
  public:
    explicit SamplesEncoder(base::ByteWriter& out) : out_(out) {
        out_.u8(static_cast<uint8_t>(RecordType::kSamples));
    }

    void add(uint64_t ref, int64_t t, uint64_t bits) {
        if (!begun_) [[unlikely]] {
            begun_ = true;
            base_ref_ = ref;
            base_t_ = t;
            out_.be64(ref);
            out_.be64i(t);
        }
        out_.varint(static_cast<int64_t>(ref - base_ref_));
        // Unsigned: far apart times wrap, and the reader wraps them back.
        out_.varint(
            static_cast<int64_t>(static_cast<uint64_t>(t) - static_cast<uint64_t>(base_t_)));
        out_.be64(bits);
    }

  private:
    base::ByteWriter& out_;
    uint64_t base_ref_ = 0;
    int64_t base_t_ = 0;
    bool begun_ = false;
};

}  // namespace tsdb::wal
