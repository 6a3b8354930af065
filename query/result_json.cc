#include "query/result_json.h"

#include <algorithm>
#include <cmath>

#include "base/float_format.h"
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

bool ResultWriter::write(std::string& out, size_t bytes) {
    const size_t until = out.size() + bytes;
    if (!begun_) {
        begun_ = true;
        begin(out);
    }
    while (out.size() < until) {
        if (!write_element(out)) {
            end(out);
            return false;
        }
    }
    return true;
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
    const size_t size =
        vector != nullptr ? vector->size() : (matrix != nullptr ? matrix->size() : 0);
    if (next_ >= size) {
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
    for (; point_ < end; ++point_) {
        if (point_ < floats) {
            out += point_ == 0 ? R"(,"values":[)" : ",";
            append_pair(out, series.floats[point_].t, series.floats[point_].v);
        } else {
            const HistogramPoint& point = series.histograms[point_ - floats];
            out += point_ == floats ? R"(,"histograms":[)" : ",";
            append_pair(out, point.t, *point.histogram);
        }
        if (point_ + 1 == floats || point_ + 1 == all) {
            out += ']';
        }
    }
    if (point_ < all) {
        return true;
    }
    out += '}';
    return false;
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
