#include "config/job_hashes.h"

#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/temp_folder.h"

namespace {

using base::http::AuthorizationOptions;
using base::http::BasicAuthOptions;
using base::http::ClientOptions;
using base::http::HeaderOptions;
using base::http::OAuth2Options;
using base::http::TlsClientOptions;

// --- all fields of the structs that make up a job
//
// The bindings fail to compile when a struct gets another field: it is to be named here, too.

auto tie_all(TlsClientOptions& o) {
    auto& [a, b, c, d, e, f, g, h, i, j] = o;
    return std::tie(a, b, c, d, e, f, g, h, i, j);
}

auto tie_all(BasicAuthOptions& o) {
    auto& [a, b, c, d] = o;
    return std::tie(a, b, c, d);
}

auto tie_all(AuthorizationOptions& o) {
    auto& [a, b, c] = o;
    return std::tie(a, b, c);
}

auto tie_all(OAuth2Options& x) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = x;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
}

auto tie_all(HeaderOptions& o) {
    auto& [a, b, c] = o;
    return std::tie(a, b, c);
}

auto tie_all(ClientOptions& o) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = o;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k);
}

auto tie_all(model::TargetGroup& o) {
    auto& [source, labels, targets] = o;
    return std::tie(labels, targets);
}

auto tie_all(scrape::FileDiscoveryOptions& o) {
    auto& [a, b] = o;
    return std::tie(a, b);
}

auto tie_all(scrape::HttpDiscoveryOptions& o) {
    auto& [a, b, c] = o;
    return std::tie(a, b, c);
}

auto tie_all(scrape::DnsDiscoveryOptions& o) {
    auto& [a, b, c, d] = o;
    return std::tie(a, b, c, d);
}

auto tie_all(scrape::UnbuiltDiscovery& o) {
    auto& [mechanism, place] = o;
    return std::tie(mechanism);
}

auto tie_all(scrape::DiscoveryOptions& o) {
    auto& [a, b, c, d, e] = o;
    return std::tie(a, b, c, d, e);
}

auto tie_all(scrape::ScrapeLimits& o) {
    auto& [a, b, c, d, e, f, g, h] = o;
    return std::tie(a, b, c, d, e, f, g, h);
}

auto tie_all(model::RelabelRule& o) {
    auto& [a, b, c, d, e, f, g, h] = o;
    return std::tie(a, b, c, d, e, f, g, h);
}

auto tie_all(scrape::JobOptions& x) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, log_file, u, v, w, y] = x;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, y);
}

auto tie_all(config::ClusterOptions::Thresholds& o) {
    auto& [a, b, c, d] = o;
    return std::tie(a, b, c, d);
}

auto tie_all(config::ClusterOptions::Job& o) {
    auto& [a, b, c] = o;
    return std::tie(a, b, c);
}

auto tie_all(config::ClusterOptions& o) {
    auto& [a, b, c, d, e, f, g, h, i] = o;
    return std::tie(a, b, c, d, e, f, g, h, i);
}

// Changes one value after another, each field of each struct below `root` once, and back, and calls
// `changed` each time with where it was.
class Changes {
  public:
    using Changed = std::function<void(const std::string& where, bool secret)>;

    explicit Changes(Changed changed) : changed_(std::move(changed)) {}

    template <class T>
    void each(const std::string& where, T& value) {
        if constexpr (requires { tie_all(value); }) {
            size_t field = 0;
            std::apply(
                [&](auto&... members) {
                    (each(where + "." + std::to_string(field++), members), ...);
                },
                tie_all(value));
        } else {
            const T before = value;
            change(value);
            changed_(where, false);
            look_inside(where, value);
            value = before;
        }
    }

  private:
    static void change(std::string& value) { value += "x"; }

    static void change(bool& value) { value = !value; }

    static void change(double& value) { value += 0.25; }

    static void change(base::Secret& value) { value = base::Secret("x"); }

    static void change(model::Labels& value) { value = model::Labels{{"a", "b"}}; }

    static void change(std::shared_ptr<const model::Regex>& value) {
        value = model::Regex::compile("a|b").value();
    }

    template <class Number>
        requires std::is_integral_v<Number>
    static void change(Number& value) {
        ++value;
    }

    template <class Enum>
        requires std::is_enum_v<Enum>
    static void change(Enum& value) {
        value = static_cast<Enum>(static_cast<int>(value) + 1);
    }

    static void change(std::chrono::milliseconds& value) { ++value; }

    template <class T>
    static void change(std::optional<T>& value) {
        value.emplace();
    }

    template <class T>
    static void change(std::vector<T>& value) {
        value.emplace_back();
    }

    template <class T>
    static void change(std::map<std::string, T>& value) {
        value["key"];
    }

    template <class T>
    void look_inside(const std::string& where, std::optional<T>& value) {
        each(where + "*", *value);
    }

    template <class T>
    void look_inside(const std::string& where, std::vector<T>& value) {
        each(where + "[]", value.back());
    }

    template <class T>
    void look_inside(const std::string& where, std::map<std::string, T>& value) {
        each(where + "{}", value.begin()->second);
    }

    void look_inside(const std::string& where, base::Secret& value) {
        value = base::Secret("another");
        changed_(where, true);
    }

    template <class T>
    void look_inside(const std::string& /*where*/, T& /*value*/) {}

    Changed changed_;
};

std::shared_ptr<const config::Config> load(const test_support::TempFolder& folder,
                                           const std::string& name,
                                           const std::string& text) {
    const std::string path = folder / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    const auto loaded = config::load(*base::make_posix_files(), path, {});
    CAPTURE(loaded.has_error() ? loaded.error().message() : "");
    REQUIRE(loaded.has_value());
    return loaded.value();
}

