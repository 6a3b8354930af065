#include "scrape/label_merge.h"

#include <algorithm>

#include "base/json.h"

namespace scrape {
namespace {

constexpr std::string_view kExportedPrefix = "exported_";
constexpr size_t kQuotedMax = 50;  // characters of a name or value in an error

bool has_name(const std::vector<model::LabelView>& sorted, std::string_view name) {
    const auto at = std::lower_bound(
        sorted.begin(),
        sorted.end(),
        name,
        [](const model::LabelView& label, std::string_view key) { return label.name < key; });
    return at != sorted.end() && at->name == name && !at->value.empty();
}

void insert_sorted(std::vector<model::LabelView>& sorted, model::LabelView label) {
    const auto at = std::lower_bound(
        sorted.begin(),
        sorted.end(),
        label.name,
        [](const model::LabelView& other, std::string_view key) { return other.name < key; });
    sorted.insert(at, label);
}

base::Status check_names(const model::Labels& labels, model::NameScheme scheme) {
    bool valid = model::is_valid_metric_name(labels.metric_name(), scheme);
    for (const model::LabelView label : labels) {
        valid = valid && (label.name == model::kMetricName ||
                          model::is_valid_label_name(label.name, scheme));
    }
    if (valid) {
        return base::success();
    }
    return base::fail(
        base::Code::kInvalid, "invalid metric name or label names:", labels.to_string());
}

std::string cut(std::string_view text) {
    return std::string(text.substr(0, kQuotedMax));
}

std::string cut_and_quote(std::string_view text) {
    std::string out;
    base::append_json_string(out, text.substr(0, kQuotedMax), base::HtmlEscape::kNo);
    return out;
}

}  // namespace

void LabelMerger::prefer_target(const SeriesLabels& scraped, const model::Labels& target) {
    auto own = target.begin();
    const auto own_end = target.end();
    for (const model::LabelView& label : scraped.labels) {
        while (own != own_end && own->name < label.name) {
            merged_.push_back(*own);
            ++own;
        }
        if (own != own_end && own->name == label.name) {
            if (!label.value.empty()) {
                clashes_.push_back(label);
            }
            merged_.push_back(*own);
            ++own;
        } else if (!label.value.empty()) {
            merged_.push_back(label);
        }
    }
    for (; own != own_end; ++own) {
        merged_.push_back(*own);
    }
}

void LabelMerger::export_clashes() {
    std::stable_sort(clashes_.begin(), clashes_.end(), [](const auto& left, const auto& right) {
        return left.name.size() < right.name.size();
    });
    for (const model::LabelView& clash : clashes_) {
        std::string& name = names_.emplace_back(clash.name);
        do {
            name.insert(0, kExportedPrefix);
        } while (has_name(merged_, name));
        insert_sorted(merged_, {name, clash.value});
    }
}

void LabelMerger::prefer_scraped(const SeriesLabels& scraped, const model::Labels& target) {
    auto own = target.begin();
    const auto own_end = target.end();
    for (const model::LabelView& label : scraped.labels) {
        while (own != own_end && own->name < label.name) {
            merged_.push_back(*own);
            ++own;
        }
        if (own != own_end && own->name == label.name) {
            ++own;
        }
        if (!label.value.empty()) {
            merged_.push_back(label);
        }
    }
    for (; own != own_end; ++own) {
        merged_.push_back(*own);
    }
}

base::Result<model::Labels> LabelMerger::merge(const SeriesLabels& scraped,
                                               const model::Labels& target,
                                               const JobOptions& job) {
    merged_.clear();
    clashes_.clear();
    names_.clear();
    if (job.honor_labels) {
        prefer_scraped(scraped, target);
    } else {
        prefer_target(scraped, target);
        export_clashes();
    }
    model::Labels labels = model::Labels::from_sorted(merged_);
    if (!job.metric_relabel_rules.empty()) {
        builder_.reset(labels);
        if (!model::relabel(job.metric_relabel_rules, builder_)) {
            return model::Labels();
        }
        labels = builder_.labels();
    }
    if (labels.empty()) {
        return labels;
    }
    if (!labels.has(model::kMetricName)) {
        return base::fail(base::Code::kInvalid, "missing metric name (__name__ label)");
    }
    TRY(check_names(labels, job.name_scheme));
    TRY(check_label_limits(labels, job.limits));
    return labels;
}

model::Labels report_labels(std::string_view metric, const model::Labels& target) {
    model::LabelsBuilder builder;
    builder.set(model::kMetricName, metric);
    for (const model::LabelView label : target) {
        builder.set(std::string(kExportedPrefix) + std::string(label.name),
                    builder.get(label.name));
        builder.set(label.name, label.value);
    }
    return builder.labels();
}

base::Status check_label_limits(const model::Labels& labels, const ScrapeLimits& limits) {
    const auto metric = [&] { return "(metric: " + cut(labels.metric_name()); };
    if (limits.label_limit > 0 && labels.size() > limits.label_limit) {
        return base::fail(base::Code::kLimit,
                          "label_limit exceeded " + metric() +
                              ", number of labels: " + std::to_string(labels.size()) +
                              ", limit: " + std::to_string(limits.label_limit) + ")");
    }
    if (limits.label_name_length_limit == 0 && limits.label_value_length_limit == 0) {
        return base::success();
    }
    for (const model::LabelView label : labels) {
        if (limits.label_name_length_limit > 0 &&
            label.name.size() > limits.label_name_length_limit) {
            return base::fail(base::Code::kLimit,
                              "label_name_length_limit exceeded " + metric() +
                                  ", label name: " + cut(label.name) +
                                  ", length: " + std::to_string(label.name.size()) + ", limit: " +
                                  std::to_string(limits.label_name_length_limit) + ")");
        }
        if (limits.label_value_length_limit > 0 &&
            label.value.size() > limits.label_value_length_limit) {
            return base::fail(
                base::Code::kLimit,
                "label_value_length_limit exceeded " + metric() +
                    ", label name: " + cut(label.name) + ", value: " + cut_and_quote(label.value) +
                    ", length: " + std::to_string(label.value.size()) +
                    ", limit: " + std::to_string(limits.label_value_length_limit) + ")");
        }
    }
    return base::success();
}

}  // namespace scrape
