#include "query/result_json.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include "query/histogram/buckets.h"

namespace query {
namespace {

void append_quoted_value(std::string& out, double value) {
    out += '"';
    base::append_sample_value(out, value);
    out += '"';
}

void append_pair(std::string& out, int64_t t, double value) {
    out += '[';
    base::append_timestamp_ms(out, t);
    out += ',';
    append_quoted_value(out, value);
    out += ']';
}

void append_pair(std::string& out, int64_t t, const model::FloatHistogram& histogram) {
    out += '[';
    base::append_timestamp_ms(out, t);
    out += ',';
    append_histogram(out, histogram);
    out += ']';
}

// Which of a bucket's bounds belong to it, as a number.
int rule_of(const histogram::Bucket& bucket) {
    if (bucket.lower_inclusive) {
        return bucket.upper_inclusive ? 3 : 1;
    }
    return bucket.upper_inclusive ? 0 : 2;
}

void append_sample(std::string& out, const VectorSample& sample) {
    out += R"({"metric":)";
    append_labels(out, sample.labels);
    if (sample.histogram) {
        out += R"(,"histogram":)";
        append_pair(out, sample.t, *sample.histogram);
    } else {
        out += R"(,"value":)";
        append_pair(out, sample.t, sample.v);
    }
    out += '}';
}

// Points of a series that are written before the frame's size is looked at.
constexpr size_t kFloatsPerPiece = 1024;
constexpr size_t kHistogramsPerPiece = 16;

// [[seconds, count], …]; nothing when steps were not counted.
void write_steps(base::JsonWriter& json,
                 std::string_view name,
                 const QueryStats& stats,
                 const std::vector<int64_t>& counts) {
    if (counts.empty()) {
        return;
    }
    json.key(name);
    json.begin_array();
    int64_t t = stats.first_step_ms;
    for (const int64_t count : counts) {
        json.begin_array();
        json.timestamp_ms(t);
        json.integer(count);
        json.end_array();
        t += stats.step_ms;
    }
    json.end_array();
}

// To the microsecond.
double milliseconds(double seconds) {
    return std::round(seconds * 1e6) / 1e3;
}

// Plans are as deep as queries, and a JsonWriter is not: one per operator.
void append_operator(std::string& out, const ExplainedOperator& explained) {
    base::JsonWriter json(out);
    json.begin_object();
    json.member("operation", explained.operation);
    json.member("expression", explained.expression);
    const auto count = [&](std::string_view name, int64_t value) {
        json.key(name);
        json.integer(value);
    };
    count("steps", explained.steps);
    count("series", explained.series);
    count("points", explained.points);
    count("samplesRead", explained.samples_read);
    count("peakBytes", explained.peak_bytes);
    json.key("milliseconds");
    json.number(milliseconds(explained.seconds));
    json.key("ownMilliseconds");
    json.number(milliseconds(explained.own_seconds));
    if (explained.uses > 1) {
        count("uses", explained.uses);
    }
    if (!explained.inputs.empty()) {
        json.key("inputs");
        json.separate();
        char separator = '[';
        for (const ExplainedOperator& input : explained.inputs) {
            out += separator;
            append_operator(out, input);
            separator = ',';
        }
        out += ']';
    }
    json.end_object();
}

}  // namespace

void append_stats(std::string& out, const QueryStats& stats) {
    base::JsonWriter json(out);
    json.begin_object();
    json.key("timings");
    json.begin_object();
    const auto time = [&](std::string_view name, double seconds) {
        json.key(name);
        json.number(seconds);
    };
    time("evalTotalTime", stats.eval_time + stats.sort_time);
    time("resultSortTime", stats.sort_time);
    time("queryPreparationTime", stats.preparation_time);
    time("innerEvalTime", stats.inner_time());
    time("execQueueTime", stats.queue_time);
    time("execTotalTime", stats.total_time);
    json.end_object();
    json.key("samples");
    json.begin_object();
    write_steps(json, "totalQueryableSamplesPerStep", stats, stats.queryable_per_step);
    write_steps(json, "samplesReadPerStep", stats, stats.first_read_per_step);
    json.key("totalQueryableSamples");
    json.integer(stats.queryable_samples);
    json.key("samplesRead");
    json.integer(stats.samples_read);
    json.key("peakSamples");
    json.integer(stats.peak_samples);
    json.end_object();
    json.end_object();
}

void append_labels(std::string& out, const model::Labels& labels) {
    out += '{';
    bool first = true;
    for (const model::LabelView label : labels) {
        if (!first) {
            out += ',';
        }
        first = false;
        base::append_json_string(out, label.name);
        out += ':';
        base::append_json_string(out, label.value);
    }
    out += '}';
}

void append_labels(std::string& out, const AnswerLabels& labels) {
    char separator = '{';
    labels.for_each([&](std::string_view name, std::string_view value) {
        out += separator;
        separator = ',';
        base::append_json_string(out, name);
        out += ':';
        base::append_json_string(out, value);
    });
    out += separator == '{' ? "{}" : "}";
}

void append_histogram(std::string& out, const model::FloatHistogram& histogram) {
    out += R"({"count":)";
    append_quoted_value(out, histogram.count);
    out += R"(,"sum":)";
    append_quoted_value(out, histogram.sum);
    const char* separator = R"(,"buckets":[)";
    bool any = false;
    for (const histogram::Bucket& bucket : histogram::all_buckets(histogram)) {
        if (bucket.count == 0) {
            continue;
        }
        out += separator;
        out += '[';
        base::append_integer(out, rule_of(bucket));
        for (const double value : {bucket.lower, bucket.upper, bucket.count}) {
            out += ',';
            append_quoted_value(out, value);
        }
        out += ']';
        separator = ",";
        any = true;
    }
    out += any ? "]}" : "}";
}

char* PointStarts::write(char* at, size_t place, int64_t t) {
    if (place >= texts_.size()) {
        texts_.resize(std::min(place + 1, kPlacesMax));
    }
    Text* const kept = place < texts_.size() ? &texts_[place] : nullptr;
    if (kept != nullptr && kept->t == t && kept->size != 0) {
        std::memcpy(at, kept->text.data(), sizeof(kept->text));  // one or two moves
        return at + kept->size;
    }
    char* const begin = at;
    *at++ = ',';
    *at++ = '[';
    at = base::write_timestamp_ms(at, t);
    *at++ = ',';
    *at++ = '"';
    const auto size = static_cast<size_t>(at - begin);
    if (kept != nullptr && size <= sizeof(kept->text)) {
        kept->t = t;
        kept->size = static_cast<uint8_t>(size);
        std::memcpy(kept->text.data(), begin, size);
    }
    return at;
}

bool ResultWriter::write(std::string& out, size_t bytes) {
    const size_t until = out.size() + bytes;
    if (!begun_ && next_ == 0) {
        begin(out);
    }
    begun_ = true;
    while (out.size() < until) {
        if (!write_element(out)) {
            if (last_ == elements(result_)) {
                end(out);
            }
            return false;
        }
    }
    return true;
}

size_t ResultWriter::elements(const QueryResult& result) {
    if (const auto* vector = std::get_if<VectorValue>(&result.value)) {
        return vector->size();
    }
    const auto* matrix = std::get_if<MatrixValue>(&result.value);
    return matrix == nullptr ? 0 : matrix->size();
}

size_t ResultWriter::element_bytes(const QueryResult& result, size_t element) {
    constexpr size_t kBare = 32;
    constexpr size_t kLabel = 32;
    constexpr size_t kPoint = 28;
    constexpr size_t kHistogram = 1024;
    if (const auto* matrix = std::get_if<MatrixValue>(&result.value)) {
        const MatrixSeries& series = (*matrix)[element];
        return kBare + series.labels.size() * kLabel + series.floats.size() * kPoint +
               series.histograms.size() * kHistogram;
    }
    const VectorSample& sample = std::get<VectorValue>(result.value)[element];
    return kBare + sample.labels.size() * kLabel + (sample.histogram ? kHistogram : kPoint);
}

void ResultWriter::begin(std::string& out) {
    out += R"({"resultType":")";
    out += name_of(type_of(result_.value));
    out += R"(","result":)";
    if (const auto* scalar = std::get_if<ScalarValue>(&result_.value)) {
        append_pair(out, scalar->t, scalar->v);
    } else if (const auto* text = std::get_if<StringValue>(&result_.value)) {
        out += '[';
        base::append_timestamp_ms(out, text->t);
        out += ',';
        base::append_json_string(out, text->text);
        out += ']';
    } else {
        out += '[';
    }
}

