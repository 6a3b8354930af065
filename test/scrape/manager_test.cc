#include <algorithm>

#include <catch2/catch.hpp>

#include "base/json_read.h"
#include "scrape/http_api.h"
#include "test/scrape/farm.h"
#include "test/support/capture_sink.h"

using namespace scrape_test;

namespace {

bool ends_stale(const std::vector<model::FloatSample>& samples) {
    return !samples.empty() && model::is_stale(samples.back().v);
}

}  // namespace

TEST_CASE("targets are scraped at their interval over one connection", "[scrape][manager]") {
    Farm farm;
    Scraper scraper;
    farm.page("a", "x 1\n");
    auto job = Scraper::job("j");
    scraper.apply({job});
    scraper.scrape(job, {"http://" + farm.address() + "/a"});
    REQUIRE(eventually([&] { return scraper.samples("x", "a").size() >= 4; }));
    const auto samples = scraper.samples("x", "a");
    for (size_t at = 1; at < samples.size(); ++at) {
        // Within the rhythm, or a whole number of intervals when the machine was busy.
        CHECK(samples[at].t - samples[at - 1].t >= 150);
    }
    CHECK(scraper.samples("up", "a")[0].v == 1);
    CHECK(farm.server->connections() == 1);
    const auto headers = farm.last_headers();
    CHECK(headers.get("User-Agent") == "Prometheus/3.14.0");
    CHECK(headers.get("Accept-Encoding") == "gzip");
    CHECK(headers.get("X-Prometheus-Scrape-Timeout-Seconds") == "0.2");
    CHECK(headers.get("Accept").find("application/openmetrics-text;version=1.0.0;") == 0);
    scraper.manager->stop();
    CHECK_FALSE(ends_stale(scraper.samples("x", "a")));
}

TEST_CASE("failing targets are down with Prometheus' words", "[scrape][manager]") {
    Farm farm;
    Scraper scraper;
    auto job = Scraper::job("j");
    base::http::Response html = base::http::Response::text(200, "<html>");
    html.headers.set("Content-Type", "text/html");
    farm.set("html", html);
    farm.page("bad", "x y\n");
    scraper.apply({job});
    const std::string base = "http://" + farm.address() + "/";
    scraper.scrape(job,
                   {base + "missing", base + "html", base + "bad", "http://127.0.0.1:1/refused"});
    REQUIRE(eventually([&] {
        return !scraper.samples("up", "missing").empty() &&
               !scraper.samples("up", "html").empty() && !scraper.samples("up", "bad").empty() &&
               !scraper.samples("up", "refused").empty();
    }));
    CHECK(scraper.error("missing") == "server returned HTTP status 404 Not Found");
    CHECK(
        scraper.error("html") ==
        "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified "
        "for target");
    CHECK(scraper.error("bad").find("line 1: invalid sample value") == 0);
    CHECK(scraper.error("refused").find("connection refused") != std::string::npos);
    CHECK(scraper.samples("up", "bad")[0].v == 0);
}

TEST_CASE("a target that is gone is marked stale after two intervals and a tenth",
          "[scrape][manager][staleness]") {
    Farm farm;
    Scraper scraper;
    farm.page("a", "x 1\n");
    auto job = Scraper::job("j");
    scraper.apply({job});
    scraper.scrape(job, {"http://" + farm.address() + "/a"});
    REQUIRE(eventually([&] { return scraper.samples("x", "a").size() >= 2; }));
    scraper.scrape(job, {});
    REQUIRE(eventually([&] { return ends_stale(scraper.samples("x", "a")); }));
    CHECK(ends_stale(scraper.samples("up", "a")));
    CHECK(scraper.manager->targets().empty());
    const auto samples = scraper.samples("x", "a");
    const int64_t gap = samples.back().t - samples[samples.size() - 2].t;
    CHECK(gap > 0);
    CHECK(gap <= 1000);
}

TEST_CASE("a reload that changes interval and limits keeps the series; another starts anew",
          "[scrape][manager]") {
    Farm farm;
    Scraper scraper;
    farm.page("a", "x 1\n");
    auto job = Scraper::job("j");
    scraper.apply({job});
    const std::string url = "http://" + farm.address() + "/a";
    scraper.scrape(job, {url});
    REQUIRE(eventually([&] { return scraper.samples("x", "a").size() >= 2; }));
    const size_t resolves = scraper.storage.resolves();
    job.limits.sample_limit = 100;
    job.interval = job.timeout = std::chrono::milliseconds(100);
    scraper.apply({job});
    scraper.scrape(job, {url});
    const size_t before = scraper.samples("x", "a").size();
    REQUIRE(eventually([&] { return scraper.samples("x", "a").size() >= before + 3; }));
    CHECK(scraper.storage.resolves() == resolves);
    job.honor_labels = true;
    scraper.apply({job});
    REQUIRE(eventually([&] { return scraper.storage.resolves() > resolves; }));
}

TEST_CASE("more targets than target_limit: all are down, none is asked", "[scrape][manager]") {
    Farm farm;
    Scraper scraper;
    auto job = Scraper::job("j");
    job.limits.target_limit = 1;
    scraper.apply({job});
    const std::string base = "http://" + farm.address() + "/";
    scraper.scrape(job, {base + "a", base + "b"});
    REQUIRE(eventually([&] { return !scraper.samples("up", "b").empty(); }));
    CHECK(scraper.error("b") == "target_limit exceeded (number of targets: 2, limit: 1)");
    CHECK(farm.last_headers().empty());
}

