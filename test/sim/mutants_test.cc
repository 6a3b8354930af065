// The simulation must fail when a rule is taken out of the subject: each mutant is the simulator
// with one rule less.
#include <cstdio>
#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "test/support/command.h"

namespace {

constexpr const char* kSteps = "1000000";
constexpr int kInvariantFailed = 1;
constexpr int kAborted = 128 + 6;

// By which invariant each is caught; another one that fails before says nothing of the rule. Those
// that are not named: by any.
const std::map<std::string, std::string> kCaughtBy = {{"cluster_epoch", "X1"},
                                                      {"cluster_expected_epoch", "F4"},
                                                      {"cluster_lease", "X4"},
                                                      {"cluster_overlap", "M1"},
                                                      {"cluster_stale_markers", "M4"},
                                                      {"cluster_trial", "trial"}};

// names  with a space between two
void must_be_caught(const std::string& names, const std::string& subject) {
    size_t caught = 0;
    for (size_t at = 0; at < names.size();) {
        const size_t end = std::min(names.find(' ', at), names.size());
        const std::string name = names.substr(at, end - at);
        at = end + 1;
        const auto by = kCaughtBy.find(name);
        const std::string until = by == kCaughtBy.end() ? "" : " --until " + by->second;
        const test::Outcome outcome =
            test::run_command(std::string(SKEIN_SIM_FOLDER) + "/sim_mutant_" + name + " " +
                              subject + " --seed 1 --steps " + kSteps + until + " 2>&1");
        const std::vector<std::string> lines = test::lines_of(outcome.output);
        const std::string last = lines.empty() ? "" : lines.back();
        std::printf("mutant %s: %s\n", name.c_str(), last.c_str());
        INFO(name << ": " << last);
        CHECK((outcome.exit_code == kInvariantFailed || outcome.exit_code == kAborted));
        if (by != kCaughtBy.end()) {
            CHECK(last.ends_with(": " + by->second));
        }
        ++caught;
    }
    CHECK(caught > 0);
}

}  // namespace

TEST_CASE("simulation fails within a million steps without any one rule of raft",
          "[sim][raft][mutants]") {
    must_be_caught(SKEIN_SIM_MUTANTS, "raft");
}

TEST_CASE("simulation fails within a million steps without any one rule of the cluster",
          "[sim][cluster][mutants]") {
    must_be_caught(SKEIN_SIM_CLUSTER_MUTANTS, "cluster");
}