bool ResultWriter::write_element(std::string& out) {
    const auto* vector = std::get_if<VectorValue>(&result_.value);
    const auto* matrix = std::get_if<MatrixValue>(&result_.value);
    if (next_ >= last_) {
        return false;
    }
    if (next_ > 0 && point_ == 0) {
        out += ',';
    }
    if (vector != nullptr) {
        append_sample(out, (*vector)[next_]);
        ++next_;
    } else if (!write_points(out, (*matrix)[next_])) {
        point_ = 0;
        ++next_;
    }
    return true;
}

bool ResultWriter::write_points(std::string& out, const MatrixSeries& series) {
    const size_t floats = series.floats.size();
    const size_t all = floats + series.histograms.size();
    if (point_ == 0) {
        out += R"({"metric":)";
        append_labels(out, series.labels);
    }
    const size_t end = point_ < floats ? std::min(floats, point_ + kFloatsPerPiece)
                                       : std::min(all, point_ + kHistogramsPerPiece);
    if (point_ < floats) {
        write_floats(out, series, point_, end);
    } else {
        for (size_t i = point_; i < end; ++i) {
            const HistogramPoint& point = series.histograms[i - floats];
            out += i == floats ? R"(,"histograms":[)" : ",";
            append_pair(out, point.t, *point.histogram);
        }
    }
    if (all != 0 && (end == floats || end == all)) {
        out += ']';
    }
    point_ = end;
    if (point_ < all) {
        return true;
    }
    out += '}';
    return false;
}

void ResultWriter::write_floats(std::string& out,
                                const MatrixSeries& series,
                                size_t begin,
                                size_t end) {
    constexpr size_t kPointMax = PointStarts::kBytesMax + base::kSampleValueMax + 2;
    constexpr size_t kPointsAtOnce = 64;
    std::array<char, kPointMax * kPointsAtOnce> text;
    while (begin < end) {
        char* at = text.data();
        const size_t until = std::min(end, begin + kPointsAtOnce);
        const bool first = begin == 0;
        for (; begin < until; ++begin) {
            at = starts_.write(at, begin, series.floats[begin].t);
            at = base::write_sample_value(at, series.floats[begin].v);
            *at++ = '"';
            *at++ = ']';
        }
        if (first) {
            out += R"(,"values":[)";
        }
        const size_t comma = first ? 1 : 0;
        out.append(text.data() + comma, at);
    }
}

void ResultWriter::end(std::string& out) {
    if (result_.value.index() >= 2) {
        out += ']';
    }
    if (with_stats_) {
        out += R"(,"stats":)";
        append_stats(out, result_.stats);
    }
    if (result_.explain != nullptr) {
        out += R"(,"explain":)";
        append_operator(out, *result_.explain);
    }
    out += '}';
}

}  // namespace query
