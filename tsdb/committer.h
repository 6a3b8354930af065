// The way of a commit: queued, logged with its neighbours in one write, applied, answered.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rate_limit.h"
#include "base/sync.h"
#include "model/storage.h"
#include "tsdb/disk_state.h"
#include "tsdb/head/head.h"
#include "tsdb/metrics.h"
#include "tsdb/out_of_order_log.h"
#include "tsdb/side_log.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/segment_times.h"
#include "tsdb/wal/writer.h"
#include "tsdb/wal_gate.h"

namespace tsdb {

// Owns the log's thread and the one that syncs.
//   threads   submit(): any
//   lifetime  writer, late log and head outlive it; stop() answers everything that was submitted
class Committer {
  public:
    struct Options {
        std::chrono::milliseconds sync_interval{1000};  // 0: before each answer
        uint64_t queue_bytes_max = uint64_t{256} << 20;
    };

    static constexpr size_t kGroupSamplesMax = 65536;              // samples logged in one write
    static constexpr size_t kSeriesBytesTarget = size_t{1} << 20;  // of series logged in one write
    static constexpr size_t kRecordBytesTarget = 128 * 1024;       // a record is ended behind it
    static constexpr size_t kFilingBytes = 256 * 1024;      // closed chunks are written together
    static constexpr std::chrono::seconds kFilingRetry{1};  // after the disk refused them

    struct Parts {
        Head& head;
        wal::Writer& writer;
        WalGate& gate;  // to the writer
        SideLog& side_log;
        wal::SegmentTimes& times;
        OutOfOrderLog& late;
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

    // A commit between logging and applying.
    struct Admitted {
        int64_t min_valid_t = INT64_MIN;
        size_t from = 0;  // in samples_
        size_t count = 0;
        size_t histograms_from = 0;  // in histograms_
        size_t histograms_count = 0;
        // The out-of-order window, if there is one, and what falls into it.
        std::optional<int64_t> late_from;
        std::vector<model::Rejected> late;
        size_t exemplars_from = 0;  // in exemplars_
        size_t exemplars_count = 0;
        model::CommitReport report;
    };

    // Somebody waits for it in run_between_groups().
    struct Job {
        const std::function<void()>* run = nullptr;
        bool done = false;
    };

    void run_log() EXCLUDES_LOCK(mutex_);
    void run_sync() EXCLUDES_LOCK(mutex_);
    void work(std::vector<Commit>& commits);
    void work_group(std::span<Commit> commits);
    void answer_refused(Commit& commit);

    void begin_group();
    [[nodiscard]] base::Result<bool> log_new_series();
    // Encodes a part of the series, from the front; returns how many.
    [[nodiscard]] size_t encode_series(std::span<const NewSeries> series);
    [[nodiscard]] Admitted admit_commit(const Commit& commit);
    void admit_float(const model::StagedFloat& sample, uint32_t index, Admitted& admitted);
    void admit_histogram(const HeadHistogram& sample, Admitted& admitted);
    void encode_histograms(const Admitted& admitted);
    void admit_exemplars(const Commit& commit, Admitted& admitted);
    void encode_exemplars();
    void reject(Admitted& admitted, model::Rejected rejected);
    // The same unless the sample falls into the out-of-order window.
    void reject_or_keep(Admitted& admitted, int64_t t, model::Rejected rejected);
    [[nodiscard]] base::Status store_late(Admitted& admitted, const model::AppendBatch& batch);
    void end_record();
    [[nodiscard]] base::Result<bool> log_records();
    // returns  whether everything is on the disk, if that was asked for
    [[nodiscard]] bool sync_if_asked();
    [[nodiscard]] base::Result<bool> log_group(std::span<Commit> commits);
    [[nodiscard]] base::Result<bool> log_samples();
    void apply(Admitted& admitted);
    void sync_late();
    void apply_histograms(Admitted& admitted, int64_t& min_t, int64_t& max_t);
    void apply_exemplars(const Admitted& admitted);
    [[nodiscard]] bool retry_kept();
    void note_lost();
    void file_chunks();
    void run_jobs(std::vector<Job*>& jobs) EXCLUDES_LOCK(mutex_);
    void note_failure(const base::Error& error);

    const Options options_;
    Head& head_;
    wal::Writer& writer_;
    WalGate& gate_;
    SideLog& side_log_;
    wal::SegmentTimes& times_;
    OutOfOrderLog& late_;
    const DiskState& disk_;
    const base::Clock& clock_;
    const base::Logger log_;
    CommitMetrics& metrics_;
    base::RateLimit failure_lines_{std::chrono::seconds(10)};

    // Of the log's thread; kept for their memory.
    std::string records_;
    std::vector<std::pair<size_t, size_t>> record_ends_;  // from and to in records_
    std::vector<HeadSample> samples_;
    std::vector<HeadHistogram> histograms_;
    std::vector<HeadExemplar> exemplars_;
    std::vector<Admitted> admitted_;
    std::unique_ptr<base::ByteWriter> out_;
    std::unique_ptr<wal::SamplesEncoder> encoder_;
    size_t record_start_ = 0;
    base::SteadyTime filing_again_{};  // not before
    base::RateLimit filing_lines_{std::chrono::seconds(10)};

    mutable base::Mutex mutex_;
    base::CondVar wake_log_;
    base::CondVar wake_sync_;
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
    std::thread sync_thread_;
};

}  // namespace tsdb
