// Payloads of write-ahead log records; those of histograms: record_histogram.h. source:
// docs/formats/wal.md, after the Prometheus WAL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "tsdb/wal/record_key.h"

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

// Floats or histograms, in any form.
[[nodiscard]] bool holds_samples(uint8_t type);

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

// Says in the log of out-of-order samples that the series' open chunk went to a file.
struct MmapMarkerEntry {
    uint64_t ref = 0;
    uint64_t chunk_ref = 0;  // in chunks_head; 0: none yet
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
[[nodiscard]] base::Status decode_mmap_markers(base::ByteView record,
                                               std::vector<MmapMarkerEntry>& out);

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
    explicit SamplesEncoder(base::ByteWriter& out) : out_(out), keys_(out) {
        out_.u8(static_cast<uint8_t>(RecordType::kSamples));
    }

    void add(uint64_t ref, int64_t t, uint64_t bits) {
        keys_.add(ref, t);
        out_.be64(bits);
    }

  private:
    base::ByteWriter& out_;
    KeyWriter keys_;
};

// Builds an exemplars record: begin, then label by label.
class ExemplarsEncoder {
  public:
    explicit ExemplarsEncoder(base::ByteWriter& out) : out_(out), keys_(out) {
        out_.u8(static_cast<uint8_t>(RecordType::kExemplars));
    }

    void begin(uint64_t ref, int64_t t, double value, size_t labels) {
        keys_.add(ref, t);
        out_.f64(value);
        out_.uvarint(labels);
    }

    void label(std::string_view name, std::string_view value) {
        out_.str(name);
        out_.str(value);
    }

  private:
    base::ByteWriter& out_;
    KeyWriter keys_;
};

// Builds a tombstones record.
class TombstonesEncoder {
  public:
    explicit TombstonesEncoder(base::ByteWriter& out) : out_(out) {
        out_.u8(static_cast<uint8_t>(RecordType::kTombstones));
    }

    void add(const TombstoneEntry& entry) {
        out_.be64(entry.ref);
        out_.varint(entry.min_t);
        out_.varint(entry.max_t);
    }

  private:
    base::ByteWriter& out_;
};

// Builds a metadata record.
class MetadataEncoder {
  public:
    explicit MetadataEncoder(base::ByteWriter& out) : out_(out) {
        out_.u8(static_cast<uint8_t>(RecordType::kMetadata));
    }

    void add(const MetadataEntry& entry);

  private:
    base::ByteWriter& out_;
};

// Builds a record of markers.
class MmapMarkersEncoder {
  public:
    explicit MmapMarkersEncoder(base::ByteWriter& out) : out_(out) {
        out_.u8(static_cast<uint8_t>(RecordType::kMmapMarkers));
    }

    void add(const MmapMarkerEntry& entry) {
        out_.be64(entry.ref);
        out_.be64(entry.chunk_ref);
    }

  private:
    base::ByteWriter& out_;
};

}  // namespace tsdb::wal
