#include "engine/store_api.h"

#include <catch2/catch.hpp>

#include "engine/flags.h"

namespace {

std::string address_of(const std::vector<std::string>& words) {
    const engine::CommandLine line("skein", "", engine::server_flags());
    return engine::grpc_address(line.parse(words).value().values);
}

}  // namespace

TEST_CASE("a node's labels on the StoreAPI name it, unless the configuration does", "[engine]") {
    const model::Labels external{{"cluster", "x"}};
    const model::Labels named{{"cluster", "x"}, {"replica", "r0"}};
    CHECK(engine::store_labels(external, "replica", "a").to_string() ==
          R"({cluster="x", replica="a"})");
    CHECK(engine::store_labels({}, "node", "a").to_string() == R"({node="a"})");
    CHECK(engine::store_labels(named, "replica", "a") == named);
    CHECK(engine::store_labels(external, "", "a") == external);
}

TEST_CASE("the gRPC address goes by Skein's and by Thanos' name", "[engine]") {
    CHECK(address_of({}) == "0.0.0.0:10901");
    CHECK(address_of({"--grpc-address=:1"}) == ":1");
    CHECK(address_of({"--grpc.listen-address=:2"}) == ":2");
    CHECK(address_of({"--grpc-address=:1", "--grpc.listen-address=:2"}) == ":2");
    CHECK(address_of({"--grpc.listen-address="}).empty());
}
