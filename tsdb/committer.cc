#include "tsdb/committer.h"

#include <utility>

namespace tsdb {
namespace {

constexpr uint64_t kCommitBytes = 128;  // of an empty commit

uint64_t bytes_of(const model::AppendBatch& batch) {
    uint64_t exemplar_bytes = 0;
    for (const model::StagedExemplar& staged : batch.exemplars) {
        exemplar_bytes += sizeof staged + staged.exemplar.labels.packed().size();
    }
    return kCommitBytes + batch.floats.size() * sizeof(model::StagedFloat) +
           batch.start_timestamps.size() * sizeof(int64_t) +
           batch.histograms.size() * sizeof(model::StagedHistogram) +
           batch.metadata.size() * sizeof(model::StagedMetadata) + exemplar_bytes;
}

size_t samples_of(const model::AppendBatch& batch) {
    return batch.floats.size() + batch.histograms.size();
}

}  // namespace

Committer::Committer(const Options& options, const Parts& parts, base::Logger log)
    : options_(options),
      head_(parts.head),
      writer_(parts.writer),
      gate_(parts.gate),
      times_(parts.times),
      late_writer_(parts.late_writer),
      disk_(parts.disk),
      clock_(parts.clock),
      log_(std::move(log)),
      metrics_(parts.metrics),
      group_(head_, parts.late, records_, metrics_),
      applier_(head_, parts.late, metrics_),
      log_thread_([this] { run_log(); }),
      syncer_(
          options.sync_interval,
          {.writer = writer_,
           .gate = gate_,
           .late_writer = late_writer_,
           .side_log = parts.side_log,
           .clock = clock_},
          [this] { note_failed_sync(); },
          log_) {}

Committer::~Committer() {
    stop();
}

// ---------------------------------------------------------------------------------------------
// The queue

void Committer::submit(model::AppendBatch&& batch, model::CommitListener& listener) {
    Commit commit{.batch = std::move(batch), .listener = &listener, .bytes = 0, .refused = false};
    commit.bytes = bytes_of(commit.batch);
    bool stopped = false;
    {
        const base::MutexLock lock(mutex_);
        stopped = stopping_;
        if (!stopped) {
            commit.refused = queue_bytes_ + commit.bytes > options_.queue_bytes_max;
            queue_bytes_ += commit.refused ? 0 : commit.bytes;
            queue_.push_back(std::move(commit));
            wake_log();
        }
    }
    if (stopped) {
        commit.batch.clear();
        listener.committed(
            base::fail(base::Code::kUnavailable, "the storage is stopping; nothing was stored"),
            std::move(commit.batch));
    }
}

bool Committer::run_between_groups(const std::function<void()>& job) {
    Job waiting{.run = &job};
    const base::MutexLock lock(mutex_);
    if (stopping_) {
        return false;
    }
    jobs_.push_back(&waiting);
    wake_log();
    while (!waiting.done && !log_ended_) {
        job_done_.wait(mutex_);
    }
    std::erase(jobs_, &waiting);
    return waiting.done;
}

void Committer::retry() {
    if (!disk_.readonly() && gate_.kept_bytes() == 0) {
        return;
    }
    const base::MutexLock lock(mutex_);
    retry_ = true;
    wake_log();
}

void Committer::note_failed_sync() {
    const base::MutexLock lock(mutex_);
    log_again_ = true;
    wake_log();
}

void Committer::wake_log() {
    if (log_waits_) {
        log_waits_ = false;
        wake_log_.notify_one();
    }
}

void Committer::stop() {
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
        wake_log();
    }
    if (log_thread_.joinable()) {
        log_thread_.join();
    }
    syncer_.stop();
}

uint64_t Committer::queued_bytes() const {
    const base::MutexLock lock(mutex_);
    return queue_bytes_;
}

// ---------------------------------------------------------------------------------------------
// The log's thread

