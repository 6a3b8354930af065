#include "config/effective.h"

#include <set>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/float_format.h"
#include "config/blocks.h"

namespace config {
namespace {

NodePtr scalar(std::string text, bool quoted) {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kScalar;
    node->text = std::move(text);
    node->quoted = quoted;
    return node;
}

NodePtr block(Node::Kind kind) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    return node;
}

// A map that is written key by key.
class MapNode {
  public:
    MapNode() : node_(block(Node::Kind::kMap)) {}

    void add(const char* key, NodePtr value) {
        keys_.insert(key);
        node_->entries.emplace_back(scalar(key, false), std::move(value));
    }

    void text(const char* key, std::string_view value) {
        add(key, scalar(std::string(value), true));
    }

    void flag(const char* key, bool value) { add(key, scalar(value ? "true" : "false", false)); }

    void duration(const char* key, std::chrono::milliseconds value) {
        add(key, scalar(base::format_duration_ms(value.count()), false));
    }

    // Nothing for 0, which is no limit.
    void limit(const char* key, uint64_t value) {
        keys_.insert(key);
        if (value != 0) {
            add(key, scalar(std::to_string(value), false));
        }
    }

    void list(const char* key, const std::vector<std::string>& values) {
        NodePtr items = block(Node::Kind::kSequence);
        for (const std::string& value : values) {
            items->items.push_back(scalar(value, true));
        }
        add(key, std::move(items));
    }

    // The keys of `given` that nothing was said of, but for `later`.
    void add_rest(const Node& given, const std::set<std::string_view>& later) {
        for (const auto& [key, value] : given.entries) {
            if (!keys_.contains(key->text) && !later.contains(key->text) && !value->is_null()) {
                node_->entries.emplace_back(key, value);
            }
        }
    }

    [[nodiscard]] const NodePtr& node() const { return node_; }

  private:
    NodePtr node_;
    std::set<std::string> keys_;
};

NodePtr rule_node(const model::RelabelRule& rule) {
    MapNode map;
    if (!rule.source_labels.empty()) {
        map.list("source_labels", rule.source_labels);
    }
    map.text("separator", rule.separator);
    map.text("regex", pattern_of(rule));
    map.limit("modulus", rule.modulus);
    if (!rule.target_label.empty()) {
        map.text("target_label", rule.target_label);
    }
    map.text("replacement", rule.replacement);
    map.text("action", model::relabel_action_name(rule.action));
    return map.node();
}

void add_rules(MapNode& map, const char* key, const std::vector<model::RelabelRule>& rules) {
    if (rules.empty()) {
        return;
    }
    NodePtr list = block(Node::Kind::kSequence);
    for (const model::RelabelRule& rule : rules) {
        list->items.push_back(rule_node(rule));
    }
    map.add(key, std::move(list));
}

void add_params(MapNode& map, const scrape::JobOptions& job) {
    if (job.params.empty()) {
        return;
    }
    MapNode params;
    for (const auto& [name, values] : job.params) {
        params.list(name.c_str(), values);
    }
    map.add("params", params.node());
}

void add_protocols(MapNode& map, const scrape::JobOptions& job) {
    std::vector<std::string> names;
    for (const scrape::ScrapeProtocol protocol : job.protocols) {
        names.emplace_back(protocol_name(protocol));
    }
    map.list("scrape_protocols", names);
    if (job.fallback_protocol) {
        map.text("fallback_scrape_protocol", protocol_name(*job.fallback_protocol));
    }
}

void add_limits(MapNode& map, const scrape::JobOptions& job) {
    const scrape::ScrapeLimits& limits = job.limits;
    if (limits.body_size_bytes != 0) {
        map.add(
            "body_size_limit",
            scalar(base::format_byte_size(static_cast<int64_t>(limits.body_size_bytes)), false));
    }
    map.limit("sample_limit", limits.sample_limit);
    map.limit("target_limit", limits.target_limit);
    map.limit("label_limit", limits.label_limit);
    map.limit("label_name_length_limit", limits.label_name_length_limit);
    map.limit("label_value_length_limit", limits.label_value_length_limit);
    map.limit("native_histogram_bucket_limit", limits.native_histogram_bucket_limit);
    if (job.native_histogram_min_bucket_factor != 0) {
        std::string factor;
        base::append_float_g(factor, job.native_histogram_min_bucket_factor);
        map.add("native_histogram_min_bucket_factor", scalar(std::move(factor), false));
    }
    map.limit("keep_dropped_targets", limits.keep_dropped_targets);
}

}  // namespace

std::string_view pattern_of(const model::RelabelRule& rule) {
    return rule.regex ? std::string_view(rule.regex->pattern()) : "(.*)";
}

std::string effective_yaml(const Node& given, const scrape::JobOptions& job) {
    MapNode map;
    map.text("job_name", job.job_name);
    map.flag("honor_labels", job.honor_labels);
    map.flag("honor_timestamps", job.honor_timestamps);
    map.flag("track_timestamps_staleness", job.track_timestamps_staleness);
    add_params(map, job);
    map.duration("scrape_interval", job.interval);
    map.duration("scrape_timeout", job.timeout);
    add_protocols(map, job);
    map.flag("scrape_native_histograms", job.scrape_native_histograms);
    map.flag("always_scrape_classic_histograms", job.always_scrape_classic_histograms);
    map.flag("convert_classic_histograms_to_nhcb", job.convert_classic_histograms_to_nhcb);
    if (!job.failure_log_file.empty()) {
        map.text("scrape_failure_log_file", job.failure_log_file);
    }
    map.text("metrics_path", job.metrics_path);
    map.text("scheme", job.scheme);
    map.flag("enable_compression", job.enable_compression);
    add_limits(map, job);
    map.text("metric_name_validation_scheme", name_scheme_name(job.name_scheme));
    map.text("metric_name_escaping_scheme", escaping_scheme_name(job.escaping_scheme));
    map.flag("extra_scrape_metrics", job.extra_scrape_metrics);
    map.flag("follow_redirects", job.client.follow_redirects);
    map.flag("enable_http2", job.client.enable_http2);
    map.add_rest(given, {"relabel_configs", "metric_relabel_configs"});
    add_rules(map, "relabel_configs", job.relabel_rules);
    add_rules(map, "metric_relabel_configs", job.metric_relabel_rules);
    return print_yaml(*map.node());
}

}  // namespace config
