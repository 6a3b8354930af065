#include "config/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

namespace {

// A folder with configuration files, gone with the test.
class Folder {
  public:
    Folder()
        : path_(std::filesystem::temp_directory_path() /
                ("config_test_" + std::to_string(getpid()))) {
        std::filesystem::create_directories(path_);
    }

    ~Folder() { std::filesystem::remove_all(path_); }

    std::string write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories((path_ / name).parent_path());
        std::ofstream(path_ / name) << text;
        return (path_ / name).string();
    }

    [[nodiscard]] std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

base::Result<std::shared_ptr<const config::Config>> load(const std::string& text) {
    const Folder folder;
    const auto files = base::make_posix_files();
    return config::load(*files, folder.write("p.yml", text), {});
}

std::string error_of(const std::string& text) {
    const auto loaded = load(text);
    return loaded.has_error() ? loaded.error().message() : "";
}

using std::chrono::milliseconds;

}  // namespace

TEST_CASE("an empty file is all defaults", "[config]") {
    const auto config = load("").value();
    CHECK(config->scrape.jobs.empty());
    CHECK(config->evaluation_interval == milliseconds(60'000));
}

TEST_CASE("jobs inherit from global what they do not say themselves", "[config]") {
    const auto config = load(R"(
global:
  scrape_interval: 15s
  sample_limit: 7
  external_labels: {site: "$SKEIN_TEST_SITE-${SKEIN_TEST_SITE}-$$x"}
scrape_configs:
  - job_name: a
    static_configs: [{targets: ["h:1", "h:2"], labels: {env: prod}}]
  - job_name: b
    scrape_interval: 5s
    sample_limit: 9
    scheme: https
    params: {module: [x, y]}
    basic_auth: {username: u, password: geheim}
    metric_relabel_configs:
      - {source_labels: [__name__], regex: "go_.*", action: drop}
)")
                            .value();
    REQUIRE(config->scrape.jobs.size() == 2);
    const scrape::JobOptions& a = config->scrape.jobs[0];
    const scrape::JobOptions& b = config->scrape.jobs[1];
    CHECK(a.interval == milliseconds(15'000));
    CHECK(a.timeout == milliseconds(10'000));
    CHECK(a.limits.sample_limit == 7);
    REQUIRE(a.discovery.static_groups.size() == 1);
    CHECK(a.discovery.static_groups[0].targets.size() == 2);
    CHECK(a.discovery.static_groups[0].labels.get("env") == "prod");
    CHECK(b.interval == milliseconds(5'000));
    CHECK(b.timeout == milliseconds(5'000));
    CHECK(b.limits.sample_limit == 9);
    CHECK(b.params.at("module") == std::vector<std::string>{"x", "y"});
    CHECK(b.client.basic_auth->password.reveal() == "geheim");
    CHECK(b.metric_relabel_rules.size() == 1);
    CHECK(b.protocols.size() == 4);
    CHECK(config->scrape.external_labels.get("site") == "--$x");
    CHECK(config->warnings.size() == 2);
}

TEST_CASE("secrets never appear in the printed configuration", "[config]") {
    const auto config = load(R"(
scrape_configs:
  - job_name: a
    authorization: {credentials: geheim1}
    http_headers: {X-Key: {secrets: [geheim2], values: [open]}}
    proxy_url: "http://user:geheim3@proxy:3128"
  - job_name: b
    bearer_token: geheim4
    consul_sd_configs: [{server: "c:1", token: geheim5}]
    http_sd_configs: [{url: "http://u:geheim6@h/sd", basic_auth: {username: u, password: geheim7}}]
remote_write:
  - url: "http://u:geheim8@remote/write"
    oauth2: {client_id: i, client_secret: geheim9, token_url: "http://t"}
)")
                            .value();
    CHECK(config->masked_yaml.find("geheim") == std::string::npos);
    CHECK(config->masked_yaml.find("<secret>") != std::string::npos);
    CHECK(config->masked_yaml.find("open") != std::string::npos);
    for (const char* const job : {"a", "b"}) {
        const std::string& yaml = config->job_yaml.at(job);
        CAPTURE(yaml);
        CHECK(yaml.find("geheim") == std::string::npos);
        CHECK(yaml.find("<secret>") != std::string::npos);
    }
}

TEST_CASE("a job is printed as it takes effect", "[config]") {
    const auto config = load(R"(
global:
  scrape_interval: 15s
  sample_limit: 7
  body_size_limit: 2MB
scrape_configs:
  - job_name: "1"
    params: {module: [x, "y: z"]}
    tls_config: {insecure_skip_verify: true}
    static_configs: [{targets: ["h:1"]}]
    relabel_configs:
      - {source_labels: [a, b], regex: "(.+);x", target_label: c, replacement: "0"}
      - {action: labeldrop, regex: "tmp_.*"}
)")
                            .value();
    CHECK(config->job_yaml.at("1") == R"(job_name: "1"
honor_labels: false
honor_timestamps: true
track_timestamps_staleness: false
params:
  module:
  - x
  - "y: z"
scrape_interval: 15s
scrape_timeout: 10s
scrape_protocols:
- OpenMetricsText1.0.0
- OpenMetricsText0.0.1
- PrometheusText1.0.0
- PrometheusText0.0.4
scrape_native_histograms: false
always_scrape_classic_histograms: false
convert_classic_histograms_to_nhcb: false
metrics_path: /metrics
scheme: http
enable_compression: true
body_size_limit: 2MiB
sample_limit: 7
metric_name_validation_scheme: utf8
metric_name_escaping_scheme: allow-utf-8
extra_scrape_metrics: false
follow_redirects: true
enable_http2: true
tls_config:
  insecure_skip_verify: true
static_configs:
- targets:
  - h:1
relabel_configs:
- source_labels:
  - a
  - b
  separator: ;
  regex: (.+);x
  target_label: c
  replacement: "0"
  action: replace
- separator: ;
  regex: tmp_.*
  replacement: $1
  action: labeldrop
)");
}

TEST_CASE("errors name the line, the key and what would be right", "[config]") {
    const auto check = [](const std::string& text, const std::string& want) {
        CAPTURE(text);
        const std::string got = error_of(text);
        CAPTURE(got);
        CHECK(got.find(want) != std::string::npos);
    };
    check(
        "global:\n  scrape_intervall: 1s\n",
        "p.yml:2: unknown key \"scrape_intervall\" in global (did you mean \"scrape_interval\"?)");
    check("global:\n  scrape_interval: fast\n", "p.yml:2: scrape_interval: ");
    check("global: [1]\n", "p.yml:1: expected keys and values in global");
    check("scrape_configs:\n  - job_name: a\n  - job_name: a\n",
          "p.yml:3: found multiple scrape configs with job name \"a\"");
    check("scrape_configs:\n  - job_name: a\n    scrape_interval: 5s\n    scrape_timeout: 6s\n",
          "p.yml:4: scrape timeout greater than scrape interval");
    check("scrape_configs:\n  - job_name: a\n    honor_labels: maybe\n",
          "p.yml:3: honor_labels must be true or false");
    check("scrape_configs:\n  - job_name: a\n    relabel_configs: [{regex: 'a('}]\n", "p.yml:3: ");
    check("scrape_configs:\n  - job_name: a\n    sample_limit: -1\n",
          "p.yml:3: sample_limit must be a whole number");
    check("scrape_configs:\n  - job_name: a\n    tls_config: {cert_file: x}\n",
          "exactly one of key or key_file");
    check("a: 1\nb: 2\n", "p.yml:2: unknown key \"b\"");
}

TEST_CASE("every problem of a file is reported at once", "[config]") {
    const std::string error =
        error_of("global:\n  a: 1\nscrape_configs:\n  - job_name: x\n    b: 2\n  - {}\n");
    CHECK(error.find("p.yml:2:") != std::string::npos);
    CHECK(error.find("p.yml:5:") != std::string::npos);
    CHECK(error.find("p.yml:6: job_name is empty") != std::string::npos);
}

TEST_CASE("scrape_config_files are read relative to the main file, and belong to its checksum",
          "[config]") {
    const Folder folder;
    const auto files = base::make_posix_files();
    const std::string main =
        folder.write("p.yml", "scrape_config_files: ['jobs/*.yml']\nrule_files: [rules.yml]\n");
    folder.write("jobs/one.yml",
                 "scrape_configs:\n  - job_name: one\n    file_sd_configs: [{files: [t.json]}]\n");
    const auto config = config::load(*files, main, {}).value();
    REQUIRE(config->scrape.jobs.size() == 1);
    CHECK(config->scrape.jobs[0].discovery.file[0].files[0] == folder.path() + "/jobs/t.json");
    CHECK(config->rule_files[0] == folder.path() + "/rules.yml");
    CHECK(config->checksum == config::checksum(*files, main).value());
    folder.write("jobs/one.yml", "scrape_configs:\n  - job_name: other\n");
    CHECK(config->checksum != config::checksum(*files, main).value());
}

TEST_CASE("files that are only named are looked for when asked to", "[config]") {
    const Folder folder;
    const auto files = base::make_posix_files();
    const std::string main = folder.write(
        "p.yml",
        "scrape_configs:\n  - job_name: a\n    authorization: {credentials_file: token}\n");
    CHECK(config::load(*files, main, {}).has_value());
    const auto checked = config::load(*files, main, {.check_files = true});
    REQUIRE(checked.has_error());
    CHECK(checked.error().message().find("/token\" does not exist") != std::string::npos);
}

TEST_CASE("what is not built is accepted and noted with the job it affects", "[config]") {
    const auto config =
        load("scrape_configs:\n  - job_name: k\n    kubernetes_sd_configs: [{role: pod}]\n")
            .value();
    REQUIRE(config->unbuilt.size() == 1);
    CHECK(config->unbuilt[0].feature == "kubernetes_sd_configs");
    CHECK(config->unbuilt[0].scope == "job k");
    CHECK(config->unbuilt[0].place.ends_with("p.yml:3"));
}

TEST_CASE("dns discovery is read with its defaults, for jobs and for store endpoints",
          "[config][discovery]") {
    const auto config = load(R"(
scrape_configs:
  - job_name: a
    dns_sd_configs:
      - names: [_metrics._tcp.example.com, other]
      - {names: [h.example.com], type: aaaa, port: 9100, refresh_interval: 5s}
cluster:
  store_endpoints:
    - dns_sd_configs: [{names: [stores.example.com], type: A, port: 10901}]
)")
                            .value();
    CHECK(config->unbuilt.empty());
    const auto& dns = config->scrape.jobs[0].discovery.dns;
    REQUIRE(dns.size() == 2);
    CHECK(dns[0].names == std::vector<std::string>{"_metrics._tcp.example.com", "other"});
    CHECK(dns[0].type == scrape::DnsRecordType::kSrv);
    CHECK(dns[0].refresh_interval == milliseconds(30'000));
    CHECK(dns[1].type == scrape::DnsRecordType::kAaaa);
    CHECK(dns[1].port == 9100);
    CHECK(dns[1].refresh_interval == milliseconds(5'000));
    REQUIRE(config->cluster.store_endpoints.dns.size() == 1);
    CHECK(config->cluster.store_endpoints.dns[0].port == 10901);
}

TEST_CASE("dns discovery that cannot work is a problem with its line", "[config][discovery]") {
    const auto check = [](const std::string& keys, const std::string& want) {
        CAPTURE(keys);
        const std::string got = error_of(
            "scrape_configs:\n  - job_name: a\n    dns_sd_configs:\n      - {" + keys + "}\n");
        CAPTURE(got);
        CHECK(got.find("p.yml:4: " + want) != std::string::npos);
    };
    check("port: 1", "DNS-SD config must contain at least one SRV record name");
    check("names: []", "DNS-SD config must contain at least one SRV record name");
    check("names: [a], type: MX",
          "a port is required in DNS-SD configs for all record types except SRV");
    check("names: [a], type: TXT", "invalid DNS-SD records type \"TXT\"");
    check("names: [a], type: A, port: 65536", "port must be between 1 and 65535");
    check("names: [\"\"]", "a name in a DNS-SD config must not be empty");
    check("names: [a], refresh_interval: 0s", "refresh_interval must be greater than 0");
    check("names: [a], typ: A", "unknown key \"typ\" in dns_sd_config");
    std::string many = "names: [";
    for (size_t index = 0; index <= scrape::kDnsNamesMax; ++index) {
        many += "n" + std::to_string(index) + ",";
    }
    check(many + "]", "more than 1024 names in one DNS-SD config");
}
