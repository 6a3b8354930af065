#include <algorithm>
#include <cstdlib>

#include "base/utf8.h"
#include "config/blocks.h"

namespace config {
namespace {

using model::NameScheme;
using scrape::EscapingScheme;
using scrape::JobOptions;
using scrape::ScrapeProtocol;

constexpr std::pair<std::string_view, ScrapeProtocol> kProtocols[] = {
    {"PrometheusProto", ScrapeProtocol::kPrometheusProto},
    {"OpenMetricsText0.0.1", ScrapeProtocol::kOpenMetricsText0_0_1},
    {"OpenMetricsText1.0.0", ScrapeProtocol::kOpenMetricsText1_0_0},
    {"PrometheusText0.0.4", ScrapeProtocol::kPrometheusText0_0_4},
    {"PrometheusText1.0.0", ScrapeProtocol::kPrometheusText1_0_0}};

constexpr std::pair<std::string_view, NameScheme> kNameSchemes[] = {
    {"utf8", NameScheme::kUtf8}, {"legacy", NameScheme::kLegacy}};

constexpr std::pair<std::string_view, EscapingScheme> kEscapingSchemes[] = {
    {"allow-utf-8", EscapingScheme::kAllowUtf8},
    {"underscores", EscapingScheme::kUnderscores},
    {"dots", EscapingScheme::kDots},
    {"values", EscapingScheme::kValues}};

template <class Enum, size_t kCount>
std::string_view word_of(const std::pair<std::string_view, Enum> (&words)[kCount], Enum value) {
    for (const auto& [word, meant] : words) {
        if (meant == value) {
            return word;
        }
    }
    return "";
}

std::optional<ScrapeProtocol> to_protocol(std::string_view word) {
    for (const auto& [name, protocol] : kProtocols) {
        if (name == word) {
            return protocol;
        }
    }
    return std::nullopt;
}

void read_protocols(MapReader& map, std::vector<ScrapeProtocol>& out) {
    std::vector<std::string> words;
    map.read("scrape_protocols", words);
    if (map.find("scrape_protocols") == nullptr) {
        return;
    }
    out.clear();
    for (const std::string& word : words) {
        const auto protocol = to_protocol(word);
        if (!protocol) {
            map.problem(
                map.at("scrape_protocols"),
                "unknown scrape protocol " + word +
                    ", supported: [OpenMetricsText0.0.1 OpenMetricsText1.0.0 PrometheusProto "
                    "PrometheusText0.0.4 PrometheusText1.0.0]");
        } else if (std::find(out.begin(), out.end(), *protocol) != out.end()) {
            map.problem(map.at("scrape_protocols"),
                        "duplicated protocol in scrape_protocols, got " + word);
        } else {
            out.push_back(*protocol);
        }
    }
    if (words.empty()) {
        map.problem(map.at("scrape_protocols"), "scrape_protocols cannot be empty");
    }
}

// Keys that global and scrape_config share.
void read_shared(MapReader& map, Scope& scope, JobOptions& job) {
    map.read_size("body_size_limit", job.limits.body_size_bytes);
    map.read("sample_limit", job.limits.sample_limit);
    map.read("target_limit", job.limits.target_limit);
    map.read("label_limit", job.limits.label_limit);
    map.read("label_name_length_limit", job.limits.label_name_length_limit);
    map.read("label_value_length_limit", job.limits.label_value_length_limit);
    map.read("keep_dropped_targets", job.limits.keep_dropped_targets);
    map.read_choice<NameScheme>("metric_name_validation_scheme", job.name_scheme, kNameSchemes);
    map.read_choice<EscapingScheme>(
        "metric_name_escaping_scheme", job.escaping_scheme, kEscapingSchemes);
    map.read("scrape_native_histograms", job.scrape_native_histograms);
    map.read("convert_classic_histograms_to_nhcb", job.convert_classic_histograms_to_nhcb);
    map.read("always_scrape_classic_histograms", job.always_scrape_classic_histograms);
    map.read("extra_scrape_metrics", job.extra_scrape_metrics);
    map.read_path("scrape_failure_log_file", scope.folder, job.failure_log_file);
}

std::string expand_environment(const std::string& text, std::vector<std::string>& warnings) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        if (text[i + 1] == '$') {
            out += '$';
            ++i;
            continue;
        }
        const bool braces = text[i + 1] == '{';
        const size_t start = i + (braces ? 2 : 1);
        size_t end = start;
        while (end < text.size() &&
               (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) {
            ++end;
        }
        if (end == start || (braces && (end == text.size() || text[end] != '}'))) {
            out += '$';
            continue;
        }
        const std::string name = text.substr(start, end - start);
        const char* value =
            std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets variables
        if (value == nullptr) {
            warnings.push_back("external_labels: environment variable " + name +
                               " is not set; it counts as empty");
        } else {
            out += value;
        }
        i = braces ? end : end - 1;
    }
    return out;
}

const std::vector<ScrapeProtocol>& default_protocols(bool protobuf_first) {
    using enum ScrapeProtocol;
    static const std::vector<ScrapeProtocol> kText{
        kOpenMetricsText1_0_0, kOpenMetricsText0_0_1, kPrometheusText1_0_0, kPrometheusText0_0_4};
    static const std::vector<ScrapeProtocol> kProtobuf{kPrometheusProto,
                                                       kOpenMetricsText1_0_0,
                                                       kOpenMetricsText0_0_1,
                                                       kPrometheusText1_0_0,
                                                       kPrometheusText0_0_4};
    return protobuf_first ? kProtobuf : kText;
}

void read_params(MapReader& map, std::map<std::string, std::vector<std::string>>& out) {
    const Node* params = map.find("params");
    if (params == nullptr) {
        return;
    }
    if (params->kind != Node::Kind::kMap) {
        map.problem(*params, "params must be keys with lists of values");
        return;
    }
    for (const auto& [name, values] : params->entries) {
        if (values->kind != Node::Kind::kSequence && !values->is_null()) {
            map.problem(*values, "params." + name->text + " must be a list");
            continue;
        }
        for (const NodePtr& value : values->items) {
            out[name->text].push_back(value->text);
        }
    }
}

void check_timing(MapReader& map, const JobOptions& job) {
    if (job.interval < kMinInterval) {
        map.problem(map.at("scrape_interval"), "scrape_interval must be greater than 0");
    }
    if (job.timeout > job.interval) {
        map.problem(
            map.at("scrape_timeout"),
            "scrape timeout greater than scrape interval for scrape config with job name \"" +
                job.job_name + "\"");
    }
}

void note_unbuilt(const JobOptions& job, const Node& node, Scope& scope) {
    const std::string owner = "job " + job.job_name;
    if (job.scrape_native_histograms) {
        scope.unbuilt.push_back({"scrape_native_histograms", owner, node.place()});
    }
    if (job.convert_classic_histograms_to_nhcb) {
        scope.unbuilt.push_back({"convert_classic_histograms_to_nhcb", owner, node.place()});
    }
    if (job.protocols.size() == 1 && job.protocols.front() == ScrapeProtocol::kPrometheusProto) {
        scope.unbuilt.push_back({"scrape_protocols: PrometheusProto", owner, node.place()});
    }
}

}  // namespace

