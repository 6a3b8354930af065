// Every shared configuration file gets the verdict that its name says.
#include <filesystem>
#include <iostream>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "config/config.h"

namespace {

const std::filesystem::path kFolder = "../shared/conformance/config";

}  // namespace

TEST_CASE("shared configurations are accepted and rejected as their names say", "[config]") {
    if (!std::filesystem::exists(kFolder)) {
        std::cout << "SKIPPED: " << kFolder << " is not here\n";
        return;
    }
    const auto files = base::make_posix_files();
    size_t good = 0;
    size_t bad = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
        const std::string name = entry.path().filename().string();
        const auto loaded = name.ends_with(".yml")
                                ? config::load(*files, entry.path().string(), {})
                                : base::Result<std::shared_ptr<const config::Config>>(nullptr);
        CAPTURE(name);
        if (name.ends_with(".good.yml")) {
            ++good;
            INFO((loaded.has_error() ? loaded.error().message() : std::string()));
            CHECK(loaded.has_value());
        } else if (name.ends_with(".bad.yml")) {
            ++bad;
            REQUIRE(loaded.has_error());
            CHECK(loaded.error().message().find(".yml:") != std::string::npos);
        }
    }
    CHECK(good >= 40);
    CHECK(bad >= 100);
}
