#include "tsdb/wal/record.h"

#include <array>

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

int64_t wrapping_add(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

void decode_samples_v1(base::ByteReader& in, std::vector<SampleEntry>& out) {
    if (in.remaining() == 0) {
        return;
    }
    const uint64_t base_ref = in.be64();
    const int64_t base_t = in.be64i();
    while (in.remaining() != 0) {
        const uint64_t ref = base_ref + static_cast<uint64_t>(in.varint());
        const int64_t t = wrapping_add(base_t, in.varint());
        const uint64_t bits = in.be64();
        if (in.ok()) {
            out.push_back({.ref = ref, .t = t, .bits = bits, .start_t = 0});
        }
    }
}

// A start timestamp: none, that of the sample before, or relative to the first sample's.
int64_t read_start(base::ByteReader& in, int64_t first, int64_t before) {
    switch (in.u8()) {
        case 0:
            return 0;
        case 1:
            return before;
        case 2:
            return wrapping_add(first, in.varint());
        default:
            in.fail();
            return 0;
    }
}

void decode_samples_v2(base::ByteReader& in, std::vector<SampleEntry>& out) {
    if (in.remaining() == 0) {
        return;
    }
    SampleEntry first;
    first.ref = static_cast<uint64_t>(in.varint());
    first.t = in.varint();
    first.start_t = in.varint();
    first.bits = in.be64();
    if (!in.ok()) {
        return;
    }
    out.push_back(first);
    SampleEntry before = first;
    while (in.remaining() != 0) {
        SampleEntry sample;
        sample.ref = before.ref + static_cast<uint64_t>(in.varint());
        sample.t = wrapping_add(first.t, in.varint());
        sample.start_t = read_start(in, first.start_t, before.start_t);
        sample.bits = in.be64();
        if (in.ok()) {
            out.push_back(sample);
        }
        before = sample;
    }
}

}  // namespace

std::string_view record_type_name(uint8_t type) {
    return type < kNames.size() ? kNames[type] : kNames[0];
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
    const bool second_form = record_type(record) == static_cast<uint8_t>(RecordType::kSamplesV2);
    base::ByteReader in(record);
    in.skip(1);
    if (second_form) {
        decode_samples_v2(in, out);
    } else {
        decode_samples_v1(in, out);
    }
    return outcome(in, second_form ? RecordType::kSamplesV2 : RecordType::kSamples);
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
            if (name == "UNIT") {
                entry.unit = value;
            } else if (name == "HELP") {
                entry.help = value;
            }
        }
        if (in.ok()) {
            out.push_back(entry);
        }
    }
    return outcome(in, RecordType::kMetadata);
}

base::Status decode_exemplars(base::ByteView record, std::vector<ExemplarEntry>& out) {
    base::ByteReader in(record);
    in.skip(1);
    if (in.remaining() == 0) {
        return outcome(in, RecordType::kExemplars);
    }
    const uint64_t base_ref = in.be64();
    const int64_t base_t = in.be64i();
    while (in.remaining() != 0) {
        ExemplarEntry entry;
        entry.ref = base_ref + static_cast<uint64_t>(in.varint());
        entry.t = wrapping_add(base_t, in.varint());
        entry.value = in.f64();
        entry.packed = read_labels(in, record, entry.labels);
        if (in.ok()) {
            out.push_back(entry);
        }
    }
    return outcome(in, RecordType::kExemplars);
}

}  // namespace tsdb::wal
