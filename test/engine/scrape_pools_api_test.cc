#include "engine/scrape_pools_api.h"

#include <catch2/catch.hpp>

#include "test/support/memory_files.h"

namespace {

using base::http::Request;
using base::http::Response;

constexpr const char* kConfig = R"(
scrape_configs:
  - job_name: a
    basic_auth: {username: u, password: geheim}
    static_configs: [{targets: ["h:1"]}]
    relabel_configs:
      - {source_labels: [__address__], regex: "([^:]+):.*", target_label: host, replacement: "$1"}
      - {source_labels: [host], regex: "b.*", action: drop}
      - {source_labels: [host], modulus: 4, action: hashmod, target_label: part}
  - job_name: plain
)";

struct Pools {
    Pools() {
        files.put("/etc/p.yml", base::ByteView(std::string_view(kConfig)));
        config = config::load(files, "/etc/p.yml", {}).value();
        engine::register_scrape_pool_routes(router, [this] { return config; }, nullptr);
    }

    std::string get(const std::string& path, const std::string& query) {
        Request request;
        request.query = base::http::Params::parse(query).value();
        for (const auto& route : router.routes()) {
            if (route->pattern == "/api/v1/" + path) {
                return std::get<base::http::Handler>(route->handler)(request, {}).body;
            }
        }
        FAIL("no such route " << path);
        return {};
    }

    test_support::MemoryFiles files;
    std::shared_ptr<const config::Config> config;
    base::http::Router router;
};

}  // namespace

TEST_CASE("the steps of relabelling stand with their rule and what it makes of the labels",
          "[engine][pools]") {
    Pools pools;
    CHECK(pools.get("targets/relabel_steps",
                    R"(scrapePool=a&labels={"__address__":"host:9100","x":"1"})") ==
          R"({"status":"success","data":{"steps":[)"
          R"({"rule":{"source_labels":["__address__"],"separator":";","regex":"([^:]+):.*",)"
          R"("target_label":"host","replacement":"$1","action":"replace"},)"
          R"("output":{"__address__":"host:9100","host":"host","x":"1"},"keep":true},)"
          R"({"rule":{"source_labels":["host"],"separator":";","regex":"b.*","replacement":"$1",)"
          R"("action":"drop"},"output":{"__address__":"host:9100","host":"host","x":"1"},)"
          R"("keep":true},)"
          R"j({"rule":{"source_labels":["host"],"separator":";","regex":"(.*)","modulus":4,)j"
          R"("target_label":"part","replacement":"$1","action":"hashmod"},)"
          R"("output":{"__address__":"host:9100","host":"host","part":"2","x":"1"},)"
          R"("keep":true}]}})");
}

TEST_CASE("after the rule that drops a target nothing is left of it", "[engine][pools]") {
    Pools pools;
    const std::string answer =
        pools.get("targets/relabel_steps", R"(scrapePool=a&labels={"__address__":"b:1"})");
    CHECK_THAT(answer, Catch::Matchers::Contains(R"("action":"drop"},"output":{},"keep":false},)"));
    CHECK_THAT(answer,
               Catch::Matchers::Contains(R"("action":"hashmod"},"output":{},"keep":false}]}})"));
    CHECK(pools.get("targets/relabel_steps", "scrapePool=plain&labels={}") ==
          R"({"status":"success","data":{"steps":[]}})");
}

TEST_CASE("questions about scrape pools that make no sense say why", "[engine][pools]") {
    Pools pools;
    const auto check =
        [&](const std::string& path, const std::string& query, const std::string& want) {
            CAPTURE(path, query);
            CHECK(pools.get(path, query) ==
                  R"({"status":"error","errorType":"bad_data","error":")" + want + "\"}");
        };
    for (const char* const path : {"scrape_pools/config", "targets/relabel_steps"}) {
        check(path, "", "no scrapePool parameter provided");
        check(path,
              "scrapePool=b&labels={}",
              R"(error retrieving scrape config: scrape pool \"b\" not found)");
    }
    check("targets/relabel_steps", "scrapePool=a", "no labels parameter provided");
    check("targets/relabel_steps",
          "scrapePool=a&labels=[]",
          "error parsing labels: want an object of names and values, not array");
    check("targets/relabel_steps",
          R"(scrapePool=a&labels={"x":1})",
          R"(error parsing labels: the value of \"x\" must be a string, not number)");
}

TEST_CASE("the configuration of a scrape pool keeps its secrets", "[engine][pools]") {
    Pools pools;
    const std::string answer = pools.get("scrape_pools/config", "scrapePool=a");
    CHECK(answer.starts_with(R"({"status":"success","data":{"yaml":"job_name: a\n)"));
    CHECK_THAT(answer, Catch::Matchers::Contains(R"(scrape_interval: 1m\n)"));
    CHECK_THAT(answer, !Catch::Matchers::Contains("geheim"));
    CHECK_THAT(answer, Catch::Matchers::Contains(R"(password: \u003csecret\u003e)"));
}
