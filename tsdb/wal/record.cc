#include "tsdb/wal/record.h"

#include <array>

#include "tsdb/wal/sample_decoder.h"

namespace tsdb::wal {
namespace {

constexpr std::array<std::string_view, kRecordTypes> kNames = {"unknown",
                                                               "series",
                                                               "samples",
                                                               "tombstones",
                                                               "exemplars",
                                                               "mmap_markers",
                                                               "metadata",
                                                               "histograms",
                                                               "float_histograms",
                                                               "custom_histograms",
                                                               "custom_float_histograms",
                                                               "samples_v2",
                                                               "histograms_v2",
                                                               "float_histograms_v2"};

// The fields of a metadata entry that are known.
constexpr std::string_view kUnitField = "UNIT";
constexpr std::string_view kHelpField = "HELP";

base::Status outcome(const base::ByteReader& in, RecordType type) {
    if (in.ok()) {
        return base::success();
    }
    return base::fail(
        base::Code::kCorrupt, "malformed", record_type_name(static_cast<uint8_t>(type)), "record");
}

// Reads a uvarint count and that many pairs of strings; the view is of the pairs.
std::string_view read_labels(base::ByteReader& in, base::ByteView record, uint32_t& count) {
    count = in.uvarint32();
    const size_t from = in.position();
    for (uint32_t i = 0; i < count && in.ok(); ++i) {
        in.str();
        in.str();
    }
    return in.ok() ? record.part(from, in.position() - from).text() : std::string_view();
}

}  // namespace

std::string_view record_type_name(uint8_t type) {
    return type < kNames.size() ? kNames[type] : kNames[0];
}

bool holds_samples(uint8_t type) {
    switch (static_cast<RecordType>(type)) {
        case RecordType::kSamples:
        case RecordType::kSamplesV2:
        case RecordType::kHistograms:
        case RecordType::kFloatHistograms:
        case RecordType::kCustomHistograms:
        case RecordType::kCustomFloatHistograms:
        case RecordType::kHistogramsV2:
        case RecordType::kFloatHistogramsV2:
            return true;
        default:
            return false;
    }
}

base::Status decode_series(base::ByteView record, std::vector<SeriesEntry>& out) {
    base::ByteReader in(record);
    in.skip(1);
    while (in.remaining() != 0) {
        SeriesEntry entry;
        entry.ref = in.be64();
        entry.packed = read_labels(in, record, entry.labels);
        if (in.ok()) {
            out.push_back(entry);
        }
    }
    return outcome(in, RecordType::kSeries);
}

base::Status decode_samples(base::ByteView record, std::vector<SampleEntry>& out) {
    return each_sample(record, [&](const SampleEntry& entry) { out.push_back(entry); });
}

base::Status decode_tombstones(base::ByteView record, std::vector<TombstoneEntry>& out) {
    base::ByteReader in(record);
    in.skip(1);
    while (in.remaining() != 0) {
        TombstoneEntry entry;
        entry.ref = in.be64();
        entry.min_t = in.varint();
        entry.max_t = in.varint();
        if (in.ok()) {
            out.push_back(entry);
        }
    }
    return outcome(in, RecordType::kTombstones);
}

base::Status decode_metadata(base::ByteView record, std::vector<MetadataEntry>& out) {
    base::ByteReader in(record);
    in.skip(1);
    while (in.remaining() != 0) {
        MetadataEntry entry;
        entry.ref = in.uvarint();
        const uint8_t type = in.u8();
        entry.type = type <= static_cast<uint8_t>(model::MetricType::kStateSet)
                         ? static_cast<model::MetricType>(type)
                         : model::MetricType::kUnknown;
        const uint64_t fields = in.uvarint();
        for (uint64_t i = 0; i < fields && in.ok(); ++i) {
            const std::string_view name = in.str();
            const std::string_view value = in.str();
            if (name == kUnitField) {
                entry.unit = value;
            } else if (name == kHelpField) {
                entry.help = value;
            }
        }
        if (in.ok()) {
            out.push_back(entry);
        }
    }
    return outcome(in, RecordType::kMetadata);
}

void MetadataEncoder::add(const MetadataEntry& entry) {
    out_.uvarint(entry.ref);
    out_.u8(static_cast<uint8_t>(entry.type));
    out_.uvarint(2);
    out_.str(kUnitField);
    out_.str(entry.unit);
    out_.str(kHelpField);
    out_.str(entry.help);
}

base::Status decode_exemplars(base::ByteView record, std::vector<ExemplarEntry>& out) {
    base::ByteReader in(record);
    in.skip(1);
    KeyReader keys(in, /*second_form=*/false);
    while (in.remaining() != 0) {
        const RecordKey key = keys.next();
        ExemplarEntry entry{.ref = key.ref, .t = key.t, .value = in.f64()};
        entry.packed = read_labels(in, record, entry.labels);
        if (in.ok()) {
            out.push_back(entry);
        }
    }
    return outcome(in, RecordType::kExemplars);
}

base::Status decode_mmap_markers(base::ByteView record, std::vector<MmapMarkerEntry>& out) {
    base::ByteReader in(record);
    in.skip(1);
    while (in.remaining() != 0) {
        MmapMarkerEntry entry;
        entry.ref = in.be64();
        entry.chunk_ref = in.be64();
        if (in.ok()) {
            out.push_back(entry);
        }
    }
    return outcome(in, RecordType::kMmapMarkers);
}

}  // namespace tsdb::wal