std::string_view protocol_name(ScrapeProtocol protocol) {
    return word_of(kProtocols, protocol);
}

std::string_view name_scheme_name(NameScheme scheme) {
    return word_of(kNameSchemes, scheme);
}

std::string_view escaping_scheme_name(EscapingScheme scheme) {
    return word_of(kEscapingSchemes, scheme);
}

model::Labels read_labels(MapReader& map, std::string_view key, Scope& scope) {
    const Node* node = map.find(key);
    if (node == nullptr) {
        return {};
    }
    if (node->kind != Node::Kind::kMap) {
        map.problem(*node, std::string(key) + " must be label names and values");
        return {};
    }
    std::vector<model::LabelView> labels;
    for (const auto& [name, value] : node->entries) {
        if (!model::is_valid_label_name(name->text, scope.name_scheme)) {
            map.problem(*name,
                        "\"" + base::to_valid_utf8(name->text) + "\" is not a valid label name");
        } else if (value->kind == Node::Kind::kMap || value->kind == Node::Kind::kSequence) {
            map.problem(*value, "label " + name->text + " must be a single value");
        } else if (!base::is_valid_utf8(value->text)) {
            map.problem(*value, "the value of label " + name->text + " is not valid UTF-8");
        } else {
            labels.push_back({name->text, value->text});
        }
    }
    return model::Labels::from_unsorted(std::move(labels));
}

