// What nodes compare of their configurations, so that no node is given targets of a job that it
// would scrape otherwise than the rest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"

namespace config {

struct JobHash {
    std::string job;
    uint64_t hash = 0;

    bool operator==(const JobHash&) const = default;
};

struct ConfigHashes {
    uint64_t whole = 0;
    std::vector<JobHash> jobs;  // by name
};

// Hashes of what a configuration means, the same on every machine and over versions of the program
// that add options. They know nothing of how it is written (order of keys, comments, defaults
// written out), and of
// - external labels, log files and the folder of the configuration: they differ from node to node;
// - secrets, but for whether there is one and the names of files that hold them: hashes go over the
//   network, and a weak secret could be guessed from one;
// - what is in files that are named.
// `whole` is of all jobs and of everything else that is shared.
// source: docs/configuration.md, "One configuration on every node"
[[nodiscard]] ConfigHashes hash_configuration(const Config& config);

// folder  of the configuration file
[[nodiscard]] uint64_t hash_job(const scrape::JobOptions& job, const std::string& folder);

}  // namespace config
