#include "engine/self_metrics_api.h"

#include <cmath>
#include <vector>

#include "base/json.h"
#include "base/number.h"
#include "model/api_answer.h"
#include "model/matcher.h"
#include "scrape/parse/parser.h"

namespace engine {
namespace {

using base::Code;
using base::JsonWriter;
using base::Result;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;
using model::MetricType;

// Numbers that JSON has no form for are texts, as are 64-bit integers.
void write_number(JsonWriter& json, double value) {
    if (std::isnan(value)) {
        json.string("NaN");
    } else if (std::isinf(value)) {
        json.string(value > 0 ? "Infinity" : "-Infinity");
    } else {
        json.number(value);
    }
}

void write_count(JsonWriter& json, double count) {
    json.string(std::to_string(static_cast<uint64_t>(count)));
}

// Reads a page line by line and writes its families. A histogram's or a summary's last line is its
// count.
class Families {
  public:
    Families(std::string_view page, const model::Regex* names, std::string& out)
        : parser_(scrape::make_parser(scrape::Format::kText, page)), names_(names), json_(out) {}

    base::Status write() {
        json_.begin_array();
        while (true) {
            switch (parser_->next()) {
                case scrape::EntryKind::kHelp:
                    begin(parser_->metadata().family);
                    help_ = parser_->help(scratch_);
                    break;
                case scrape::EntryKind::kType:
                    begin(parser_->metadata().family);
                    type_ = parser_->metadata().type;
                    break;
                case scrape::EntryKind::kUnit:
                    break;
                case scrape::EntryKind::kSeries:
                    if (wanted_) {
                        TRY(sample());
                    }
                    break;
                case scrape::EntryKind::kEnd:
                    end();
                    json_.end_array();
                    return base::success();
                case scrape::EntryKind::kError:
                    return base::fail(
                        Code::kInternal, "read own metrics:", parser_->error().message());
            }
        }
    }

  private:
    struct Bucket {
        double bound;
        double count;
    };

    void begin(std::string_view family) {
        if (family == family_) {
            return;
        }
        end();
        family_ = family;
        help_.clear();
        type_ = MetricType::kUnknown;
        wanted_ = names_ == nullptr || names_->matches(family);
    }

    void end() {
        if (std::exchange(open_, false)) {
            json_.end_array();
            json_.end_object();
        }
    }

    // A family without a metric is left out.
    void open() {
        if (std::exchange(open_, true)) {
            return;
        }
        json_.begin_object();
        json_.member("name", family_);
        json_.member("help", help_);
        json_.member("type", type_name());
        json_.key("metric");
        json_.begin_array();
    }

    [[nodiscard]] std::string_view type_name() const {
        switch (type_) {
            case MetricType::kCounter:
                return "COUNTER";
            case MetricType::kGauge:
                return "GAUGE";
            case MetricType::kHistogram:
                return "HISTOGRAM";
            case MetricType::kSummary:
                return "SUMMARY";
            default:
                return "UNTYPED";
        }
    }

    base::Status sample() {
        TRY(parser_->labels(labels_));
        const std::string_view name = metric_name();
        const double value = parser_->series().value;
        if (type_ != MetricType::kHistogram && type_ != MetricType::kSummary) {
            simple(value);
        } else if (name.ends_with("_bucket")) {
            buckets_.push_back({bound(), value});
        } else if (name.ends_with("_sum")) {
            sum_ = value;
        } else {
            distribution(value);
        }
        return base::success();
    }

    [[nodiscard]] std::string_view metric_name() const {
        for (const model::LabelView label : labels_.labels) {
            if (label.name == model::kMetricName) {
                return label.value;
            }
        }
        return family_;
    }

    [[nodiscard]] double bound() const {
        double bound = HUGE_VAL;
        for (const model::LabelView label : labels_.labels) {
            if (label.name == "le" && !base::parse_float(label.value, bound)) {
                bound = HUGE_VAL;
            }
        }
        return bound;
    }

    void begin_metric() {
        open();
        json_.begin_object();
        bool any = false;
        for (const model::LabelView label : labels_.labels) {
            if (label.name == model::kMetricName) {
                continue;
            }
            if (!std::exchange(any, true)) {
                json_.key("label");
                json_.begin_array();
            }
            json_.begin_object();
            json_.member("name", label.name);
            json_.member("value", label.value);
            json_.end_object();
        }
        if (any) {
            json_.end_array();
        }
    }

    void simple(double value) {
        begin_metric();
        json_.key(type_ == MetricType::kCounter ? "counter"
                  : type_ == MetricType::kGauge ? "gauge"
                                                : "untyped");
        json_.begin_object();
        json_.key("value");
        write_number(json_, value);
        json_.end_object();
        json_.end_object();
    }

    // The bucket of +Inf says what the count says.
    void distribution(double count) {
        begin_metric();
        json_.key(type_ == MetricType::kHistogram ? "histogram" : "summary");
        json_.begin_object();
        json_.key("sampleCount");
        write_count(json_, count);
        json_.key("sampleSum");
        write_number(json_, sum_);
        if (type_ == MetricType::kHistogram) {
            json_.key("bucket");
            json_.begin_array();
            for (const Bucket& bucket : buckets_) {
                if (std::isfinite(bucket.bound)) {
                    json_.begin_object();
                    json_.key("cumulativeCount");
                    write_count(json_, bucket.count);
                    json_.key("upperBound");
                    write_number(json_, bucket.bound);
                    json_.end_object();
                }
            }
            json_.end_array();
        }
        json_.end_object();
        json_.end_object();
        buckets_.clear();
        sum_ = 0;
    }

    const std::unique_ptr<scrape::Parser> parser_;
    const model::Regex* const names_;
    JsonWriter json_;
    std::string family_, help_, scratch_;
    MetricType type_ = MetricType::kUnknown;
    bool wanted_ = false;  // the family
    bool open_ = false;    // it is being written
    scrape::SeriesLabels labels_;
    std::vector<Bucket> buckets_;
    double sum_ = 0;
};

}  // namespace

Result<std::string> metric_families_json(std::string_view page, std::string_view name_pattern) {
    std::shared_ptr<const model::Regex> names;
    if (!name_pattern.empty()) {
        auto compiled = model::Regex::compile(name_pattern);
        if (!compiled) {
            return base::fail(base::Error(
                Code::kInvalid, "invalid metric_name_pattern: " + compiled.error().message()));
        }
        names = std::move(compiled).value();
    }
    std::string out;
    TRY(Families(page, names.get(), out).write());
    return out;
}

void register_self_metrics_route(base::http::Router& router,
                                 const base::Registry& registry,
                                 base::WorkerPool* pool) {
    base::http::RouteOptions options;
    options.cors = true;
    options.pool = pool;
    router.add(
        {base::http::Method::kGet},
        "/api/v1/status/self_metrics",
        [&registry](const Request& request, const RequestContext&) {
            std::string page;
            registry.write_text(page);
            const auto data = metric_families_json(page, request.query.get("metric_name_pattern"));
            return data ? model::api_success(data.value()) : model::api_error(data.error());
        },
        options);
}

}  // namespace engine
