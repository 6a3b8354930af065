#include "tsdb/wal/record_histogram.h"

#include "model/histogram_layout.h"

namespace tsdb::wal {
namespace {

using model::FloatHistogram;
using model::Histogram;

constexpr size_t kSpanBytesMin = 2;
constexpr size_t kDeltaBytesMin = 1;

// A count of things that take `bytes_min` each at least: more than there can be is a fault.
size_t read_count(base::ByteReader& in, size_t bytes_min) {
    const uint64_t count = in.uvarint();
    if (count > in.remaining() / bytes_min) {
        in.fail();
        return 0;
    }
    return static_cast<size_t>(count);
}

void read_spans(base::ByteReader& in, std::vector<model::Span>& spans) {
    spans.resize(read_count(in, kSpanBytesMin));
    for (model::Span& span : spans) {
        span.offset = static_cast<int32_t>(in.varint());
        span.length = in.uvarint32();
    }
}

void read_values(base::ByteReader& in, std::vector<int64_t>& deltas) {
    deltas.resize(read_count(in, kDeltaBytesMin));
    for (int64_t& delta : deltas) {
        delta = in.varint();
    }
}

void read_values(base::ByteReader& in, std::vector<double>& counts) {
    counts.resize(read_count(in, sizeof(double)));
    for (double& count : counts) {
        count = in.f64();
    }
}

void read_totals(base::ByteReader& in, Histogram& histogram) {
    histogram.zero_count = in.uvarint();
    histogram.count = in.uvarint();
}

void read_totals(base::ByteReader& in, FloatHistogram& histogram) {
    histogram.zero_count = in.f64();
    histogram.count = in.f64();
}

void read_buckets(base::ByteReader& in, Histogram& histogram) {
    read_values(in, histogram.positive_deltas);
    read_values(in, histogram.negative_deltas);
}

void read_buckets(base::ByteReader& in, FloatHistogram& histogram) {
    read_values(in, histogram.positive_buckets);
    read_values(in, histogram.negative_buckets);
}

model::CounterResetHint read_hint(base::ByteReader& in) {
    const uint8_t hint = in.u8();
    return hint <= static_cast<uint8_t>(model::CounterResetHint::kGauge)
               ? static_cast<model::CounterResetHint>(hint)
               : model::CounterResetHint::kUnknown;
}

template <class AnyHistogram>
AnyHistogram read_histogram(base::ByteReader& in) {
    AnyHistogram histogram;
    histogram.hint = read_hint(in);
    histogram.schema = static_cast<int32_t>(in.varint());
    histogram.zero_threshold = in.f64();
    read_totals(in, histogram);
    histogram.sum = in.f64();
    read_spans(in, histogram.positive_spans);
    read_spans(in, histogram.negative_spans);
    read_buckets(in, histogram);
    if (histogram.schema == model::kCustomBucketsSchema) {
        read_values(in, histogram.custom_values);
    }
    return histogram;
}

template <class Entry>
base::Result<size_t> decode_entries(base::ByteView record,
                                    RecordType second_form,
                                    std::vector<Entry>& out) {
    base::ByteReader in(record);
    in.skip(1);
    KeyReader keys(in, record_type(record) == static_cast<uint8_t>(second_form));
    size_t left_out = 0;
    while (in.remaining() != 0) {
        const RecordKey key = keys.next();
        auto histogram = read_histogram<decltype(Entry::histogram)>(in);
        if (!in.ok()) {
            break;
        }
        if (!model::well_formed(histogram)) {
            ++left_out;
            continue;
        }
        model::reduce_resolution(histogram, model::kSchemaMax);
        out.push_back({.ref = key.ref,
                       .t = key.t,
                       .start_t = key.start_t,
                       .histogram = std::move(histogram)});
    }
    if (!in.ok()) {
        return base::fail(
            base::Code::kCorrupt, "malformed", record_type_name(record_type(record)), "record");
    }
    return left_out;
}

void write_spans(base::ByteWriter& out, const std::vector<model::Span>& spans) {
    out.uvarint(spans.size());
    for (const model::Span& span : spans) {
        out.varint(span.offset);
        out.uvarint(span.length);
    }
}

void write_values(base::ByteWriter& out, const std::vector<int64_t>& deltas) {
    out.uvarint(deltas.size());
    for (const int64_t delta : deltas) {
        out.varint(delta);
    }
}

void write_values(base::ByteWriter& out, const std::vector<double>& counts) {
    out.uvarint(counts.size());
    for (const double count : counts) {
        out.f64(count);
    }
}

void write_totals(base::ByteWriter& out, const Histogram& histogram) {
    out.uvarint(histogram.zero_count);
    out.uvarint(histogram.count);
}

void write_totals(base::ByteWriter& out, const FloatHistogram& histogram) {
    out.f64(histogram.zero_count);
    out.f64(histogram.count);
}

void write_buckets(base::ByteWriter& out, const Histogram& histogram) {
    write_values(out, histogram.positive_deltas);
    write_values(out, histogram.negative_deltas);
}

void write_buckets(base::ByteWriter& out, const FloatHistogram& histogram) {
    write_values(out, histogram.positive_buckets);
    write_values(out, histogram.negative_buckets);
}

template <class AnyHistogram>
void write_histogram(base::ByteWriter& out, const AnyHistogram& histogram) {
    out.u8(static_cast<uint8_t>(histogram.hint));
    out.varint(histogram.schema);
    out.f64(histogram.zero_threshold);
    write_totals(out, histogram);
    out.f64(histogram.sum);
    write_spans(out, histogram.positive_spans);
    write_spans(out, histogram.negative_spans);
    write_buckets(out, histogram);
    if (histogram.schema == model::kCustomBucketsSchema) {
        write_values(out, histogram.custom_values);
    }
}

}  // namespace

base::Result<size_t> decode_histograms(base::ByteView record, std::vector<HistogramEntry>& out) {
    return decode_entries(record, RecordType::kHistogramsV2, out);
}

base::Result<size_t> decode_float_histograms(base::ByteView record,
                                             std::vector<FloatHistogramEntry>& out) {
    return decode_entries(record, RecordType::kFloatHistogramsV2, out);
}

void HistogramsEncoder::add(uint64_t ref, int64_t t, const model::Histogram& histogram) {
    keys_.add(ref, t);
    write_histogram(out_, histogram);
}

void FloatHistogramsEncoder::add(uint64_t ref, int64_t t, const model::FloatHistogram& histogram) {
    keys_.add(ref, t);
    write_histogram(out_, histogram);
}

}  // namespace tsdb::wal
