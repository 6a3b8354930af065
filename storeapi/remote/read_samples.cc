#include "storeapi/remote/read_samples.h"

#include <bit>
#include <cstring>

#include "base/bytes.h"

namespace storeapi {
namespace {

[[nodiscard]] constexpr char double_field(int number) {
    return static_cast<char>(number << 3 | 1);
}

// Label
constexpr char kName = bytes_field(1);
constexpr char kValue = bytes_field(2);
// TimeSeries
constexpr char kLabels = bytes_field(1);
constexpr char kSamples = bytes_field(2);
constexpr char kHistograms = bytes_field(4);
// Sample
constexpr char kSampleValue = double_field(1);
constexpr char kSampleTime = number_field(2);
// Histogram
constexpr char kCountInteger = number_field(1);
constexpr char kCountFloat = double_field(2);
constexpr char kSum = double_field(3);
constexpr char kSchema = number_field(4);
constexpr char kZeroThreshold = double_field(5);
constexpr char kZeroCountInteger = number_field(6);
constexpr char kZeroCountFloat = double_field(7);
constexpr int kNegativeSpans = 8;
constexpr int kNegativeDeltas = 9;
constexpr int kNegativeCounts = 10;
constexpr int kPositiveSpans = 11;
constexpr int kPositiveDeltas = 12;
constexpr int kPositiveCounts = 13;
constexpr char kResetHint = number_field(14);
constexpr char kTime = number_field(15);
constexpr int kCustomValues = 16;
// BucketSpan
constexpr char kOffset = number_field(1);
constexpr char kLength = number_field(2);

constexpr size_t kDoubleBytes = 9;  // with its field
constexpr size_t kFieldMax = 2 * base::kUvarintMax;

void write_double(WireWriter& out, char field, double value) {
    const auto bits = std::bit_cast<uint64_t>(value);
    char bytes[sizeof bits];
    std::memcpy(bytes, &bits, sizeof bits);
    out.byte(field);
    out.bytes({bytes, sizeof bytes});
}

void write_nonzero(WireWriter& out, char field, double value) {
    if (std::bit_cast<uint64_t>(value) != 0) {
        write_double(out, field, value);
    }
}

// One that is there even when it is 0: of a choice between two.
void write_chosen(WireWriter& out, char field, uint64_t value) {
    out.byte(field);
    out.varint(value);
}

void begin_list(WireWriter& out, int field, size_t bytes) {
    out.need(kFieldMax + bytes);
    out.varint(static_cast<uint64_t>(field) << 3 | 2);
    out.varint(bytes);
}

void write_list(WireWriter& out, int field, const std::vector<double>& values) {
    if (values.empty()) {
        return;
    }
    const size_t bytes = values.size() * sizeof(double);
    begin_list(out, field, bytes);
    out.bytes({reinterpret_cast<const char*>(values.data()), bytes});
}

void write_list(WireWriter& out, int field, const std::vector<int64_t>& values) {
    if (values.empty()) {
        return;
    }
    size_t bytes = 0;
    for (const int64_t value : values) {
        bytes += base::uvarint_size(base::zigzag(value));
    }
    begin_list(out, field, bytes);
    for (const int64_t value : values) {
        out.varint(base::zigzag(value));
    }
}

void write_spans(WireWriter& out, int field, const std::vector<model::Span>& spans) {
    for (const model::Span& span : spans) {
        const uint64_t offset = base::zigzag(span.offset);
        begin_list(
            out, field, WireWriter::number_size(offset) + WireWriter::number_size(span.length));
        out.number(kOffset, offset);
        out.number(kLength, span.length);
    }
}

template <class Histogram>
void write_common(WireWriter& out, const Histogram& histogram) {
    out.need(4 * kFieldMax);
    write_nonzero(out, kSum, histogram.sum);
    out.number(kSchema, base::zigzag(histogram.schema));
    write_nonzero(out, kZeroThreshold, histogram.zero_threshold);
}

template <class Histogram>
void write_end(WireWriter& out, const Histogram& histogram, int64_t t) {
    out.need(2 * kFieldMax);
    out.number(kResetHint, static_cast<uint64_t>(histogram.hint));
    out.number(kTime, static_cast<uint64_t>(t));
    write_list(out, kCustomValues, histogram.custom_values);
}

void write_histogram(WireWriter& out, const model::Histogram& histogram, int64_t t) {
    write_chosen(out, kCountInteger, histogram.count);
    write_common(out, histogram);
    write_chosen(out, kZeroCountInteger, histogram.zero_count);
    write_spans(out, kNegativeSpans, histogram.negative_spans);
    write_list(out, kNegativeDeltas, histogram.negative_deltas);
    write_spans(out, kPositiveSpans, histogram.positive_spans);
    write_list(out, kPositiveDeltas, histogram.positive_deltas);
    write_end(out, histogram, t);
}

void write_histogram(WireWriter& out, const model::FloatHistogram& histogram, int64_t t) {
    write_double(out, kCountFloat, histogram.count);
    write_common(out, histogram);
    write_double(out, kZeroCountFloat, histogram.zero_count);
    write_spans(out, kNegativeSpans, histogram.negative_spans);
    write_list(out, kNegativeCounts, histogram.negative_buckets);
    write_spans(out, kPositiveSpans, histogram.positive_spans);
    write_list(out, kPositiveCounts, histogram.positive_buckets);
    write_end(out, histogram, t);
}

void write_float(WireWriter& out, const model::TypedSample& sample) {
    const auto t = static_cast<uint64_t>(sample.t);
    const size_t value_bytes = std::bit_cast<uint64_t>(sample.v) == 0 ? 0 : kDoubleBytes;
    out.need(2 * kFieldMax);
    out.byte(kSamples);
    out.varint(value_bytes + WireWriter::number_size(t));
    write_nonzero(out, kSampleValue, sample.v);
    out.number(kSampleTime, t);
}

void write_one_histogram(WireWriter& out, const model::TypedSample& sample) {
    out.need(2 * kFieldMax);
    out.byte(kHistograms);
    const size_t length = out.begin_length();
    if (sample.integer != nullptr) {
        write_histogram(out, *sample.integer, sample.t);
    } else {
        write_histogram(out, *sample.floating, sample.t);
    }
    out.end_length(length);
}

}  // namespace

void write_labels(WireWriter& out, char field, std::span<const model::LabelView> labels) {
    for (const model::LabelView label : labels) {
        const size_t bytes = WireWriter::text_size(label.name) + WireWriter::text_size(label.value);
        out.need(kFieldMax + bytes);
        out.byte(field);
        out.varint(bytes);
        out.text(kName, label.name);
        out.text(kValue, label.value);
    }
}

void write_time_series(WireWriter& out,
                       char field,
                       std::span<const model::LabelView> labels,
                       std::span<const model::TypedSample> samples) {
    out.need(kFieldMax);
    out.byte(field);
    const size_t length = out.begin_length();
    write_labels(out, kLabels, labels);
    for (const model::TypedSample& sample : samples) {
        if (sample.is_float()) {
            write_float(out, sample);
        }
    }
    for (const model::TypedSample& sample : samples) {
        if (!sample.is_float()) {
            write_one_histogram(out, sample);
        }
    }
    out.end_length(length);
}

}  // namespace storeapi
