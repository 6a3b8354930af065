// The thread that waits for the disk, so that no commit has to.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/sync.h"
#include "tsdb/out_of_order_writer.h"
#include "tsdb/side_log.h"
#include "tsdb/wal/writer.h"
#include "tsdb/wal_gate.h"

namespace tsdb {

// Syncs the logs again and again, from its construction on.
//   lifetime  what it is given outlives it
class LogSyncer {
  public:
    struct Parts {
        wal::Writer& writer;
        WalGate& gate;  // to both writers
        OutOfOrderWriter& late_writer;
        SideLog& side_log;
        const base::Clock& clock;
    };

    // interval  between two syncs; 0: never
    // failed    called on its thread when a sync failed: a writer has records to repeat
    LogSyncer(std::chrono::milliseconds interval,
              const Parts& parts,
              std::function<void()> failed,
              base::Logger log);
    ~LogSyncer();
    LogSyncer(const LogSyncer&) = delete;
    LogSyncer& operator=(const LogSyncer&) = delete;

    // Without a last sync: closing the logs is one.
    void stop() EXCLUDES_LOCK(mutex_);

  private:
    void run() EXCLUDES_LOCK(mutex_);
    // returns  false: stopping
    [[nodiscard]] bool wait_until(base::SteadyTime next) EXCLUDES_LOCK(mutex_);
    void sync_log();
    void sync_late();

    const std::chrono::milliseconds interval_;
    const Parts parts_;
    const std::function<void()> failed_;
    const base::Logger log_;
    base::Mutex mutex_;
    base::CondVar wake_;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;  // last: it uses everything above
};

}  // namespace tsdb