void Committer::run_log() {
    Turn turn;
    bool more_kept = false;
    while (true) {
        take_turn(turn, more_kept);
        run_jobs(turn.jobs);
        work(turn.commits);
        if (more_kept || turn.retry || turn.stopping) {
            more_kept = retry_kept();
        }
        file_chunks();
        if (turn.stopping || turn.log_again) {
            log_again();
        }
        if (turn.stopping && !more_kept) {
            end_log();
            return;
        }
        turn.commits.clear();
    }
}

void Committer::take_turn(Turn& turn, bool busy) {
    const base::MutexLock lock(mutex_);
    while (queue_.empty() && jobs_.empty() && !stopping_ && !log_again_ && !retry_ && !busy) {
        log_waits_ = true;
        wake_log_.wait(mutex_);
    }
    log_waits_ = false;
    turn.log_again = std::exchange(log_again_, false);
    turn.retry = std::exchange(retry_, false);
    turn.stopping = stopping_ && queue_.empty();
    turn.commits.swap(queue_);
    turn.jobs.swap(jobs_);
}

void Committer::run_jobs(std::vector<Job*>& jobs) {
    for (Job* job : jobs) {
        (*job->run)();
        const base::MutexLock lock(mutex_);
        job->done = true;
        job_done_.notify_all();
    }
    jobs.clear();
}

void Committer::end_log() {
    if (gate_.kept_bytes() != 0) {
        log_.error("samples that were kept in memory are lost: the disk did not take them",
                   "bytes",
                   gate_.kept_bytes());
    }
    const base::MutexLock lock(mutex_);
    log_ended_ = true;
    job_done_.notify_all();
}

// A disk that refuses chunks costs memory, not samples: they are in the write-ahead log.
void Committer::file_chunks() {
    if (filing_again_ > clock_.steady() || disk_.readonly()) {
        return;
    }
    const base::Status status = head_.file_chunks(kFilingBytes);
    if (status) {
        filing_again_ = {};
        return;
    }
    filing_again_ = clock_.steady() + kFilingRetry;
    metrics_.filing_failures.add();
    if (const auto suppressed = filing_lines_.pass(clock_.steady())) {
        log_.error("complete chunks stay in memory until they can be written",
                   "error",
                   status.error(),
                   "suppressed",
                   *suppressed);
    }
}

// ---------------------------------------------------------------------------------------------
// Groups of commits

void Committer::work(std::vector<Commit>& commits) {
    for (size_t from = 0, to = 0; from < commits.size(); from = to) {
        size_t samples = 0;
        while (to < commits.size() && (to == from || samples < kGroupSamplesMax)) {
            samples += samples_of(commits[to].batch);
            ++to;
        }
        work_group(std::span(commits).subspan(from, to - from));
    }
}

void Committer::work_group(std::span<Commit> commits) {
    const base::Result<bool> logged = log_group(commits);
    if (!logged) {
        note_failure(logged.error());
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < commits.size(); ++i) {
        Commit& commit = commits[i];
        if (commit.refused) {
            answer_refused(commit);
            continue;
        }
        bytes += commit.bytes;
        base::Status stored = logged ? store(commit, group_.commit(i), logged.value())
                                     : base::Status(base::fail(logged.error()));
        commit.batch.clear();
        if (stored) {
            commit.listener->committed(std::move(group_.commit(i).report), std::move(commit.batch));
        } else {
            commit.listener->committed(base::fail(stored.error()), std::move(commit.batch));
        }
    }
    const base::MutexLock lock(mutex_);
    queue_bytes_ -= bytes;
}

base::Status Committer::store(const Commit& commit, AdmittedCommit& admitted, bool logged) {
    admitted.report.logged = logged;
    applier_.apply(group_, admitted);
    if (admitted.late.empty()) [[likely]] {
        return base::success();
    }
    const auto late_logged = applier_.store_late(admitted, commit.batch);
    if (!late_logged) {
        note_failure(late_logged.error());
        return base::fail(late_logged.error());
    }
    admitted.report.logged = logged && late_logged.value() && sync_late_if_asked();
    return base::success();
}