config::ConfigHashes hashes(const std::string& text) {
    const test_support::TempFolder folder;
    return config::hash_configuration(*load(folder, "p.yml", text));
}

}  // namespace

TEST_CASE("every option of a job changes the job's hash, and secrets do not", "[config][hashes]") {
    scrape::JobOptions job;
    job.job_name = "a";
    const uint64_t plain = config::hash_job(job, "/etc");
    std::map<uint64_t, std::string> seen{{plain, "nothing"}};
    uint64_t before_secret = 0;
    size_t secrets = 0;
    Changes changes([&](const std::string& where, bool secret) {
        const uint64_t hash = config::hash_job(job, "/etc");
        CAPTURE(where);
        if (secret) {
            ++secrets;
            CHECK(hash == before_secret);
            return;
        }
        before_secret = hash;
        const auto [other, fresh] = seen.emplace(hash, where);
        CAPTURE(other->second);
        CHECK(fresh);
    });
    changes.each("job", job);
    CHECK(config::hash_job(job, "/etc") == plain);
    CHECK(seen.size() > 150);
    CHECK(secrets > 10);
}

TEST_CASE("a job's hash does not know the node's log file, nor where a thing is written",
          "[config][hashes]") {
    scrape::JobOptions job;
    job.discovery.static_groups.emplace_back();
    job.discovery.unbuilt.emplace_back();
    const uint64_t plain = config::hash_job(job, "/etc");
    job.failure_log_file = "/var/log/failures";
    job.discovery.static_groups[0].source = "7";
    job.discovery.unbuilt[0].place = "prometheus.yml:7";
    CHECK(config::hash_job(job, "/etc") == plain);
}

TEST_CASE("what the cluster key says changes the hash of the whole", "[config][hashes]") {
    config::Config config;
    config.file = "/etc/p.yml";
    std::map<uint64_t, std::string> seen{{config::hash_configuration(config).whole, "nothing"}};
    Changes changes([&](const std::string& where, bool secret) {
        CAPTURE(where);
        CHECK((secret || seen.emplace(config::hash_configuration(config).whole, where).second));
    });
    changes.each("cluster", config.cluster);
    CHECK(seen.size() > 20);
}

TEST_CASE("hashes know nothing of how a configuration is written", "[config][hashes]") {
    const auto brief = hashes(R"(
scrape_configs:
  - job_name: b
    static_configs: [{targets: ["x:1"]}]
    relabel_configs: [{source_labels: [z], target_label: y}]
  - job_name: a
    authorization: {credentials: one}
    http_sd_configs: [{url: "http://u:p@sd/x"}]
)");
    const auto wordy = hashes(R"(
# the same
global:
  scrape_interval: 60s
  external_labels: {cluster: x, replica: r1}
scrape_configs:
  - http_sd_configs: [{refresh_interval: 1m, url: "http://u:other@sd/x"}]
    authorization: {credentials: two, type: Bearer}
    job_name: a
    metrics_path: /metrics
  - job_name: b
    scrape_failure_log_file: failures.log
    relabel_configs:
      - {source_labels: [z], regex: (.*), replacement: $1, target_label: y, action: replace}
    static_configs:
      - targets:
          - x:1
        labels: {}
cluster:
  voters: 3
  jobs: {}
)");
    REQUIRE(brief.jobs.size() == 2);
    CHECK(brief.jobs[0].job == "a");
    CHECK(brief.jobs[1].job == "b");
    CHECK(brief.jobs == wordy.jobs);
    CHECK(brief.whole == wordy.whole);
}

TEST_CASE("files below the configuration's folder are the same wherever that is",
          "[config][hashes]") {
    const test_support::TempFolder folder;
    const auto text = [](const std::string& file) {
        return "rule_files: [rules.yml]\nscrape_configs:\n  - job_name: a\n    authorization: "
               "{credentials_file: " +
               file + "}\n";
    };
    const auto one = config::hash_configuration(*load(folder, "one/p.yml", text("token")));
    const auto two = config::hash_configuration(*load(folder, "two/p.yml", text("token")));
    CHECK(one.jobs == two.jobs);
    CHECK(one.whole == two.whole);
    const auto other = config::hash_configuration(*load(folder, "one/p.yml", text("token2")));
    CHECK(one.jobs != other.jobs);
    CHECK(one.whole != other.whole);
    const auto outside = config::hash_configuration(*load(folder, "one/p.yml", text("/token")));
    CHECK(outside.jobs != one.jobs);
}

TEST_CASE("a changed global default changes the jobs that have it, and they alone",
          "[config][hashes]") {
    const std::string jobs =
        "scrape_configs: [{job_name: a}, {job_name: b, scrape_interval: 15s, scrape_timeout: "
        "5s}]\n";
    const auto before = hashes(jobs);
    const auto after = hashes("global: {scrape_interval: 30s}\n" + jobs);
    CHECK(before.jobs[0] != after.jobs[0]);
    CHECK(before.jobs[1] == after.jobs[1]);
    CHECK(before.whole != after.whole);
}

// Nodes of different builds compare these: whoever changes how hashes are made makes nodes that
// are upgraded one by one take each other's jobs for other ones.
TEST_CASE("hashes are the same in every build", "[config][hashes]") {
    const auto got = hashes(R"(
scrape_configs:
  - job_name: node
    scrape_interval: 15s
    honor_labels: true
    static_configs: [{targets: ["x:1", "y:1"], labels: {zone: one}}]
    metric_relabel_configs: [{source_labels: [__name__], regex: "go_.*", action: drop}]
)");
    CHECK(got.jobs[0].hash == 0x59c220b78ecadd93);
    CHECK(got.whole == 0xc4545bc235f51c64);
}
