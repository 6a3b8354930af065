#include "engine/commands/tsdb/sample_text.h"

#include "base/float_format.h"
#include "query/histogram/buckets.h"

namespace engine {
namespace {

using query::histogram::Bucket;

std::vector<double> counts_of(const std::vector<int64_t>& deltas) {
    std::vector<double> counts;
    int64_t count = 0;
    for (const int64_t delta : deltas) {
        count += delta;
        counts.push_back(static_cast<double>(count));
    }
    return counts;
}

// For its bounds: the counts of a bucket are exact as long as they are below 2^53.
model::FloatHistogram floating_of(const model::Histogram& histogram) {
    model::FloatHistogram out;
    out.schema = histogram.schema;
    out.zero_threshold = histogram.zero_threshold;
    out.zero_count = static_cast<double>(histogram.zero_count);
    out.count = static_cast<double>(histogram.count);
    out.sum = histogram.sum;
    out.positive_spans = histogram.positive_spans;
    out.negative_spans = histogram.negative_spans;
    out.positive_buckets = counts_of(histogram.positive_deltas);
    out.negative_buckets = counts_of(histogram.negative_deltas);
    out.custom_values = histogram.custom_values;
    return out;
}

void append_bucket(std::string& out, const Bucket& bucket) {
    out += bucket.lower_inclusive ? ", [" : ", (";
    base::append_float_g(out, bucket.lower);
    out += ',';
    base::append_float_g(out, bucket.upper);
    out += bucket.upper_inclusive ? "]:" : "):";
    base::append_natural(out, static_cast<uint64_t>(bucket.count));
}

// Counts of whole numbers are printed as such, however large.
void append_integer_histogram(std::string& out, const model::Histogram& histogram) {
    const model::FloatHistogram floating = floating_of(histogram);
    out += "{count:";
    base::append_natural(out, histogram.count);
    out += ", sum:";
    base::append_float_g(out, histogram.sum);
    const auto negative =
        query::histogram::unpack(floating.negative_spans, floating.negative_buckets);
    for (size_t i = negative.size(); i-- > 0;) {
        if (negative[i].count != 0) {
            append_bucket(out, query::histogram::negative_bucket(floating, negative[i]));
        }
    }
    if (histogram.zero_count != 0) {
        append_bucket(out, query::histogram::zero_bucket(floating));
    }
    for (const auto& bucket :
         query::histogram::unpack(floating.positive_spans, floating.positive_buckets)) {
        if (bucket.count != 0) {
            append_bucket(out, query::histogram::positive_bucket(floating, bucket));
        }
    }
    out += '}';
}

}  // namespace

void append_sample_text(std::string& out, const model::TypedSample& sample) {
    if (sample.integer != nullptr) {
        append_integer_histogram(out, *sample.integer);
    } else if (sample.floating != nullptr) {
        out += query::histogram::to_string(*sample.floating);
    } else {
        base::append_float_g(out, sample.v);
    }
}

}  // namespace engine