void Committer::answer_refused(Commit& commit) {
    metrics_.commits_refused.add();
    commit.batch.clear();
    commit.listener->committed(
        base::fail(base::Code::kLimit,
                   "more than",
                   options_.queue_bytes_max,
                   "bytes of commits wait for the write-ahead log: the disk is too slow"),
        std::move(commit.batch));
}

// returns  whether the group is in the log; if not it is kept in memory
base::Result<bool> Committer::log_group(std::span<const Commit> commits) {
    TRY(const bool series_logged, log_new_series());
    group_.begin();
    for (const Commit& commit : commits) {
        if (commit.refused) {
            group_.skip();
        } else {
            group_.admit(commit.batch);
        }
    }
    group_.end();
    TRY(const bool logged, log_samples());
    return series_logged && logged && sync_if_asked();
}

// Before any sample: a sample whose series record is missing is lost in a replay. In several
// writes, so that a first scrape of everything needs no buffer for it.
base::Result<bool> Committer::log_new_series() {
    bool logged = true;
    std::vector<NewSeries> series = head_.take_new_series();
    for (size_t done = 0; done < series.size();) {
        records_.begin();
        const size_t count = records_.add_series(head_, std::span(series).subspan(done));
        records_.end();
        const auto part = gate_.log(records_.views());
        if (!part) {
            series.erase(series.begin(), series.begin() + static_cast<std::ptrdiff_t>(done));
            head_.return_new_series(std::move(series));
            return part;
        }
        logged = logged && part.value();
        done += count;
    }
    return logged;
}

// The group may begin in one segment and end in another.
base::Result<bool> Committer::log_samples() {
    const int64_t max_t = group_.max_time();
    if (max_t != INT64_MIN) {
        times_.note(writer_.segment(), max_t);
    }
    auto logged = gate_.log(records_.views());
    if (max_t != INT64_MIN) {
        times_.note(writer_.segment(), max_t);
    }
    return logged;
}

// What a failed sync did not get to the disk is logged again, in a new segment, and synced there.
bool Committer::sync_if_asked() {
    if (options_.sync_interval.count() != 0) {
        return true;
    }
    base::ignore(gate_.sync(), "what is not synced is counted");
    if (writer_.unsynced_bytes() != 0) {
        base::ignore(gate_.log({}), "as above");
        base::ignore(gate_.sync(), "as above");
    }
    return writer_.unsynced_bytes() == 0;
}

bool Committer::sync_late_if_asked() {
    if (options_.sync_interval.count() != 0) {
        return true;
    }
    base::ignore(gate_.sync_late(), "what is not synced is counted");
    if (late_writer_.unsynced_bytes() != 0) {
        base::ignore(late_writer_.log_again(), "as above");
        base::ignore(gate_.sync_late(), "as above");
    }
    return late_writer_.unsynced_bytes() == 0;
}

// Series without samples yet, and what a failed sync lost.
void Committer::log_again() {
    work_group({});
    if (const base::Status late = late_writer_.log_again(); !late) {
        note_failure(late.error());
    }
}

// returns  whether there is more, and the disk takes it
bool Committer::retry_kept() {
    // Of samples whose times nobody knows any more; the part may go over two segments.
    times_.note(writer_.segment(), head_.max_time());
    const bool more = gate_.retry();
    times_.note(writer_.segment(), head_.max_time());
    if (options_.sync_interval.count() == 0) {
        base::ignore(gate_.sync(), "the gate tells");
    }
    return more;
}

void Committer::note_failure(const base::Error& error) {
    metrics_.commits_refused.add();
    if (const auto suppressed = failure_lines_.pass(clock_.steady())) {
        log_.error("samples are refused until the disk takes them",
                   "error",
                   error,
                   "suppressed",
                   *suppressed);
    }
}

}  // namespace tsdb
