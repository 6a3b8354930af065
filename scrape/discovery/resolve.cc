#include "scrape/discovery/resolve.h"

#include <cstdio>
#include <map>
#include <unordered_set>

#include "base/checksum.h"
#include "base/duration.h"
#include "base/http/url.h"
#include "base/utf8.h"

namespace scrape {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kMetricsPath = "__metrics_path__";
constexpr std::string_view kInterval = "__scrape_interval__";
constexpr std::string_view kTimeout = "__scrape_timeout__";
constexpr std::string_view kUnixSocket = "__unix_socket__";
constexpr std::string_view kParamPrefix = "__param_";
constexpr std::string_view kMetaPrefix = "__meta_";
constexpr std::string_view kReservedPrefix = "__";

// Path characters that Go leaves alone, besides letters and digits.
constexpr std::string_view kPathPlain = "-_.~$&+,/:;=@";

std::string escape_path(std::string_view path) {
    std::string out;
    for (const char byte : path) {
        const auto value = static_cast<unsigned char>(byte);
        const bool plain = (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z') ||
                           (value >= '0' && value <= '9') ||
                           kPathPlain.find(byte) != std::string_view::npos;
        if (plain) {
            out.push_back(byte);
        } else {
            constexpr std::string_view kHex = "0123456789ABCDEF";
            out.push_back('%');
            out.push_back(kHex[value >> 4]);
            out.push_back(kHex[value & 15]);
        }
    }
    return out;
}

std::string query_of(const JobOptions& job, const model::Labels& labels) {
    std::map<std::string, std::vector<std::string>> params = job.params;
    for (const model::LabelView label : labels) {
        if (label.name.starts_with(kParamPrefix)) {
            auto& values = params[std::string(label.name.substr(kParamPrefix.size()))];
            if (values.empty()) {
                values.emplace_back(label.value);
            } else {
                values.front() = label.value;
            }
        }
    }
    std::string query;
    for (const auto& [name, values] : params) {
        for (const std::string& value : values) {
            query += query.empty() ? "" : "&";
            query += base::http::percent_encode(name) + "=" + base::http::percent_encode(value);
        }
    }
    return query;
}

std::string url_of(const JobOptions& job, const model::Labels& labels) {
    std::string url(labels.get(kScheme));
    url += "://";
    url += labels.get(kAddress);
    const std::string path = escape_path(labels.get(kMetricsPath));
    if (!path.empty() && path.front() != '/') {
        url += "/";
    }
    url += path;
    const std::string query = query_of(job, labels);
    if (!query.empty()) {
        url += "?" + query;
    }
    return url;
}

model::TargetId id_of(const model::Labels& labels, std::string_view url) {
    char digits[32];
    const int length = std::snprintf(
        digits, sizeof digits, "%016llu", static_cast<unsigned long long>(labels.stable_hash()));
    const uint64_t before = base::fnv1a64({digits, static_cast<size_t>(length)});
    return base::fnv1a64(url, before);
}

base::Result<std::chrono::milliseconds> duration_label(std::string_view text,
                                                       std::string_view what) {
    TRY(const int64_t ms,
        base::context(base::parse_duration_ms(text), "error parsing scrape " + std::string(what)));
    if (ms == 0) {
        return base::fail(base::Code::kInvalid, "scrape", what, "cannot be 0");
    }
    return std::chrono::milliseconds(ms);
}

base::Status check_values(const model::Labels& labels) {
    for (const model::LabelView label : labels) {
        if (!base::is_valid_utf8(label.value)) {
            return base::fail(base::Code::kInvalid,
                              "invalid label value for \"" + std::string(label.name) + "\"");
        }
    }
    return base::success();
}

// Without the labels whose name starts with `prefix`.
model::Labels without(const model::Labels& labels, std::string_view prefix) {
    std::vector<model::LabelView> kept;
    for (const model::LabelView label : labels) {
        if (!label.name.starts_with(prefix)) {
            kept.push_back(label);
        }
    }
    return model::Labels::from_sorted(kept);
}

}  // namespace

model::Labels discovered_labels(const JobOptions& job,
                                const model::Labels& group,
                                const model::Labels& target) {
    model::LabelsBuilder builder(group);
    for (const model::LabelView label : target) {
        builder.set(label.name, label.value);
    }
    const auto set_default = [&builder](std::string_view name, std::string_view value) {
        if (builder.get(name).empty()) {
            builder.set(name, value);
        }
    };
    set_default("job", job.job_name);
    set_default(kInterval, base::format_duration_ms(job.interval.count()));
    set_default(kTimeout, base::format_duration_ms(job.timeout.count()));
    set_default(kMetricsPath, job.metrics_path);
    set_default(kScheme, job.scheme);
    for (const auto& [name, values] : job.params) {
        if (!values.empty()) {
            set_default(std::string(kParamPrefix) + name, values.front());
        }
    }
    return builder.labels();
}

base::Result<std::shared_ptr<const model::Target>> resolve_target(const JobOptions& job,
                                                                  const model::Labels& discovered) {
    model::LabelsBuilder builder(discovered);
    if (!model::relabel(job.relabel_rules, builder)) {
        return std::shared_ptr<const model::Target>();
    }
    if (builder.get(kAddress).empty() && !builder.get(kUnixSocket).empty()) {
        builder.set(kAddress, "localhost");
    }
    const std::string address(builder.get(kAddress));
    if (address.empty()) {
        return base::fail(base::Code::kInvalid, "no address");
    }
    if (address.find('/') != std::string::npos) {
        return base::fail(base::Code::kInvalid, "\"" + address + "\" is not a valid hostname");
    }
    TRY(const auto interval, duration_label(builder.get(kInterval), "interval"));
    TRY(const auto timeout, duration_label(builder.get(kTimeout), "timeout"));
    if (timeout > interval) {
        return base::fail(base::Code::kInvalid,
                          "scrape timeout cannot be greater than scrape interval (\"" +
                              std::string(builder.get(kTimeout)) + "\" > \"" +
                              std::string(builder.get(kInterval)) + "\")");
    }
    if (builder.get("instance").empty()) {
        builder.set("instance", address);
    }
    const model::Labels labels = without(builder.labels(), kMetaPrefix);
    TRY(check_values(labels));
    auto target = std::make_shared<model::Target>();
    target->job = job.job_name;
    target->labels = without(labels, kReservedPrefix);
    target->discovered = discovered;
    target->url = url_of(job, labels);
    target->unix_socket = labels.get(kUnixSocket);
    target->interval = interval;
    target->timeout = timeout;
    target->id = id_of(labels, target->url);
    return std::shared_ptr<const model::Target>(std::move(target));
}

Resolution resolve_job(const JobOptions& job, const std::vector<model::TargetGroup>& groups) {
    Resolution resolution;
    auto resolved = std::make_shared<model::ResolvedJob>();
    resolved->job = job.job_name;
    std::unordered_set<model::TargetId> seen;
    const uint64_t keep_dropped = job.limits.keep_dropped_targets;
    for (const model::TargetGroup& group : groups) {
        for (size_t index = 0; index < group.targets.size(); ++index) {
            model::Labels discovered = discovered_labels(job, group.labels, group.targets[index]);
            auto target = resolve_target(job, discovered);
            if (!target) {
                resolution.failures.push_back("instance " + std::to_string(index) + " in group " +
                                              group.source + ": " + target.error().message());
            } else if (target.value() != nullptr) {
                if (seen.insert(target.value()->id).second) {
                    resolved->active.push_back(std::move(target).value());
                }
            } else {
                ++resolved->dropped_count;
                if (keep_dropped == 0 || resolved->dropped.size() < keep_dropped) {
                    resolved->dropped.push_back({std::move(discovered)});
                }
            }
        }
    }
    resolved->over_target_limit =
        job.limits.target_limit > 0 && resolved->active.size() > job.limits.target_limit;
    resolution.job = std::move(resolved);
    return resolution;
}

}  // namespace scrape
