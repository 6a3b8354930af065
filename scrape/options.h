// What the configuration says about scraping. Defaults stand here and nowhere else; config/ fills
// them. source: Prometheus configuration, global and scrape_config
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/http/options.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "model/target.h"

namespace scrape {

enum class ScrapeProtocol : uint8_t {
    kPrometheusProto,
    kOpenMetricsText0_0_1,
    kOpenMetricsText1_0_0,
    kPrometheusText0_0_4,
    kPrometheusText1_0_0,
};

enum class EscapingScheme : uint8_t { kAllowUtf8, kUnderscores, kDots, kValues };

struct FileDiscoveryOptions {
    std::vector<std::string> files;  // absolute; globs only in the last element
    std::chrono::milliseconds refresh_interval{5 * 60 * 1000};

    bool operator==(const FileDiscoveryOptions&) const = default;
};

struct HttpDiscoveryOptions {
    std::string url;
    std::chrono::milliseconds refresh_interval{60 * 1000};
    base::http::ClientOptions client;

    bool operator==(const HttpDiscoveryOptions&) const = default;
};

enum class DnsRecordType : uint8_t { kSrv, kA, kAaaa, kMx, kNs };

inline constexpr size_t kDnsNamesMax = 1024;  // of one configuration

struct DnsDiscoveryOptions {
    std::vector<std::string> names;
    DnsRecordType type = DnsRecordType::kSrv;
    uint16_t port = 0;  // of the targets; SRV records bring their own
    std::chrono::milliseconds refresh_interval{30 * 1000};

    bool operator==(const DnsDiscoveryOptions&) const = default;
};

// A discovery that the configuration names and this build does not carry out.
struct UnbuiltDiscovery {
    std::string mechanism;  // "kubernetes_sd_configs", …
    std::string place;      // file:line

    bool operator==(const UnbuiltDiscovery&) const = default;
};

struct DiscoveryOptions {
    std::vector<model::TargetGroup> static_groups;
    std::vector<FileDiscoveryOptions> file;
    std::vector<HttpDiscoveryOptions> http;
    std::vector<DnsDiscoveryOptions> dns;
    std::vector<UnbuiltDiscovery> unbuilt;

    bool operator==(const DiscoveryOptions&) const = default;
};

// 0 means no limit, as in Prometheus.
struct ScrapeLimits {
    uint64_t body_size_bytes = 0;
    uint64_t sample_limit = 0;
    uint64_t label_limit = 0;
    uint64_t label_name_length_limit = 0;
    uint64_t label_value_length_limit = 0;
    uint64_t target_limit = 0;
    uint64_t keep_dropped_targets = 0;
    uint64_t native_histogram_bucket_limit = 0;

    bool operator==(const ScrapeLimits&) const = default;
};

// One scrape_config, with the global values already merged in.
struct JobOptions {
    std::string job_name;
    std::chrono::milliseconds interval{60 * 1000};
    std::chrono::milliseconds timeout{10 * 1000};
    std::string metrics_path = "/metrics";
    std::string scheme = "http";
    std::map<std::string, std::vector<std::string>> params;
    bool honor_labels = false;
    bool honor_timestamps = true;
    bool track_timestamps_staleness = false;
    std::vector<ScrapeProtocol> protocols;  // never empty after config
    std::optional<ScrapeProtocol> fallback_protocol;
    bool enable_compression = true;
    bool scrape_native_histograms = false;
    bool always_scrape_classic_histograms = false;
    bool convert_classic_histograms_to_nhcb = false;
    double native_histogram_min_bucket_factor = 0;
    bool extra_scrape_metrics = false;
    ScrapeLimits limits;
    model::NameScheme name_scheme = model::NameScheme::kUtf8;
    EscapingScheme escaping_scheme = EscapingScheme::kAllowUtf8;
    std::string failure_log_file;
    base::http::ClientOptions client;
    DiscoveryOptions discovery;
    std::vector<model::RelabelRule> relabel_rules;
    std::vector<model::RelabelRule> metric_relabel_rules;

    bool operator==(const JobOptions&) const = default;
};

// Everything scraping takes from one configuration. A reload hands over a new one.
struct Options {
    std::vector<JobOptions> jobs;
    model::Labels external_labels;  // part of the phase's seed
};

// From flags; fixed for the life of the process.
struct EngineOptions {
    bool adjust_timestamps = true;                        // --scrape.adjust-timestamps
    std::chrono::microseconds timestamp_tolerance{2000};  // --scrape.timestamp-tolerance
    std::chrono::milliseconds discovery_reload_interval{
        5000};                            // --scrape.discovery-reload-interval
    std::chrono::milliseconds grid{250};  // phases are floored to multiples of it
    bool exemplars = false;               // --enable-feature=exemplar-storage
    std::string host_name;                // FQDN: part of the phase's seed
    // The phase depends on the target's id alone, and not on host name and external labels: all
    // nodes of a cluster scrape a target at the same moment.
    bool shared_phase = false;
};

}  // namespace scrape
