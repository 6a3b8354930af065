#include "config/job_hashes.h"

#include <algorithm>

#include "base/checksum.h"
#include "config/canonical.h"

namespace config {

uint64_t hash_job(const scrape::JobOptions& job, const std::string& folder) {
    return base::xxh64(canonical_text(job, folder));
}

ConfigHashes hash_configuration(const Config& config) {
    const std::string folder = base::parent_path(config.file);
    ConfigHashes hashes;
    for (const scrape::JobOptions& job : config.scrape.jobs) {
        hashes.jobs.push_back({job.job_name, hash_job(job, folder)});
    }
    std::sort(hashes.jobs.begin(), hashes.jobs.end(), [](const JobHash& a, const JobHash& b) {
        return a.job < b.job;
    });
    std::string all;
    for (const JobHash& job : hashes.jobs) {
        all.append(std::to_string(job.hash)).append(" ");  // of the job's name, too
    }
    all += canonical_rest(config, folder);
    hashes.whole = base::xxh64(all);
    return hashes;
}

}  // namespace config