void read_global(const Node& node,
                 Scope& scope,
                 GlobalOptions& out,
                 std::vector<std::string>& warnings) {
    MapReader map(node, "global", scope.problems);
    JobOptions& job = out.job_defaults;
    map.read("scrape_interval", job.interval);
    out.timeout_given = map.find("scrape_timeout") != nullptr;
    map.read("scrape_timeout", job.timeout);
    if (!out.timeout_given) {
        job.timeout = std::min(job.timeout, job.interval);
    }
    check_timing(map, job);
    map.read("evaluation_interval", out.evaluation_interval);
    map.read("rule_query_offset", out.rule_query_offset);
    map.read_path("query_log_file", scope.folder, out.query_log_file);
    read_shared(map, scope, job);
    scope.name_scheme = job.name_scheme;
    out.escaping_given = map.find("metric_name_escaping_scheme") != nullptr;
    if (job.name_scheme == NameScheme::kLegacy && out.escaping_given &&
        job.escaping_scheme == EscapingScheme::kAllowUtf8) {
        map.problem(map.at("metric_name_escaping_scheme"),
                    "utf8 metric names requested but validation scheme is not set to utf8");
    }
    read_protocols(map, out.protocols);
    model::LabelsBuilder expanded(read_labels(map, "external_labels", scope));
    for (const auto& [name, value] : std::vector(expanded.entries())) {
        expanded.set(name, expand_environment(value, warnings));
    }
    out.external_labels = expanded.labels();
}

JobOptions read_scrape_config(const Node& node, Scope& outer, const GlobalOptions& global) {
    Scope scope = outer;
    MapReader map(node, "scrape_config", scope.problems);
    JobOptions job = global.job_defaults;
    map.read("job_name", job.job_name);
    if (job.job_name.empty()) {
        map.problem("job_name is empty");
    }
    const bool interval_given = map.find("scrape_interval") != nullptr;
    map.read("scrape_interval", job.interval);
    const bool timeout_given = map.find("scrape_timeout") != nullptr;
    map.read("scrape_timeout", job.timeout);
    if (!timeout_given && (interval_given || !global.timeout_given)) {
        job.timeout = std::min(global.job_defaults.timeout, job.interval);
    }
    check_timing(map, job);
    read_shared(map, scope, job);
    scope.name_scheme = job.name_scheme;
    const bool escaping_given =
        map.find("metric_name_escaping_scheme") != nullptr || global.escaping_given;
    if (job.name_scheme == NameScheme::kLegacy &&
        job.escaping_scheme == EscapingScheme::kAllowUtf8) {
        if (escaping_given) {
            map.problem("utf8 metric names requested but validation scheme is not set to utf8");
        }
        job.escaping_scheme = EscapingScheme::kUnderscores;
    }
    map.read("metrics_path", job.metrics_path);
    map.read("scheme", job.scheme);
    if (job.scheme != "http" && job.scheme != "https") {
        map.problem(map.at("scheme"), "scheme must be http or https, not \"" + job.scheme + "\"");
    }
    read_params(map, job.params);
    map.read("honor_labels", job.honor_labels);
    map.read("honor_timestamps", job.honor_timestamps);
    map.read("track_timestamps_staleness", job.track_timestamps_staleness);
    map.read("enable_compression", job.enable_compression);
    map.read("native_histogram_bucket_limit", job.limits.native_histogram_bucket_limit);
    map.read("native_histogram_min_bucket_factor", job.native_histogram_min_bucket_factor);
    job.protocols = global.protocols;
    read_protocols(map, job.protocols);
    if (job.protocols.empty()) {
        job.protocols = default_protocols(job.scrape_native_histograms);
    }
    if (map.find("fallback_scrape_protocol") != nullptr) {
        ScrapeProtocol fallback = ScrapeProtocol::kPrometheusText0_0_4;
        map.read_choice<ScrapeProtocol>("fallback_scrape_protocol", fallback, kProtocols);
        job.fallback_protocol = fallback;
    }
    read_http_client(map, scope, job.client);
    read_relabel_rules(map, "relabel_configs", scope, job.relabel_rules);
    read_relabel_rules(map, "metric_relabel_configs", scope, job.metric_relabel_rules);
    read_discovery(map, scope, "job " + job.job_name, !job.relabel_rules.empty(), job.discovery);
    note_unbuilt(job, node, scope);
    return job;
}

}  // namespace config
