#include <algorithm>
#include <limits>
#include <utility>

#include "config/blocks.h"
#include "config/discovery_schema.h"

namespace config {
namespace {

model::TargetGroup read_static_group(const Node& node,
                                     Scope& scope,
                                     const std::string& source,
                                     bool relabelled) {
    MapReader map(node, "static_config", scope.problems);
    model::TargetGroup group;
    group.source = source;
    std::vector<std::string> addresses;
    map.read("targets", addresses);
    group.labels = read_labels(map, "labels", scope);
    for (const std::string& address : addresses) {
        if (!relabelled && address.find('/') != std::string::npos) {
            map.problem(map.at("targets"),
                        "\"" + address +
                            "\" is not a valid hostname: a target is host:port; the scheme and "
                            "path have keys of their own");
        }
        if (!address.empty()) {
            group.targets.push_back(model::Labels{{"__address__", address}});
        }
    }
    return group;
}

// "foo/*.json": a glob in the last element only, and an ending that tells the format.
void check_file_pattern(MapReader& map, const std::string& pattern) {
    const size_t slash = pattern.rfind('/');
    const size_t star = pattern.find('*');
    const bool early_star = star != std::string::npos && slash != std::string::npos && star < slash;
    const bool two_stars =
        star != std::string::npos && pattern.find('*', star + 1) != std::string::npos;
    const bool ending =
        pattern.ends_with(".json") || pattern.ends_with(".yml") || pattern.ends_with(".yaml");
    if (early_star || two_stars || !ending) {
        map.problem(map.at("files"),
                    "path name \"" + pattern +
                        "\" is not valid for file discovery: it must end in .json, .yml or .yaml, "
                        "with at most one * in its last element");
    }
}

scrape::FileDiscoveryOptions read_file_discovery(const Node& node, Scope& scope) {
    MapReader map(node, "file_sd_config", scope.problems);
    scrape::FileDiscoveryOptions out;
    map.read("files", out.files);
    map.read("refresh_interval", out.refresh_interval);
    if (out.files.empty()) {
        map.problem("file service discovery config must contain at least one path name");
    }
    for (std::string& pattern : out.files) {
        check_file_pattern(map, pattern);
        pattern = absolute_path(pattern, scope.folder);
    }
    return out;
}

scrape::HttpDiscoveryOptions read_http_discovery(const Node& node, Scope& scope) {
    MapReader map(node, "http_sd_config", scope.problems);
    scrape::HttpDiscoveryOptions out;
    map.read_url("url", out.url);
    map.read("refresh_interval", out.refresh_interval);
    read_http_client(map, scope, out.client);
    if (out.url.empty()) {
        map.problem("URL is missing");
    } else if (!out.url.starts_with("http://") && !out.url.starts_with("https://")) {
        map.problem(map.at("url"), "URL scheme must be 'http' or 'https'");
    } else if (out.url.size() == out.url.find("://") + 3) {
        map.problem(map.at("url"), "host is missing in URL");
    }
    return out;
}

// Words in any case; none of the known ones is a problem.
void read_record_type(MapReader& map, scrape::DnsRecordType& out) {
    using enum scrape::DnsRecordType;
    static constexpr std::pair<std::string_view, scrape::DnsRecordType> kTypes[] = {
        {"SRV", kSrv}, {"A", kA}, {"AAAA", kAaaa}, {"MX", kMx}, {"NS", kNs}};
    std::string word = "SRV";
    map.read("type", word);
    std::string upper = word;
    std::transform(upper.begin(), upper.end(), upper.begin(), [](char letter) {
        return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    });
    for (const auto& [known, type] : kTypes) {
        if (upper == known) {
            out = type;
            return;
        }
    }
    map.problem(map.at("type"),
                "invalid DNS-SD records type \"" + word + "\", known are: SRV, A, AAAA, MX, NS");
}

void read_port(MapReader& map, uint16_t& out) {
    int64_t port = 0;
    map.read_int("port", port);
    if (port < 0 || port > std::numeric_limits<uint16_t>::max()) {
        map.problem(map.at("port"), "port must be between 1 and 65535");
        return;
    }
    out = static_cast<uint16_t>(port);
}

scrape::DnsDiscoveryOptions read_dns_discovery(const Node& node, Scope& scope) {
    MapReader map(node, "dns_sd_config", scope.problems);
    scrape::DnsDiscoveryOptions out;
    map.read("names", out.names);
    map.read("refresh_interval", out.refresh_interval);
    read_record_type(map, out.type);
    read_port(map, out.port);
    if (out.names.empty()) {
        map.problem("DNS-SD config must contain at least one SRV record name");
    }
    if (out.names.size() > scrape::kDnsNamesMax) {
        map.problem(map.at("names"),
                    "more than " + std::to_string(scrape::kDnsNamesMax) +
                        " names in one DNS-SD config: divide them among several");
    }
    if (std::find(out.names.begin(), out.names.end(), "") != out.names.end()) {
        map.problem(map.at("names"), "a name in a DNS-SD config must not be empty");
    }
    if (out.type != scrape::DnsRecordType::kSrv && out.port == 0) {
        map.problem("a port is required in DNS-SD configs for all record types except SRV");
    }
    if (out.refresh_interval.count() <= 0) {
        map.problem(map.at("refresh_interval"), "refresh_interval must be greater than 0");
    }
    return out;
}

}  // namespace

void read_discovery(MapReader& map,
                    Scope& scope,
                    const std::string& owner,
                    bool relabelled,
                    scrape::DiscoveryOptions& out) {
    size_t index = 0;
    map.each("static_configs", [&](const Node& node) {
        out.static_groups.push_back(
            read_static_group(node, scope, std::to_string(index++), relabelled));
    });
    map.each("file_sd_configs",
             [&](const Node& node) { out.file.push_back(read_file_discovery(node, scope)); });
    map.each("http_sd_configs",
             [&](const Node& node) { out.http.push_back(read_http_discovery(node, scope)); });
    map.each("dns_sd_configs",
             [&](const Node& node) { out.dns.push_back(read_dns_discovery(node, scope)); });
    for (const DiscoverySchema& schema : unbuilt_discoveries()) {
        const std::string key = std::string(schema.mechanism) + "_sd_configs";
        map.each(key, [&](const Node& node) {
            check_discovery(schema, node, scope);
            out.unbuilt.push_back({key, node.place()});
            scope.unbuilt.push_back({key, owner, node.place()});
        });
    }
}

}  // namespace config
