#include "engine/machine_memory.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include <unistd.h>

#include "base/number.h"

namespace engine {
namespace {

constexpr std::string_view kCgroups = "/sys/fs/cgroup";

std::string read_whole(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// "max" of version 2 is none, the largest number of version 1 no limit in effect.
int64_t parse_limit(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.remove_suffix(1);
    }
    int64_t bytes = 0;
    return base::parse_integer(text, bytes) && bytes > 0 ? bytes : INT64_MAX;
}

struct Membership {
    std::string folder;  // below the mount of cgroups
    std::string path;
    std::string_view file;
};

// A line is "number:controllers:path"; version 2 has no controllers.
std::optional<Membership> parse_line(std::string_view line) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (controllers.empty()) {
        return Membership{"", path, "memory.max"};
    }
    const std::string list = "," + std::string(controllers) + ",";
    if (list.find(",memory,") == std::string::npos) {
        return std::nullopt;
    }
    return Membership{"/memory", path, "memory.limit_in_bytes"};
}

}  // namespace

int64_t cgroup_memory_limit(std::string_view membership,
                            const std::function<std::string(const std::string&)>& read) {
    int64_t limit = INT64_MAX;
    while (!membership.empty()) {
        const size_t end = std::min(membership.find('\n'), membership.size());
        const auto member = parse_line(membership.substr(0, end));
        membership.remove_prefix(std::min(end + 1, membership.size()));
        if (!member.has_value()) {
            continue;
        }
        // In a container the path may be the host's: then only the mount's own limit is there.
        std::string path = member->path;
        while (true) {
            while (path.ends_with('/')) {
                path.pop_back();
            }
            const std::string file = member->folder + path + "/" + std::string(member->file);
            limit = std::min(limit, parse_limit(read(file)));
            if (path.empty()) {
                break;
            }
            path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
        }
    }
    return limit;
}

MachineMemory machine_memory() {
    const int64_t machine = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
    const int64_t cgroup = cgroup_memory_limit(
        read_whole("/proc/self/cgroup"),
        [](const std::string& path) { return read_whole(std::string(kCgroups) + path); });
    return {.bytes = std::min(machine, cgroup), .of_cgroup = cgroup < machine};
}

}  // namespace engine
