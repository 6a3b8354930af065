#include "engine/cluster_admission.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "test/support/temp_folder.h"

namespace {

using base::rpc::CallPeer;
using engine::ClusterAdmission;

base::Result<base::Secret> key_of(const std::string& content) {
    const test_support::TempFolder folder;
    std::ofstream(folder / "key") << content;
    return engine::read_cluster_key(*base::make_posix_files(), folder / "key");
}

}  // namespace

TEST_CASE("without accepted names everybody who got this far may speak", "[engine][cluster]") {
    const ClusterAdmission admission({});
    CHECK(admission.admit({.address = "ipv4:10.0.0.1:5", .names = {}}).has_value());
    CHECK(admission.admit({.address = "ipv4:10.0.0.1:5", .names = {"thanos"}}).has_value());
}

TEST_CASE("with accepted names one of the certificate's must be among them", "[engine][cluster]") {
    const ClusterAdmission admission({"node-a", "node-b"});
    CHECK(admission.admit({.address = "x", .names = {"node-b"}}).has_value());
    CHECK(admission.admit({.address = "x", .names = {"other", "node-a"}}).has_value());
    const auto stranger = admission.admit({.address = "ipv4:10.0.0.9:1", .names = {"node", "c"}});
    REQUIRE(stranger.has_error());
    CHECK(stranger.error().code() == base::Code::kPermission);
    CHECK_THAT(stranger.error().message(), Catch::Contains("ipv4:10.0.0.9:1"));
    CHECK_THAT(stranger.error().message(), Catch::Contains("its certificate is for node, c"));
    CHECK_THAT(stranger.error().message(), Catch::Contains("--cluster.accepted-names"));
    const auto nobody = admission.admit({.address = "x", .names = {}});
    REQUIRE(nobody.has_error());
    CHECK_THAT(nobody.error().message(), Catch::Contains("it showed no certificate"));
}

TEST_CASE("the cluster's key is what is in the file, without line ends behind it",
          "[engine][cluster]") {
    CHECK(key_of("0123456789abcdef\n").value().reveal() == "0123456789abcdef");
    CHECK(key_of("0123456789 abcdef\r\n").value().reveal() == "0123456789 abcdef");
    CHECK(engine::read_cluster_key(*base::make_posix_files(), "").value().empty());
}

TEST_CASE("a key that is short, large or not there is refused with its file", "[engine][cluster]") {
    const auto brief = key_of("0123456789\n");
    REQUIRE(brief.has_error());
    CHECK(brief.error().code() == base::Code::kInvalid);
    CHECK_THAT(brief.error().message(), Catch::Contains("--cluster.key-file"));
    CHECK_THAT(brief.error().message(), Catch::Contains("/key"));
    CHECK_THAT(brief.error().message(), !Catch::Contains("0123456789"));
    CHECK(key_of(std::string(engine::kClusterKeyFileBytesMax + 1, 'x')).error().code() ==
          base::Code::kLimit);
    const auto absent = engine::read_cluster_key(*base::make_posix_files(), "/nowhere/key");
    REQUIRE(absent.has_error());
    CHECK_THAT(absent.error().message(), Catch::Contains("/nowhere/key"));
}
