// Who is told how scrapes went.
#pragma once

#include <cstdint>

#include "model/target.h"

namespace model {

struct ScrapeOutcome {
    TargetId target = 0;
    // The page was fetched and understood, and the storage took all of it: no commit failed and no
    // series was refused.
    bool good = false;
    int64_t timestamp_ms = 0;  // of samples without a time of their own
    uint64_t series = 0;       // distinct ones after metric_relabel, without reports; 0 unless good
};

class ScrapeListener {
  public:
    // Called once for every scrape that was not cut short by the process' end, after its commit,
    // on the target's lane: post onwards, do not work there.
    virtual void scraped(const ScrapeOutcome& outcome) = 0;

  protected:
    ~ScrapeListener() = default;
};

}  // namespace model
