// The storage's housekeeping, on a thread of its own: cuts the head, compacts blocks, lets old ones
// go.
#pragma once

#include <functional>
#include <stop_token>
#include <thread>

#include "base/log.h"
#include "base/result.h"
#include "base/sync.h"
#include "tsdb/block_keeper.h"
#include "tsdb/head_cutter.h"
#include "tsdb/options.h"
#include "tsdb/out_of_order_cutter.h"

namespace tsdb {

//   threads   run_once() and while_resting(): any, one at a time
//   lifetime  the parts outlive it; stop() waits for what it is at, which ends soon
class Upkeep {
  public:
    // What may be done now.
    enum class Scope : uint8_t {
        kLetGo,  // nothing is written: damaged blocks and those beyond the retention go
        kCut,    // the head is cut as well
        kAll,    // and blocks are compacted
    };

    Upkeep(const TsdbOptions& options,
           HeadCutter& cutter,
           OutOfOrderCutter& late_cutter,
           BlockKeeper& blocks,
           CutMetrics& cut_metrics,
           BlockMetrics& block_metrics,
           std::function<uint64_t()> head_bytes,
           std::function<Scope()> scope,
           base::Logger log);
    ~Upkeep();
    Upkeep(const Upkeep&) = delete;
    Upkeep& operator=(const Upkeep&) = delete;

    // Begins to run every block_reload_interval; after failures later and later.
    void start() EXCLUDES_LOCK(mutex_);
    void stop() EXCLUDES_LOCK(mutex_);

    // What takes long ends soon; nothing is begun any more.
    void request_stop() { stop_.request_stop(); }

    // All there is to do now, on the caller's thread.
    [[nodiscard]] base::Status run_once() EXCLUDES_LOCK(work_);
    // Runs `work` while nothing is cut, compacted or deleted.
    [[nodiscard]] base::Status while_resting(const std::function<base::Status()>& work)
        EXCLUDES_LOCK(work_);

    // Asks to stop when the upkeep does.
    [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }

  private:
    void loop(const std::stop_token& stop) EXCLUDES_LOCK(mutex_, work_);

    const TsdbOptions& options_;
    HeadCutter& cutter_;
    OutOfOrderCutter& late_cutter_;
    BlockKeeper& blocks_;
    CutMetrics& cut_metrics_;
    BlockMetrics& block_metrics_;
    const std::function<uint64_t()> head_bytes_;
    const std::function<Scope()> scope_;
    const base::Logger log_;
    base::Mutex work_;                         // held while something is cut, compacted or deleted
    bool late_due_ GUARDED_BY(work_) = false;  // the head was cut, out-of-order samples were not
    base::Mutex mutex_;
    base::CondVar wake_;
    std::stop_source stop_;
    std::thread thread_;  // last: it uses everything above
};

}  // namespace tsdb
