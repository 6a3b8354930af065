#include "tsdb/committer.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "tsdb/wal/record.h"

namespace tsdb {
namespace {

constexpr uint64_t kCommitBytes = 128;  // of an empty commit
constexpr size_t kPrefetchAhead = 16;   // records asked for before they are needed

uint64_t bytes_of(const model::AppendBatch& batch) {
    return kCommitBytes + batch.floats.size() * sizeof(model::StagedFloat) +
           batch.start_timestamps.size() * sizeof(int64_t) +
           batch.histograms.size() * sizeof(model::StagedHistogram) +
           batch.metadata.size() * sizeof(model::StagedMetadata);
}

size_t samples_of(const model::AppendBatch& batch) {
    return batch.floats.size() + batch.histograms.size();
}

}  // namespace

Committer::Committer(const Options& options,
                     Head& head,
                     wal::Writer& writer,
                     const base::Clock& clock,
                     base::Logger log,
                     CommitMetrics& metrics)
    : options_(options),
      head_(head),
      writer_(writer),
      clock_(clock),
      log_(std::move(log)),
      metrics_(metrics),
      log_thread_([this] { run_log(); }),
      sync_thread_([this] { run_sync(); }) {}

Committer::~Committer() {
    stop();
}

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
            if (log_waits_) {
                log_waits_ = false;
                wake_log_.notify_one();
            }
        }
    }
    if (stopped) {
        commit.batch.clear();
        listener.committed(
            base::fail(base::Code::kUnavailable, "the storage is stopping; nothing was stored"),
            std::move(commit.batch));
    }
}

void Committer::stop() {
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
        wake_log_.notify_one();
        wake_sync_.notify_one();
    }
    if (log_thread_.joinable()) {
        log_thread_.join();
    }
    if (sync_thread_.joinable()) {
        sync_thread_.join();
    }
}

uint64_t Committer::queued_bytes() const {
    const base::MutexLock lock(mutex_);
    return queue_bytes_;
}

void Committer::run_log() {
    std::vector<Commit> commits;
    while (true) {
        bool again = false;
        bool stopping = false;
        {
            const base::MutexLock lock(mutex_);
            while (queue_.empty() && !stopping_ && !log_again_) {
                log_waits_ = true;
                wake_log_.wait(mutex_);
            }
            log_waits_ = false;
            again = std::exchange(log_again_, false);
            stopping = stopping_ && queue_.empty();
            commits.swap(queue_);
        }
        work(commits);
        if (stopping || again) {
            // Series without samples yet, and what a failed sync lost.
            work_group({});
        }
        if (stopping) {
            return;
        }
        commits.clear();
    }
}

void Committer::run_sync() {
    const bool by_interval = options_.sync_interval.count() > 0;
    base::SteadyTime next = clock_.steady() + options_.sync_interval;
    while (true) {
        {
            const base::MutexLock lock(mutex_);
            while (!stopping_ && (!by_interval || clock_.steady() < next)) {
                if (by_interval) {
                    // A clock that is simulated stands still: look again now and then.
                    wake_sync_.wait_until(
                        mutex_, std::chrono::steady_clock::now() + options_.sync_interval);
                    if (clock_.steady() < next) {
                        continue;
                    }
                } else {
                    wake_sync_.wait(mutex_);
                }
            }
            if (stopping_) {
                return;  // close() syncs
            }
        }
        const base::SteadyTime began = clock_.steady();
        if (writer_.unsynced_bytes() != 0) {
            const base::Status status = writer_.sync();
            metrics_.fsync_seconds.observe(
                std::chrono::duration<double>(clock_.steady() - began).count());
            if (!status) {
                metrics_.fsync_failures.add();
                log_.error("write-ahead log sync failed: going on in a new segment",
                           "error",
                           status.error());
                const base::MutexLock lock(mutex_);
                log_again_ = true;
                wake_log_.notify_one();
            }
        }
        next = std::max(next + options_.sync_interval, clock_.steady());
    }
}

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
    base::Status status = log_new_series();
    begin_group();
    samples_.clear();
    admitted_.clear();
    for (const Commit& commit : commits) {
        admitted_.push_back(commit.refused || !status ? Admitted{} : admit_commit(commit));
    }
    end_record();
    out_.reset();
    if (status) {
        status = log_records();
    }
    if (status) {
        status = sync_if_asked();
    }
    if (!status) {
        note_failure(status.error());
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < commits.size(); ++i) {
        Commit& commit = commits[i];
        if (commit.refused) {
            answer_refused(commit);
            continue;
        }
        bytes += commit.bytes;
        if (status) {
            apply(admitted_[i]);
        }
        commit.batch.clear();
        if (status) {
            commit.listener->committed(std::move(admitted_[i].report), std::move(commit.batch));
        } else {
            commit.listener->committed(base::fail(status.error()), std::move(commit.batch));
        }
    }
    const base::MutexLock lock(mutex_);
    queue_bytes_ -= bytes;
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

void Committer::begin_group() {
    records_.clear();
    record_ends_.clear();
    record_start_ = 0;
    out_ = std::make_unique<base::ByteWriter>(records_);
}

