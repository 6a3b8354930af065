// The readers of single blocks, shared between the files of this room.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/reader.h"

namespace config {

// What readers need besides the node.
struct Scope {
    Problems& problems;
    std::vector<Unbuilt>& unbuilt;
    std::string folder;  // of the file being read: relative paths start there
    model::NameScheme name_scheme = model::NameScheme::kUtf8;
    std::vector<std::string>* named_files = nullptr;  // files that must exist, with check_files
};

// global
struct GlobalOptions {
    scrape::JobOptions job_defaults;
    bool timeout_given = false;
    bool escaping_given = false;
    std::vector<scrape::ScrapeProtocol> protocols;  // empty: by the job's histogram setting
    Milliseconds evaluation_interval{60'000};
    Milliseconds rule_query_offset{0};
    model::Labels external_labels;
    std::string query_log_file;
};

void read_global(const Node& node,
                 Scope& scope,
                 GlobalOptions& out,
                 std::vector<std::string>& warnings);

// The words of the configuration for them.
[[nodiscard]] std::string_view protocol_name(scrape::ScrapeProtocol protocol);
[[nodiscard]] std::string_view name_scheme_name(model::NameScheme scheme);
[[nodiscard]] std::string_view escaping_scheme_name(scrape::EscapingScheme scheme);

[[nodiscard]] scrape::JobOptions read_scrape_config(const Node& node,
                                                    Scope& scope,
                                                    const GlobalOptions& global);
// The inline keys of an HTTP client.
void read_http_client(MapReader& map, Scope& scope, base::http::ClientOptions& out);
void read_tls(const Node& node, Scope& scope, base::http::TlsClientOptions& out);
// Rules under `key`; each is validated as Prometheus does.
void read_relabel_rules(MapReader& map,
                        std::string_view key,
                        Scope& scope,
                        std::vector<model::RelabelRule>& out);
// static_configs and every *_sd_configs. `relabelled`: the block has relabel rules, so odd
// addresses are allowed.
void read_discovery(MapReader& map,
                    Scope& scope,
                    const std::string& owner,
                    bool relabelled,
                    scrape::DiscoveryOptions& out);
[[nodiscard]] AlertmanagerOptions read_alertmanager(const Node& node, Scope& scope);
void read_alerting(const Node& node, Scope& scope, Config& out);
[[nodiscard]] RemoteWriteOptions read_remote_write(const Node& node, Scope& scope);
[[nodiscard]] RemoteReadOptions read_remote_read(const Node& node, Scope& scope);
void read_storage(const Node& node, Scope& scope, StorageOptions& out);
void read_otlp(const Node& node, Scope& scope);
void read_tracing(const Node& node, Scope& scope);
void read_runtime(const Node& node, Scope& scope);
// jobs  all that there are: what is said of another one is a problem
void read_cluster(const Node& node,
                  Scope& scope,
                  const std::vector<scrape::JobOptions>& jobs,
                  ClusterOptions& out);

// Labels as the configuration writes them: names must be valid, values UTF-8.
[[nodiscard]] model::Labels read_labels(MapReader& map, std::string_view key, Scope& scope);
// Headers that remote endpoints may not be given.
void check_headers(MapReader& map,
                   const std::map<std::string, std::string>& headers,
                   std::string_view key);

}  // namespace config
