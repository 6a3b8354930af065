#include "test/support/skip.h"

#include <catch2/catch.hpp>

#include "test/support/command.h"

namespace {

test::Outcome run_sample(const std::string& test_case) {
    return test::run_command(std::string(SKEIN_SKIP_SAMPLE) + " '" + test_case + "'");
}

}  // namespace

TEST_CASE("a skipped test case prints the line that ctest counts", "[support]") {
    const auto skipped = run_sample("skips");
    CHECK(skipped.exit_code == 0);
    CHECK(skipped.output.find("\nSKIPPED: nothing to see\n") != std::string::npos);
}

TEST_CASE("a test case that failed before it skips counts as failed", "[support]") {
    const auto failed = run_sample("fails*");
    CHECK(failed.exit_code == 1);
    CHECK(failed.output.find("SKIPPED:") == std::string::npos);
}

TEST_CASE("a test case that runs is not skipped", "[support]") {
    const auto ran = run_sample("runs");
    CHECK(ran.exit_code == 0);
    CHECK(ran.output.find("SKIPPED:") == std::string::npos);
}