// Before any sample: a sample whose series record is missing is lost in a replay. In several
// writes, so that a first scrape of everything needs no buffer for it.
base::Status Committer::log_new_series() {
    std::vector<NewSeries> series = head_.take_new_series();
    for (size_t done = 0; done < series.size();) {
        begin_group();
        const size_t count = encode_series(std::span(series).subspan(done));
        out_.reset();
        base::Status status = log_records();
        if (!status) {
            series.erase(series.begin(), series.begin() + static_cast<std::ptrdiff_t>(done));
            head_.return_new_series(std::move(series));
            return status;
        }
        done += count;
    }
    return base::success();
}

size_t Committer::encode_series(std::span<const NewSeries> series) {
    const Symbols& symbols = *head_.symbols();
    size_t i = 0;
    while (i < series.size() && out_->position() < kSeriesBytesTarget) {
        wal::SeriesEncoder encoder(*out_);
        for (; i < series.size() && out_->position() - record_start_ < kRecordBytesTarget; ++i) {
            const LabelSet labels = head_.label_sets().get(series[i].labels);
            encoder.begin(series[i].ref, labels.names.size());
            for (size_t label = 0; label < labels.names.size(); ++label) {
                encoder.label(symbols.text(labels.names[label]),
                              symbols.text(labels.values[label]));
            }
        }
        end_record();
    }
    return i;
}

void Committer::end_record() {
    encoder_.reset();
    if (out_->position() != record_start_) {
        record_ends_.emplace_back(record_start_, out_->position());
        record_start_ = out_->position();
    }
}

Committer::Admitted Committer::admit_commit(const Commit& commit) {
    const auto& floats = commit.batch.floats;
    Admitted admitted;
    admitted.from = samples_.size();
    if (!floats.empty()) {
        admitted.min_valid_t = head_.min_valid_time(floats.front().t);
    }
    for (size_t i = 0; i < floats.size(); ++i) {
        if (i + kPrefetchAhead < floats.size()) {
            __builtin_prefetch(head_.at(floats[i + kPrefetchAhead].series.slot).record);
        }
        admit_float(floats[i], static_cast<uint32_t>(i), admitted);
    }
    for (size_t i = 0; i < commit.batch.histograms.size(); ++i) {
        reject(admitted,
               {.index = static_cast<uint32_t>(i),
                .reason = model::RejectReason::kNotStored,
                .histogram = true});
    }
    admitted.count = samples_.size() - admitted.from;
    return admitted;
}

void Committer::admit_float(const model::StagedFloat& sample, uint32_t index, Admitted& admitted) {
    const SlotEntry series = head_.find(sample.series);
    if (series.record == nullptr) [[unlikely]] {
        reject(admitted, {.index = index, .reason = model::RejectReason::kUnknownSeries});
        return;
    }
    const auto bits = std::bit_cast<uint64_t>(sample.v);
    const Admission admission = admit(*series.record, sample.t, bits, admitted.min_valid_t);
    if (admission != Admission::kAppend) [[unlikely]] {
        if (const auto reason = reject_reason(admission)) {
            reject(admitted, {.index = index, .reason = *reason});
        } else {
            ++admitted.report.accepted;
        }
        return;
    }
    if (encoder_ == nullptr) [[unlikely]] {
        encoder_ = std::make_unique<wal::SamplesEncoder>(*out_);
    }
    encoder_->add(series.record->ref(), sample.t, bits);
    samples_.push_back({.series = series, .t = sample.t, .bits = bits, .index = index});
    if (out_->position() - record_start_ >= kRecordBytesTarget) [[unlikely]] {
        end_record();
    }
}

void Committer::reject(Admitted& admitted, model::Rejected rejected) {
    metrics_.count_rejected(rejected.reason);
    admitted.report.rejected.push_back(rejected);
}

base::Status Committer::log_records() {
    std::vector<base::ByteView> views;
    views.reserve(record_ends_.size());
    for (const auto& [from, to] : record_ends_) {
        views.push_back(base::ByteView(records_).part(from, to - from));
    }
    return writer_.log(views);
}

base::Status Committer::sync_if_asked() {
    if (options_.sync_interval.count() != 0) {
        return base::success();
    }
    const base::SteadyTime began = clock_.steady();
    base::Status status = writer_.sync();
    metrics_.fsync_seconds.observe(std::chrono::duration<double>(clock_.steady() - began).count());
    return status;
}

void Committer::apply(Admitted& admitted) {
    const auto samples = std::span(samples_).subspan(admitted.from, admitted.count);
    if (samples.empty()) {
        return;
    }
    uint64_t refused = 0;
    const uint64_t appended = head_.apply(
        samples, admitted.min_valid_t, [&](const HeadSample& sample, model::RejectReason reason) {
            ++refused;
            reject(admitted, {.index = sample.index, .reason = reason});
        });
    admitted.report.accepted += static_cast<uint32_t>(samples.size() - refused);
    metrics_.floats_appended.add(appended);
    int64_t min_t = INT64_MAX;
    int64_t max_t = INT64_MIN;
    for (const HeadSample& sample : samples) {
        min_t = std::min(min_t, sample.t);
        max_t = std::max(max_t, sample.t);
    }
    head_.extend(min_t, max_t);
}

void Committer::note_failure(const base::Error& error) {
    metrics_.writes_failed.add();
    if (const auto suppressed = failure_lines_.pass(clock_.steady())) {
        log_.error("write-ahead log write failed: samples are not stored until it works again",
                   "error",
                   error,
                   "suppressed",
                   *suppressed);
    }
}

}  // namespace tsdb
