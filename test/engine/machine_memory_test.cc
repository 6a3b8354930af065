#include "engine/machine_memory.h"

#include <map>

#include <catch2/catch.hpp>

namespace {

int64_t limit_of(std::string_view membership, const std::map<std::string, std::string>& files) {
    return engine::cgroup_memory_limit(membership, [&](const std::string& path) {
        const auto found = files.find(path);
        return found == files.end() ? std::string() : found->second;
    });
}

}  // namespace

TEST_CASE("the limit of the process' cgroup or one above it is found", "[engine][memory]") {
    CHECK(limit_of("0::/system.slice/skein.service\n",
                   {{"/system.slice/skein.service/memory.max", "4096\n"},
                    {"/system.slice/memory.max", "max\n"}}) == 4096);
    CHECK(limit_of("0::/system.slice/skein.service\n",
                   {{"/system.slice/skein.service/memory.max", "max\n"},
                    {"/system.slice/memory.max", "8192\n"}}) == 8192);
    CHECK(limit_of("0::/\n", {{"/memory.max", "1024\n"}}) == 1024);
    // The host's path, in a container: only the mount's own limit is there.
    CHECK(limit_of("9:cpu,cpuacct:/a\n8:hugetlb,memory:/docker/0123\n0::/\n",
                   {{"/memory/memory.limit_in_bytes", "2048\n"}}) == 2048);
}

TEST_CASE("without a cgroup there is no limit", "[engine][memory]") {
    CHECK(limit_of("", {}) == INT64_MAX);
    CHECK(limit_of("0::/a/b\n", {}) == INT64_MAX);
    CHECK(limit_of("nonsense\n:\n", {{"/memory.max", "1"}}) == INT64_MAX);
    CHECK(limit_of("0::/\n", {{"/memory.max", "max\n"}}) == INT64_MAX);
}

TEST_CASE("the machine has memory", "[engine][memory]") {
    CHECK(engine::machine_memory().bytes > (int64_t{16} << 20));
}