TEST_CASE("a job may have too many targets on other nodes", "[scrape][manager]") {
    Farm farm;
    Scraper scraper;
    auto job = Scraper::job("j");
    job.limits.target_limit = 2;
    scraper.apply({job});
    model::ResolvedJob resolved;
    resolved.job = "j";
    resolved.over_target_limit = true;
    resolved.active = {std::make_shared<const model::Target>(
        Scraper::target(job, "http://" + farm.address() + "/a"))};
    scraper.manager->targets_changed(std::make_shared<const model::ResolvedJob>(resolved));
    REQUIRE(eventually([&] { return !scraper.samples("up", "a").empty(); }));
    CHECK(scraper.error("a") == "target_limit exceeded (by the targets of all nodes, limit: 2)");
    CHECK(farm.last_headers().empty());
}

TEST_CASE("a scrape waits for its commit, and stopping for both", "[scrape][manager]") {
    Farm farm;
    Scraper scraper;
    farm.page("a", "x 1\n");
    auto job = Scraper::job("j");
    scraper.storage.hold();
    scraper.apply({job});
    scraper.scrape(job, {"http://" + farm.address() + "/a"});
    REQUIRE(eventually([&] {
        return scraper.manager->targets().size() == 1 &&
               scraper.manager->targets()[0].status.health == scrape::Health::kUp;
    }));
    std::thread late([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        scraper.storage.release();
    });
    scraper.manager->stop();
    late.join();
    CHECK(scraper.samples("x", "a").size() == 1);
}

TEST_CASE("the API answers for targets, metadata and pools", "[scrape][api]") {
    Farm farm;
    Scraper scraper;
    farm.page("a", "# HELP x Some \"help\".\n# TYPE x counter\nx 1\n# TYPE y gauge\ny 1\n");
    auto job = Scraper::job("j");
    scraper.apply({job});
    scraper.scrape(job, {"http://" + farm.address() + "/a"});
    REQUIRE(eventually([&] { return scraper.samples("x", "a").size() >= 2; }));
    const scrape::HttpApi api(
        *scraper.manager,
        [](std::string_view) -> base::Result<std::vector<model::Matcher>> {
            return std::vector<model::Matcher>{model::Matcher::equal("instance", "other")};
        },
        {.external_scheme = "https", .external_host = "skein.example:9090", .listen_port = "9090"});
    base::http::Request request;
    const auto get = [&](auto handle, const std::string& query) {
        request.query = base::http::Params::parse(query).value();
        return (api.*handle)(request).body;
    };
    const auto document = base::parse_json(get(&scrape::HttpApi::targets, ""));
    REQUIRE(document);
    const auto* const data = document.value().find("data");
    REQUIRE(data != nullptr);
    const auto& active = data->find("activeTargets")->array()->front();
    CHECK(*active.find("health")->string() == "up");
    CHECK(*active.find("scrapePool")->string() == "j");
    CHECK(active.find("globalUrl")->string()->find("http://skein.example:") == 0);
    CHECK(*active.find("scrapeInterval")->string() == "200ms");
    CHECK(get(&scrape::HttpApi::targets, "state=dropped") ==
          R"({"status":"success","data":{"activeTargets":[],"droppedTargets":[],)"
          R"("droppedTargetCounts":{"j":0}}})");
    CHECK(get(&scrape::HttpApi::targets, "scrapePool=z&state=active") ==
          R"({"status":"success","data":{"activeTargets":[],"droppedTargets":[],)"
          R"("droppedTargetCounts":null}})");
    CHECK(
        get(&scrape::HttpApi::metadata, "") ==
        R"({"status":"success","data":{"x":[{"type":"counter","help":"Some \"help\".","unit":""}],)"
        R"("y":[{"type":"gauge","help":"","unit":""}]}})");
    CHECK(get(&scrape::HttpApi::metadata, "metric=y&limit=1") ==
          R"({"status":"success","data":{"y":[{"type":"gauge","help":"","unit":""}]}})");
    CHECK(get(&scrape::HttpApi::metadata, "limit=x") ==
          R"({"status":"error","errorType":"bad_data","error":"limit must be a number"})");
    CHECK(get(&scrape::HttpApi::targets_metadata, "metric=y") ==
          R"({"status":"success","data":[{"target":{"instance":"a","job":"j"},"type":"gauge",)"
          R"("help":"","unit":""}]})");
    CHECK(get(&scrape::HttpApi::targets_metadata, "match_target=x") ==
          R"({"status":"success","data":[]})");
    CHECK(get(&scrape::HttpApi::scrape_pools, "") ==
          R"({"status":"success","data":{"scrapePools":["j"]}})");
}

TEST_CASE("what a failing storage does to every scrape is logged once, with a count",
          "[scrape][manager]") {
    test_support::CaptureSink sink;
    const base::SystemClock clock;
    base::LogBackend backend(sink, clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo);
    Farm farm;
    Scraper scraper(base::Budget::kUnlimited, base::Logger(backend));
    farm.page("a", "good 1\n");
    farm.page("b", "good 1\n");
    auto job = Scraper::job("j", std::chrono::milliseconds(50));
    scraper.apply({job});
    const std::string base = "http://" + farm.address() + "/";
    scraper.storage.fail_commits(base::Error(base::Code::kNoSpace, "disk full"));
    scraper.scrape(job, {base + "a", base + "b"});
    constexpr uint64_t kFailures = 10;
    REQUIRE(eventually([&] { return scraper.metrics.commit_failures.value() >= kFailures; }));

    scraper.manager->stop();

    const auto lines = sink.lines();
    const auto count = [&](std::string_view text) {
        return std::ranges::count_if(
            lines, [&](const std::string& line) { return line.find(text) != std::string::npos; });
    };
    constexpr int kLanes = 2;  // each has its own limit
    CHECK(count("scrape commit failed") >= 1);
    CHECK(count("scrape commit failed") <= kLanes);
    CHECK(count("disk full") == count("scrape commit failed"));
    CHECK(count("suppressed=0") == count("scrape commit failed"));
}
