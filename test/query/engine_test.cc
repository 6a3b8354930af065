// The engine by scripts: our own, and the shared conformance suite.
#include <algorithm>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "query/testing/runner.h"
#include "query/testing/script_engine.h"
#include "test/support/skip.h"

namespace {

namespace fs = std::filesystem;

const fs::path kOwnScripts = "test/query/scripts";
const fs::path kSharedScripts = "../shared/conformance/promql";
constexpr size_t kScriptBytesMax = 1024 * 1024;

std::vector<std::string> scripts_in(const fs::path& folder) {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".test") {
            files.push_back(entry.path().string());
        }
    }
    std::ranges::sort(files);
    return files;
}

query::testing::ScriptReport run_all(const fs::path& folder, const query::Options& options) {
    const auto files = base::make_posix_files();
    const auto engine = query::testing::make_script_engine(options);
    query::testing::ScriptReport report;
    for (const std::string& file : scripts_in(folder)) {
        const auto text = base::read_file(*files, file, kScriptBytesMax);
        REQUIRE(text.has_value());
        auto one = query::testing::run_script(file, text.value(), *engine);
        report.merge(std::move(one));
    }
    return report;
}

}  // namespace

TEST_CASE("the engine answers our own scripts as they say", "[query][scripts]") {
    const auto report = run_all(kOwnScripts, query::testing::script_options());
    INFO(query::testing::to_text(report));
    CHECK(report.failed == 0);
    CHECK(report.passed > 100);
}

TEST_CASE("our own scripts hold without delayed name removal", "[query][scripts]") {
    query::Options options = query::testing::script_options();
    options.delayed_name_removal = false;
    const auto engine = query::testing::make_script_engine(options);
    const auto files = base::make_posix_files();
    for (const char* name : {"selectors", "rates", "over_time", "aggregations", "binary"}) {
        const std::string file = (kOwnScripts / (std::string(name) + ".test")).string();
        const auto text = base::read_file(*files, file, kScriptBytesMax);
        REQUIRE(text.has_value());
        const auto report = query::testing::run_script(file, text.value(), *engine);
        INFO(query::testing::to_text(report));
        CHECK(report.failed == 0);
    }
}

TEST_CASE("the engine passes the shared conformance suite", "[query][conformance]") {
    if (!fs::exists(kSharedScripts)) {
        SKEIN_SKIP("the shared conformance data is not beside the source tree");
    }
    const auto report = run_all(kSharedScripts, query::testing::script_options());
    INFO(query::testing::to_text(report));
    CHECK(report.passed >= 2043);
    CHECK(report.failed == 0);
}
