#include "tsdb/log_syncer.h"

#include <algorithm>
#include <utility>

namespace tsdb {

LogSyncer::LogSyncer(std::chrono::milliseconds interval,
                     const Parts& parts,
                     std::function<void()> failed,
                     base::Logger log)
    : interval_(interval), parts_(parts), failed_(std::move(failed)), log_(std::move(log)) {
    if (interval_.count() > 0) {
        thread_ = std::thread([this] { run(); });
    }
}

LogSyncer::~LogSyncer() {
    stop();
}

void LogSyncer::stop() {
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
        wake_.notify_one();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void LogSyncer::run() {
    base::SteadyTime next = parts_.clock.steady() + interval_;
    while (wait_until(next)) {
        sync_log();
        sync_late();
        parts_.side_log.sync(parts_.writer.segment());
        next = std::max(next + interval_, parts_.clock.steady());
    }
}

bool LogSyncer::wait_until(base::SteadyTime next) {
    const base::MutexLock lock(mutex_);
    while (!stopping_ && parts_.clock.steady() < next) {
        // A clock that is simulated stands still: look again now and then.
        wake_.wait_until(mutex_, std::chrono::steady_clock::now() + interval_);
    }
    return !stopping_;
}

void LogSyncer::sync_log() {
    if (parts_.writer.unsynced_bytes() == 0) {
        return;
    }
    const base::Status status = parts_.gate.sync();
    if (!status) {
        log_.error(
            "write-ahead log sync failed: going on in a new segment", "error", status.error());
        failed_();
    }
}

void LogSyncer::sync_late() {
    if (parts_.late_writer.unsynced_bytes() == 0) {
        return;
    }
    const base::Status status = parts_.gate.sync_late();
    if (!status) {
        log_.error("sync of the log of out-of-order samples failed: going on in a new segment",
                   "error",
                   status.error());
        failed_();
    }
}

}  // namespace tsdb
