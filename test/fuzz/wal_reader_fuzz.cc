// Any bytes as a write-ahead log segment, and every record in them through every decoder.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tsdb/wal/reader.h"
#include "tsdb/wal/record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    base::ZstdDecoder zstd;
    tsdb::wal::SegmentReader reader(0, base::ByteView(data, size), zstd);
    base::ByteView record;
    while (reader.next(record)) {
        std::vector<tsdb::wal::SeriesEntry> series;
        std::vector<tsdb::wal::SampleEntry> samples;
        std::vector<tsdb::wal::TombstoneEntry> tombstones;
        std::vector<tsdb::wal::MetadataEntry> metadata;
        std::vector<tsdb::wal::ExemplarEntry> exemplars;
        base::ignore(tsdb::wal::decode_series(record, series), "any outcome will do");
        base::ignore(tsdb::wal::decode_samples(record, samples), "any outcome will do");
        base::ignore(tsdb::wal::decode_tombstones(record, tombstones), "any outcome will do");
        base::ignore(tsdb::wal::decode_metadata(record, metadata), "any outcome will do");
        base::ignore(tsdb::wal::decode_exemplars(record, exemplars), "any outcome will do");
        for (const auto& entry : series) {
            model::Labels labels;
            if (model::Labels::from_packed(entry.packed, entry.labels, labels)) {
                (void)labels.to_string();
            }
        }
    }
    return 0;
}
