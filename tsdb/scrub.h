// Reads blocks again, slowly, and compares them with their checksums: so that damage is found
// before somebody asks for what it hit. source: docs/durability.md
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sync.h"
#include "tsdb/disk_state.h"
#include "tsdb/metrics.h"
#include "tsdb/view.h"

namespace tsdb {

// What it finds it reports to the block, which the next reload moves to quarantine.
//   threads   run_once(): one at a time
//   lifetime  what it is given outlives it; stop() waits for a page or so
class Scrub {
  public:
    static constexpr std::chrono::minutes kLookInterval{1};  // between two looks at what is due

    struct Options {
        base::Path data_folder;
        std::chrono::milliseconds interval{0};  // every block is read so often; 0: none
        uint64_t bytes_per_second = 0;          // at most; 0: as fast as it goes
    };

    struct Parts {
        base::Files& files;
        const base::Clock& clock;
        Views& views;
        const DiskState& disk;
        ScrubMetrics& metrics;
    };

    Scrub(Options options, const Parts& parts, base::Logger log);
    ~Scrub();
    Scrub(const Scrub&) = delete;
    Scrub& operator=(const Scrub&) = delete;

    void start() EXCLUDES_LOCK(mutex_);
    void stop() EXCLUDES_LOCK(mutex_);

    // Reads the blocks that are due. A block from another server gets its checksums.
    //   all  those that are not due as well
    void run_once(bool all) EXCLUDES_LOCK(mutex_);

  private:
    void loop() EXCLUDES_LOCK(mutex_);
    void load();
    void save();
    [[nodiscard]] bool due(const block::Block& block) const;
    void check(const block::Block& block);
    void sum_up(const block::Block& block);
    [[nodiscard]] bool pace(size_t bytes) EXCLUDES_LOCK(mutex_);
    // returns  false: stopping
    [[nodiscard]] bool rest(std::chrono::nanoseconds duration) EXCLUDES_LOCK(mutex_);

    const Options options_;
    const Parts parts_;
    const base::Path path_;  // of what was read when
    const base::Logger log_;
    bool loaded_ = false;
    std::map<std::string, int64_t> read_at_ms_;  // by ULID
    uint64_t pages_lost_ = 0;                    // of mapped files, when it was last looked
    base::Mutex mutex_;
    base::CondVar wake_;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;  // last: it uses everything above
};

}  // namespace tsdb
