// `skein cluster
// status|nodes|targets|plan|history|simulate|pause|resume|drain|undrain|move|transfer|
// remove|apply`: asks a node's HTTP API, and prints tables or the API's JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

struct SteerVerb {
    std::string_view name;
    std::string_view use;   // behind `skein cluster`
    std::string_view path;  // behind /api/v1/cluster/
    bool change = false;
    // The parameters that operands stand for, in their order; the last ones may be left out from
    // `operands_min` on.
    std::vector<std::string_view> operands = {};
    size_t operands_min = 0;
};

[[nodiscard]] std::span<const SteerVerb> steer_verbs();

// words  behind the verb. returns  0: done; 1: the server said no, or nothing; 2: it cannot be
// asked so
[[nodiscard]] int cluster_steer(const SteerVerb& verb, const std::vector<std::string>& words);

}  // namespace engine
