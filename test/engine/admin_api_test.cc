// The endpoints that change data, and those that say what the storage serves.
#include "engine/admin_api.h"

#include <variant>

#include "base/json_read.h"
#include "test/support/memory_files.h"
#include "test/tsdb/db_fixture.h"
#include "tsdb/http_api.h"

namespace {

using base::http::Method;
using base::http::Request;
using base::http::Response;
using tsdb_test::labels_of;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'700'006'400'000 / (2 * kHour) * (2 * kHour);

struct Api {
    explicit Api(bool enabled = true) : node(files) {
        engine::register_admin_routes(
            router, {.enabled = enabled, .db = [this]() -> tsdb::Db& { return node.db(); }});
        tsdb::register_routes(router, [this]() -> const tsdb::Db& { return node.db(); }, nullptr);
    }

    Response ask(Method method, std::string_view path, std::string_view params = {}) {
        Request request;
        request.method = method;
        if (method == Method::kGet) {
            request.query = base::http::Params::parse(params).value();
        } else {
            request.headers.set("Content-Type", std::string(kForm));
            request.body = params;
        }
        for (const auto& route : router.routes()) {
            if (route->pattern == path && route->methods.has(method)) {
                return std::get<base::http::Handler>(route->handler)(request, {});
            }
        }
        FAIL("no such route " << path);
        return {};
    }

    Response admin(std::string_view verb, std::string_view params = {}) {
        return ask(Method::kPost, "/api/v1/admin/tsdb/" + std::string(verb), params);
    }

    test_support::MemoryFiles files;
    tsdb_test::Node node;
    base::http::Router router;
};

std::string error(std::string_view type, std::string_view text) {
    return R"({"status":"error","errorType":")" + std::string(type) + R"(","error":")" +
           std::string(text) + R"("})";
}

}  // namespace

TEST_CASE("admin endpoints do nothing without their flag", "[engine][http]") {
    Api api(false);
    for (const char* const verb : {"delete_series", "clean_tombstones", "snapshot"}) {
        const Response response = api.admin(verb, "match[]=up");
        CHECK(response.status == 500);
        CHECK(response.body == error("unavailable", "admin APIs disabled"));
    }
}

TEST_CASE("series are deleted by selectors and times", "[engine][http]") {
    Api api;
    for (const char* const id : {"1", "2", "3"}) {
        REQUIRE(api.node.append(labels_of("m", id), {{1'000'000, 1}, {1'001'000, 2}}));
    }
    CHECK(api.admin("delete_series", "match[]={id=\"1\"}&match[]={id=\"2\"}&end=1000.5").status ==
          204);
    const auto left = api.node.contents();
    CHECK(left.at(labels_of("m", "1").to_series_string()).size() == 1);
    CHECK(left.at(labels_of("m", "2").to_series_string()).size() == 1);
    CHECK(left.at(labels_of("m", "3").to_series_string()).size() == 2);
    const Response all = api.ask(Method::kPut, "/api/v1/admin/tsdb/delete_series", "match[]=m");
    CHECK(all.status == 204);
    CHECK(all.body.empty());
    CHECK(api.node.contents().empty());
}

TEST_CASE("bad deletions are refused whole", "[engine][http]") {
    Api api;
    REQUIRE(api.node.append(labels_of("m", "1"), 1000, 1));
    const auto refused = [&](std::string_view params, std::string_view text) {
        const Response response = api.admin("delete_series", params);
        CHECK(response.status == 400);
        CHECK(response.body == error("bad_data", text));
    };
    refused("", "no match[] parameter provided");
    refused("match[]=m&start=x",
            R"(invalid parameter \"start\": invalid time value for 'start': )"
            R"(cannot parse \"x\" to a valid timestamp)");
    refused(
        "match[]=m&match[]={",
        R"(invalid parameter \"match[]\": 1:2: parse error: unexpected end of input inside braces)");
    refused(
        "match[]={}",
        R"(invalid parameter \"match[]\": match[] must contain at least one non-empty matcher)");
    CHECK(api.node.contents().size() == 1);
}

TEST_CASE("snapshots are named in the answer", "[engine][http]") {
    Api api;
    REQUIRE(api.node.append(labels_of("m", "1"), 1000, 1));
    const Response whole = api.admin("snapshot");
    REQUIRE(whole.status == 200);
    const auto answer = base::parse_json(whole.body, {.bytes = 4096, .depth = 8});
    REQUIRE(answer);
    const std::string name = *answer.value().find("data")->find("name")->string();
    CHECK(api.files.list("/data/snapshots/" + name).value().size() == 1);
    CHECK(api.admin("snapshot", "skip_head=True").status == 200);
    const Response bad = api.admin("snapshot", "skip_head=yes");
    CHECK(bad.status == 400);
    CHECK(bad.body ==
          error("bad_data",
                R"(invalid parameter \"skip_head\": unable to parse boolean strconv.ParseBool: )"
                R"(parsing \"yes\": invalid syntax)"));
}

TEST_CASE("cleaning gives the room of deleted samples back, and blocks are listed",
          "[engine][http]") {
    Api api;
    for (int64_t t = kStart; t < kStart + 5 * kHour; t += 60'000) {
        REQUIRE(api.node.append(labels_of("m", "1"), t, 1));
        REQUIRE(api.node.append(labels_of("m", "2"), t, 2));
    }
    REQUIRE(api.node.db().run_upkeep());
    REQUIRE(api.admin("delete_series", "match[]={id=\"2\"}").status == 204);
    const auto listed = [&](std::string_view path) {
        const Response response = api.ask(Method::kGet, path);
        CHECK(response.status == 200);
        auto answer = base::parse_json(response.body, {.bytes = 1 << 16, .depth = 16});
        REQUIRE(answer);
        return std::move(answer).value();
    };
    const std::string ulid = api.node.db().blocks()[0].ulid.text();
    const std::string marked = api.ask(Method::kGet, "/api/v1/status/storage").body;
    CHECK(marked.find(R"("ulid":")" + ulid) != std::string::npos);
    CHECK(marked.find(R"("series":2,"chunks":2,"samples":240,"tombstones":1)") !=
          std::string::npos);
    CHECK(marked.find(R"("notServed":[])") != std::string::npos);
    CHECK(api.admin("clean_tombstones").status == 204);
    REQUIRE(api.node.db().blocks().size() == 1);
    const auto answer = listed("/api/v1/status/tsdb/blocks");
    const auto* blocks = answer.find("data")->find("blocks");
    REQUIRE(blocks != nullptr);
    REQUIRE(blocks->array() != nullptr);
    REQUIRE(blocks->array()->size() == 1);
    const auto& block = blocks->array()->front();
    CHECK(*block.find("ulid")->string() == api.node.db().blocks()[0].ulid.text());
    CHECK(*block.find("ulid")->string() != ulid);
    CHECK(*block.find("stats")->find("numSamples")->integer() == 120);
}
