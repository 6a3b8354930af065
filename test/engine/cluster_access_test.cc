#include "engine/cluster_access.h"

#include <catch2/catch.hpp>

#include "engine/flags.h"

namespace {

engine::FlagValues parsed(const std::vector<std::string>& words) {
    const engine::CommandLine line("skein", "", engine::server_flags());
    auto outcome = line.parse(words);
    REQUIRE(outcome.has_value());
    return std::move(outcome).value().values;
}

std::string refusal(const std::vector<std::string>& words) {
    const auto status = engine::check_cluster_access(parsed(words));
    return status.has_error() ? status.error().message() : "";
}

constexpr const char* kJoin = "--cluster.join=10.0.0.1:10901,10.0.0.2:10901";
constexpr const char* kAuthority = "--grpc-server-tls-client-ca=ca.pem";

}  // namespace

TEST_CASE("beyond loopback nodes need certificates, a key, or a word that they need none",
          "[engine][cluster]") {
    CHECK(refusal({}).empty());
    CHECK(refusal({kJoin, "--grpc.listen-address=127.0.0.1:10901"}).empty());
    CHECK(refusal({kJoin, kAuthority}).empty());
    CHECK(refusal({kJoin, "--cluster.key-file=key"}).empty());
    CHECK(refusal({kJoin, "--cluster.insecure"}).empty());
    const std::string open = refusal({kJoin});
    CHECK_THAT(open, Catch::Contains("0.0.0.0:10901"));
    CHECK_THAT(open, Catch::Contains("-client-ca"));
    CHECK_THAT(open, Catch::Contains("--cluster.key-file"));
    CHECK_THAT(open, Catch::Contains("--cluster.insecure"));
}

TEST_CASE("flags of the cluster that make no sense are refused", "[engine][cluster]") {
    CHECK_THAT(refusal({"--cluster.join=a"}), Catch::Contains("list of host:port"));
    CHECK_THAT(refusal({kJoin, "--grpc.listen-address="}), Catch::Contains("needs a gRPC server"));
    CHECK_THAT(refusal({kJoin, "--cluster.insecure", "--cluster.accepted-names=a"}),
               Catch::Contains("--cluster.accepted-names are names in certificates"));
    CHECK_THAT(refusal({"--cluster.zone=" + std::string(254, 'z')}),
               Catch::Contains("--cluster.zone has 254 bytes, at most 253"));
    CHECK_THAT(refusal({"--cluster.series-budget=-1"}),
               Catch::Contains("--cluster.series-budget must be 0 to"));
    CHECK_THAT(refusal({"--cluster.series-budget=1000000001"}),
               Catch::Contains("--cluster.series-budget must be 0 to"));
    CHECK(refusal({"--cluster.series-budget=1000000"}).empty());
}

TEST_CASE("accepted names come with commas, and from repeated flags", "[engine][cluster]") {
    CHECK(engine::accepted_names(parsed({})).empty());
    CHECK(engine::accepted_names(
              parsed({"--cluster.accepted-names=a,b", "--cluster.accepted-names=c"})) ==
          std::vector<std::string>{"a", "b", "c"});
}
