// The way of a commit: queued, logged with its neighbours in one write, applied, answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/rate_limit.h"
#include "base/sync.h"
#include "model/storage.h"
#include "tsdb/commit_applier.h"
#include "tsdb/commit_group.h"
#include "tsdb/disk_state.h"
#include "tsdb/group_records.h"
#include "tsdb/head/head.h"
#include "tsdb/log_syncer.h"
#include "tsdb/metrics.h"
#include "tsdb/out_of_order_log.h"
#include "tsdb/out_of_order_writer.h"
#include "tsdb/side_log.h"
#include "tsdb/wal/segment_times.h"
#include "tsdb/wal/writer.h"
#include "tsdb/wal_gate.h"

namespace tsdb {

// Owns the queue, the log's thread and the one that syncs.
//   threads   submit(): any
//   lifetime  writer, late log and head outlive it; stop() answers everything that was submitted
class Committer {
  public:
    struct Options {
        std::chrono::milliseconds sync_interval{1000};  // 0: before each answer
        uint64_t queue_bytes_max = uint64_t{256} << 20;
    };

    static constexpr size_t kGroupSamplesMax = 65536;       // samples logged in one write
    static constexpr size_t kFilingBytes = 256 * 1024;      // closed chunks are written together
    static constexpr std::chrono::seconds kFilingRetry{1};  // after the disk refused them

    struct Parts {
        Head& head;
        wal::Writer& writer;
        WalGate& gate;  // to the writer
        SideLog& side_log;
        wal::SegmentTimes& times;
        OutOfOrderLog& late;
        OutOfOrderWriter& late_writer;
        const DiskState& disk;
        const base::Clock& clock;
        CommitMetrics& metrics;
    };

    Committer(const Options& options, const Parts& parts, base::Logger log);
    ~Committer();
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    void submit(model::AppendBatch&& batch, model::CommitListener& listener) EXCLUDES_LOCK(mutex_);

    // Runs `job` on the log's thread, between two groups of commits, and waits for it: it may
    // change what only that thread changes. For memory work of a few milliseconds.
    //   returns  false: stopping, it was not run
    [[nodiscard]] bool run_between_groups(const std::function<void()>& job) EXCLUDES_LOCK(mutex_);

    // The disk may take again what is kept in memory: tries it, without waiting.
    void retry() EXCLUDES_LOCK(mutex_);

    // Answers what is queued, refuses what comes later, syncs.
    void stop() EXCLUDES_LOCK(mutex_);

    [[nodiscard]] uint64_t queued_bytes() const EXCLUDES_LOCK(mutex_);

  private:
    struct Commit {
        model::AppendBatch batch;
        model::CommitListener* listener = nullptr;
        uint64_t bytes = 0;
        bool refused = false;  // the queue was full
    };

    // Somebody waits for it in run_between_groups().
    struct Job {
        const std::function<void()>* run = nullptr;
        bool done = false;
    };

    // What the log's thread does next.
    struct Turn {
        std::vector<Commit> commits;
        std::vector<Job*> jobs;
        bool log_again = false;
        bool retry = false;
        bool stopping = false;
    };

    void run_log() EXCLUDES_LOCK(mutex_);
    // Waits until there is something to do. `busy`: does not wait.
    void take_turn(Turn& turn, bool busy) EXCLUDES_LOCK(mutex_);
    void wake_log() REQUIRES_LOCK(mutex_);
    void note_failed_sync() EXCLUDES_LOCK(mutex_);
    void end_log() EXCLUDES_LOCK(mutex_);
    void run_jobs(std::vector<Job*>& jobs) EXCLUDES_LOCK(mutex_);

    void work(std::vector<Commit>& commits);
    void work_group(std::span<Commit> commits);
    [[nodiscard]] base::Status store(const Commit& commit, AdmittedCommit& admitted, bool logged);
    void answer_refused(Commit& commit);

    [[nodiscard]] base::Result<bool> log_group(std::span<const Commit> commits);
    [[nodiscard]] base::Result<bool> log_new_series();
    [[nodiscard]] base::Result<bool> log_samples();
    // returns  whether everything is on the disk, if that was asked for
    [[nodiscard]] bool sync_if_asked();
    [[nodiscard]] bool sync_late_if_asked();
    void log_again();
    [[nodiscard]] bool retry_kept();

    void file_chunks();
    void note_failure(const base::Error& error);

    const Options options_;
    Head& head_;
    wal::Writer& writer_;
    WalGate& gate_;
    wal::SegmentTimes& times_;
    OutOfOrderWriter& late_writer_;
    const DiskState& disk_;
    const base::Clock& clock_;
    const base::Logger log_;
    CommitMetrics& metrics_;
    base::RateLimit failure_lines_{std::chrono::seconds(10)};

    // Of the log's thread.
    GroupRecords records_;
    CommitGroup group_;
    CommitApplier applier_;
    base::SteadyTime filing_again_{};  // not before
    base::RateLimit filing_lines_{std::chrono::seconds(10)};

    mutable base::Mutex mutex_;
    base::CondVar wake_log_;
    std::vector<Commit> queue_ GUARDED_BY(mutex_);
    uint64_t queue_bytes_ GUARDED_BY(mutex_) = 0;
    std::vector<Job*> jobs_ GUARDED_BY(mutex_);
    base::CondVar job_done_;
    bool log_waits_ GUARDED_BY(mutex_) = false;
    bool log_ended_ GUARDED_BY(mutex_) = false;
    bool log_again_ GUARDED_BY(mutex_) = false;  // a sync failed: the writer has records to repeat
    bool retry_ GUARDED_BY(mutex_) = false;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread log_thread_;  // last two: they use everything above
    LogSyncer syncer_;
};

}  // namespace tsdb
