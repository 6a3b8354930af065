// The whole of prometheus.yml, typed. Blocks that other rooms carry out are their option structs;
// the rest is kept here. source: Prometheus 3.14 configuration
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/http/options.h"
#include "base/result.h"
#include "config/node.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "scrape/options.h"

namespace config {

using Milliseconds = std::chrono::milliseconds;

struct AlertmanagerOptions {
    std::string scheme = "http";
    std::string path_prefix = "/";
    Milliseconds timeout{10'000};
    base::http::ClientOptions client;
    scrape::DiscoveryOptions discovery;
    std::vector<model::RelabelRule> relabel_rules, alert_relabel_rules;
};

struct RemoteWriteOptions {
    std::string url, name;
    Milliseconds timeout{30'000};
    std::map<std::string, std::string> headers;
    std::vector<model::RelabelRule> relabel_rules;
    bool send_exemplars = false, send_native_histograms = false, round_robin_dns = false;
    bool version_2 = false;
    uint64_t capacity = 10'000, max_shards = 50, min_shards = 1, max_samples_per_send = 2000;
    Milliseconds batch_send_deadline{5000}, min_backoff{30}, max_backoff{5000}, sample_age_limit{0};
    bool retry_on_rate_limit = false;
    bool send_metadata = true;
    Milliseconds metadata_interval{60'000};
    uint64_t metadata_max_samples_per_send = 2000;
    base::http::ClientOptions client;
};

struct RemoteReadOptions {
    std::string url, name;
    Milliseconds timeout{60'000};
    std::map<std::string, std::string> headers;
    std::map<std::string, std::string> required_matchers;
    bool read_recent = false, filter_external_labels = true;
    uint64_t chunked_read_limit = 50'000'000;
    base::http::ClientOptions client;
};

struct StorageOptions {
    Milliseconds out_of_order_time_window{0};
    std::optional<Milliseconds> retention_time;
    std::optional<uint64_t> retention_size;
    std::optional<double> retention_percentage;
    double stale_series_compaction_threshold = 0;
    std::string float_encoding = "xor";
    uint64_t max_exemplars = 100'000;
};

// --- limits of the cluster key: errors name the key and the range
// ----------------------------------------------------------------------------------------

inline constexpr uint64_t kReplicasMax = 8;
inline constexpr uint64_t kSeriesBudgetMax = 1'000'000'000;
inline constexpr uint64_t kHandoffScrapesMax = 10;
inline constexpr Milliseconds kFailureTimeoutMin{2'000};
inline constexpr Milliseconds kFailureTimeoutMax{5 * 60'000};
inline constexpr Milliseconds kDeadTimeoutMin{10'000};
inline constexpr Milliseconds kDeadTimeoutMax{24 * 3'600'000};

// The cluster's one key. A node's own identity is given by flags; that nothing is to be moved is no
// configuration but the cluster's state.
struct ClusterOptions {
    uint64_t replication_factor = 1;
    uint64_t series_budget = 0;  // 0: what the node's memory allows
    uint64_t voters = 3;
    uint64_t handoff_scrapes = 2;
    Milliseconds failure_timeout{5'000};  // of silence: others scrape for the node
    Milliseconds dead_timeout{60'000};    // of silence: its targets are placed anew

    // When targets are moved to balance. Shares are series / budget.
    struct Thresholds {
        double balance = 1.10;  // share / mean share above which a node gives targets away
        double fill = 0.90;     // share / mean share below which a node is given targets
        double budget = 0.85;   // share above which a node gives targets away while others have
                                // room
        double series_per_minute = 0.02;  // of all series, that are moved to balance
    };

    Thresholds thresholds;

    struct Job {
        uint64_t replication_factor = 0;  // 0: the cluster's
        bool exclusive = false, split = false;
    };

    std::map<std::string, Job> jobs;
    scrape::DiscoveryOptions store_endpoints;

    // Nodes that scrape each target of a job, 1 .. kReplicasMax; of an exclusive one, 1.
    [[nodiscard]] uint64_t replicas(const std::string& job) const;
    // The job's targets are never scraped by two nodes, not even while one of them is cut off.
    [[nodiscard]] bool exclusive(const std::string& job) const;
};

// A part of the configuration that is accepted and kept but not carried out yet: said once in the
// log.
struct Unbuilt {
    std::string feature;  // "kubernetes_sd_configs", "remote_write", …
    std::string scope;    // the job or block it affects
    std::string place;    // file:line
};

// One loaded configuration. Immutable.
struct Config {
    std::string file;
    Milliseconds evaluation_interval{60'000};
    Milliseconds rule_query_offset{0};
    std::string query_log_file;
    scrape::Options scrape;
    std::vector<std::string> rule_files;  // absolute globs
    std::vector<model::RelabelRule> alert_relabel_rules;
    std::vector<AlertmanagerOptions> alertmanagers;
    std::vector<RemoteWriteOptions> remote_write;
    std::vector<RemoteReadOptions> remote_read;
    StorageOptions storage;
    bool has_cluster = false;
    ClusterOptions cluster;
    std::vector<Unbuilt> unbuilt;
    std::vector<std::string> warnings;  // undefined variables in external labels, …
    // SHA-256 of the main file and everything rule_files and scrape_config_files name: what
    // auto-reload compares.
    std::string checksum;
    // The document as YAML, secrets masked.
    std::string masked_yaml;
    // Every scrape_config as it takes effect, as YAML, by job; secrets masked.
    std::map<std::string, std::string> job_yaml;
};

struct LoadOptions {
    bool check_files = false;  // files that the configuration names must exist (check config
                               // without --syntax-only)
};

// Loads a configuration file.
//   errors  kNotFound, kIo: the file; kInvalid: one line "FILE:LINE: reason" per problem; kLimit: a
//   limit of node.h
[[nodiscard]] base::Result<std::shared_ptr<const Config>> load(base::Files& files,
                                                               const std::string& path,
                                                               const LoadOptions& options);

// The checksum alone, cheaply: for auto-reload.
[[nodiscard]] base::Result<std::string> checksum(base::Files& files, const std::string& path);

// A duration as the user wrote it must be positive somewhere: 15s, not 0.
inline constexpr Milliseconds kMinInterval{1};

}  // namespace config
