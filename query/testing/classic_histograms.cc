// Classic histograms become native ones with custom buckets: what load_with_nhcb stores besides.
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/number.h"
#include "query/testing/histogram_literal.h"
#include "query/testing/script.h"

namespace query::testing {
namespace {

using base::Code;
using base::Result;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Part : uint8_t { kNone, kBucket, kCount, kSum };

struct PartName {
    Part part = Part::kNone;
    std::string_view base;  // the name without its suffix
};

PartName part_of(std::string_view name) {
    constexpr std::pair<std::string_view, Part> kSuffixes[] = {
        {"_bucket", Part::kBucket}, {"_count", Part::kCount}, {"_sum", Part::kSum}};
    for (const auto& [suffix, part] : kSuffixes) {
        if (name.ends_with(suffix)) {
            return {part, name.substr(0, name.size() - suffix.size())};
        }
    }
    return {};
}

// One classic histogram at one time.
struct Classic {
    std::map<double, double> cumulative;  // count up to each bound; the first one given stays
    std::optional<double> count;
    double sum = 0;
};

base::Status check_cumulative(const Classic& classic) {
    double before = 0;
    for (const auto& [bound, count] : classic.cumulative) {
        if (count < before) {
            return base::fail(Code::kInvalid, "count is not cumulative:", count, "<", before);
        }
        before = count;
    }
    return base::success();
}

Result<model::FloatHistogram> to_native(Classic classic) {
    TRY(check_cumulative(classic));
    auto& buckets = classic.cumulative;
    const double last = buckets.empty() ? 0 : buckets.rbegin()->second;
    const double count = classic.count.value_or(last);
    buckets.try_emplace(kInfinity, count);
    if (buckets[kInfinity] != count) {
        return base::fail(Code::kInvalid,
                          "count mismatch: count",
                          count,
                          "and the +Inf bucket",
                          buckets[kInfinity]);
    }
    model::FloatHistogram out;
    out.schema = model::kCustomBucketsSchema;
    out.count = count;
    out.sum = classic.sum;
    out.positive_spans = {{.offset = 0, .length = static_cast<uint32_t>(buckets.size())}};
    double before = 0;
    for (const auto& [bound, cumulative] : buckets) {
        out.positive_buckets.push_back(cumulative - before);
        before = cumulative;
        if (bound != kInfinity) {
            out.custom_values.push_back(bound);
        }
    }
    compact(out);
    return out;
}

// All classic histograms of a load, by labels without `le` and by time.
class Collector {
  public:
    void add(const ScriptSeries& series) {
        const PartName name = part_of(series.labels.metric_name());
        double bound = 0;
        if (name.part == Part::kNone ||
            (name.part == Part::kBucket && !parse_bound(series.labels, bound))) {
            return;
        }
        auto& by_time = histograms_[base_labels(series.labels, name.base)];
        for (const ScriptSample& sample : series.samples) {
            if (sample.histogram == nullptr) {
                set(by_time[sample.t_ms], name.part, bound, sample.value);
            }
        }
    }

    Result<std::vector<ScriptSeries>> convert() {
        std::vector<ScriptSeries> out;
        for (auto& [labels, by_time] : histograms_) {
            ScriptSeries series{labels, {}};
            for (auto& [t, classic] : by_time) {
                TRY(auto native,
                    context(to_native(std::move(classic)), "convert", labels.to_series_string()));
                series.samples.push_back(
                    {.t_ms = t,
                     .histogram =
                         std::make_shared<const model::FloatHistogram>(std::move(native))});
            }
            out.push_back(std::move(series));
        }
        return out;
    }

  private:
    static bool parse_bound(const model::Labels& labels, double& bound) {
        const std::string_view text = labels.get(model::kBucketLabel);
        return base::parse_float(text, bound) && !std::isnan(bound);
    }

    static model::Labels base_labels(const model::Labels& labels, std::string_view name) {
        model::LabelsBuilder builder(labels);
        builder.set(model::kMetricName, name);
        builder.remove(model::kBucketLabel);
        return builder.labels();
    }

    static void set(Classic& classic, Part part, double bound, double value) {
        switch (part) {
            case Part::kNone:
                return;
            case Part::kBucket:
                classic.cumulative.try_emplace(bound, value);
                return;
            case Part::kCount:
                classic.count = value;
                return;
            case Part::kSum:
                classic.sum = value;
                return;
        }
    }

    std::map<model::Labels, std::map<int64_t, Classic>> histograms_;
};

}  // namespace

Result<std::vector<ScriptSeries>> native_from_classic(const std::vector<ScriptSeries>& series) {
    Collector collector;
    for (const ScriptSeries& one : series) {
        collector.add(one);
    }
    return collector.convert();
}

}  // namespace query::testing
