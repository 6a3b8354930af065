#include "shard/assignment/job_names.h"

#include <catch2/catch.hpp>

#include "shard/assignment/table.h"

using namespace shard;

namespace {

bool has_room(const JobNames& jobs, std::vector<std::string_view> wanted) {
    return jobs.check_room(wanted).has_value();
}

}  // namespace

TEST_CASE("a job keeps its number, with targets or without", "[shard][table]") {
    JobNames jobs;
    CHECK(jobs.hold("a") == 0);
    CHECK(jobs.hold("b") == 1);
    CHECK(jobs.hold("a") == 0);
    jobs.release(1);
    CHECK(jobs.hold("c") == 2);
    CHECK(jobs.hold("b") == 1);
    CHECK(jobs.names().size() == 3);
    CHECK(jobs.has("c"));
    CHECK_FALSE(jobs.has("d"));
}

TEST_CASE("when all numbers are taken a job without targets gives its own", "[shard][table]") {
    JobNames jobs;
    for (size_t i = 0; i < kJobsMax; ++i) {
        jobs.hold(std::to_string(i));
    }
    CHECK(has_room(jobs, {"17", "9"}));
    CHECK_FALSE(has_room(jobs, {"new"}));
    jobs.release(500);
    jobs.release(300);
    CHECK(has_room(jobs, {"new", "newer"}));
    CHECK_FALSE(has_room(jobs, {"new", "newer", "300"}));
    CHECK_FALSE(has_room(jobs, {"new", "newer", "newest"}));
    CHECK(jobs.hold("300") == 300);
    CHECK(jobs.hold("new") == 500);
    CHECK(jobs.names()[500] == "new");
    CHECK_FALSE(jobs.has("500"));
    CHECK(jobs.names().size() == kJobsMax);
}
