// Targets: raw groups as discovery finds them, and resolved targets as they are scraped.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/labels.h"

namespace model {

// Addresses that share labels. `source` names the group for logs and status, e.g. a file's path.
struct TargetGroup {
    std::string source;
    Labels labels;
    std::vector<Labels> targets;  // each with at least __address__

    bool operator==(const TargetGroup&) const = default;
};

class GroupListener {
  public:
    // The complete list, every time something changed. Called on the source's own thread or lane.
    virtual void groups_changed(std::vector<TargetGroup> groups) = 0;

  protected:
    ~GroupListener() = default;
};

// One discovery mechanism of one job: raw labelled addresses that change.
//   lifetime  start() once; the first call to the listener follows even when the list is empty;
//   after stop() returns
//             there is none
class GroupSource {
  public:
    virtual ~GroupSource() = default;
    virtual void start(GroupListener& listener) = 0;
    virtual void stop() = 0;
    // "static", "file", "http", …: the label `mechanism`/`config` of prometheus_sd_* metrics
    [[nodiscard]] virtual std::string mechanism() const = 0;
};

using TargetId = uint64_t;

// From when on what shares it is not scraped: base::Clock::steady(), in its ticks since its epoch.
// Moves while scrapes go on.
using ScrapeEnd = std::atomic<int64_t>;

// A target after relabelling: what is scraped, as whom, and when. Immutable.
struct Target {
    TargetId id = 0;    // hash of labels and URL, as Prometheus computes it
    std::string job;    // the scrape pool: job_name of the configuration (the label job may differ)
    Labels labels;      // final, without __ labels
    Labels discovered;  // before relabelling
    std::string url;    // complete, with parameters
    std::string unix_socket;  // path to dial instead of the URL's host; usually empty
    std::chrono::milliseconds interval{0};
    std::chrono::milliseconds timeout{0};

    // How this node scrapes it. The defaults mean: alone. They may change under the same id.
    uint8_t slot = 0;  // of `slots` nodes that scrape it: slot / slots of an interval after slot 0
    uint8_t slots = 1;
    bool on_trial = false;  // nothing is stored before the first good scrape, not even `up`
    bool at_once = false;   // the first scrape does not wait for the target's moment
    std::shared_ptr<const ScrapeEnd> end;  // null: it has none
};

struct DroppedTarget {
    Labels discovered;
};

// What became of one job's groups.
struct ResolvedJob {
    std::string job;
    std::vector<std::shared_ptr<const Target>> active;  // unique by id
    std::vector<DroppedTarget> dropped;                 // at most keep_dropped_targets
    uint64_t dropped_count = 0;
    bool over_target_limit = false;  // every active target is reported down, none is scraped
    // Not active here any more, but scraped elsewhere: their series go on there, and end here
    // without stale markers. Those of all others that are gone are marked stale.
    std::vector<TargetId> handed_over;
};

class TargetListener {
  public:
    // The job's complete list. Called whenever it changes.
    virtual void targets_changed(std::shared_ptr<const ResolvedJob> job) = 0;

  protected:
    ~TargetListener() = default;
};

// The targets this node scrapes: the resolved ones on a single node, the assigned ones in a
// cluster.
class TargetSet {
  public:
    virtual ~TargetSet() = default;
    // `listener` (null: nobody) is told of every job at once and of every change after; it outlives
    // the set or resets itself.
    virtual void listen(TargetListener* listener) = 0;
};

}  // namespace model
