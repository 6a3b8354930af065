// The OpenAPI document, against what a server has mounted and what YAML allows.
#include "engine/openapi.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "engine/features_api.h"
#include "engine/flags.h"
#include "engine/node.h"

TEST_CASE("the OpenAPI document has what is mounted below /api/v1, and nothing else",
          "[engine][openapi]") {
    std::vector<std::string> mounted = engine::server_operations();
    REQUIRE(std::ranges::find(mounted, "GET /-/ready") != mounted.end());
    std::erase_if(mounted, [](const std::string& operation) {
        return operation.find(" /api/v1/") == std::string::npos;
    });
    CHECK(engine::openapi_operations() == mounted);
}

TEST_CASE("the OpenAPI document names parts of paths and forms", "[engine][openapi]") {
    const std::string yaml = engine::openapi_yaml();
    const auto has = [&](const std::string& part) {
        CHECK_THAT(yaml, Catch::Matchers::Contains(part));
    };
    CHECK(yaml.starts_with("openapi: 3.1.0\n"));
    has("  /label/{name}/values:\n    get:\n      operationId: get_label__name_values\n");
    has("        - name: 'name'\n          in: path\n          required: true\n");
    has("  /queries/{id}/cancel:\n    post:\n");
    has("              required: ['query', 'start', 'end', 'step']\n");
    has("                'match[]':\n                  type: array\n");
}

TEST_CASE("the features say what is built and switched on", "[engine][features]") {
    const engine::CommandLine line("skein", "", engine::server_flags());
    const auto features = [&](const std::vector<std::string>& words) {
        const auto parsed = line.parse(words);
        REQUIRE(parsed);
        return engine::features_json(parsed.value().values);
    };
    const std::string plain = features({});
    const auto has = [](const std::string& json, const std::string& part) {
        CHECK_THAT(json, Catch::Matchers::Contains(part));
    };
    CHECK(plain.starts_with(R"({"api":{"admin":false,)"));
    has(plain, R"("!=":true,"!~":true,"%":true,)");
    has(plain, R"("limitk":false)");
    has(plain, R"("abs":true)");
    has(plain, R"("kubernetes":false)");
    has(plain, R"("static":true)");
    const std::string more =
        features({"--web.enable-admin-api", "--enable-feature=promql-experimental-functions"});
    has(more, R"("admin":true)");
    has(more, R"("limitk":true)");
}
