#include "tsdb/committer.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "model/histogram_layout.h"
#include "model/sample.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/record_histogram.h"

namespace tsdb {
namespace {

constexpr uint64_t kCommitBytes = 128;  // of an empty commit
constexpr size_t kPrefetchAhead = 16;   // records asked for before they are needed

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

// HeadHistogram::index of a stale marker that was staged as a float.
constexpr uint32_t kOfFloats = UINT32_MAX;

const model::Histogram& stale_histogram() {
    static const model::Histogram stale = [] {
        model::Histogram histogram;
        histogram.sum = model::kStaleNan;
        return histogram;
    }();
    return stale;
}

const model::FloatHistogram& stale_float_histogram() {
    static const model::FloatHistogram stale = [] {
        model::FloatHistogram histogram;
        histogram.sum = model::kStaleNan;
        return histogram;
    }();
    return stale;
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
      side_log_(parts.side_log),
      times_(parts.times),
      late_(parts.late),
      disk_(parts.disk),
      clock_(parts.clock),
      log_(std::move(log)),
      metrics_(parts.metrics),
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

bool Committer::run_between_groups(const std::function<void()>& job) {
    Job waiting{.run = &job};
    const base::MutexLock lock(mutex_);
    if (stopping_) {
        return false;
    }
    jobs_.push_back(&waiting);
    if (log_waits_) {
        log_waits_ = false;
        wake_log_.notify_one();
    }
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
    if (log_waits_) {
        log_waits_ = false;
        wake_log_.notify_one();
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
    std::vector<Job*> jobs;
    bool more_kept = false;
    while (true) {
        bool again = false;
        bool stopping = false;
        {
            const base::MutexLock lock(mutex_);
            while (queue_.empty() && jobs_.empty() && !stopping_ && !log_again_ && !retry_ &&
                   !more_kept) {
                log_waits_ = true;
                wake_log_.wait(mutex_);
            }
            log_waits_ = false;
            again = std::exchange(log_again_, false);
            more_kept = std::exchange(retry_, false) || more_kept;
            stopping = stopping_ && queue_.empty();
            commits.swap(queue_);
            jobs.swap(jobs_);
        }
        run_jobs(jobs);
        work(commits);
        if (more_kept || stopping) {
            more_kept = retry_kept();
        }
        file_chunks();
        if (stopping || again) {
            // Series without samples yet, and what a failed sync lost.
            work_group({});
            if (const base::Status late = late_.log_again(); !late) {
                note_failure(late.error());
            }
        }
        if (stopping && !more_kept) {
            note_lost();
            const base::MutexLock lock(mutex_);
            log_ended_ = true;
            job_done_.notify_all();
            return;
        }
        commits.clear();
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

void Committer::note_lost() {
    if (gate_.kept_bytes() != 0) {
        log_.error("samples that were kept in memory are lost: the disk did not take them",
                   "bytes",
                   gate_.kept_bytes());
    }
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
        if (writer_.unsynced_bytes() != 0) {
            const base::Status status = gate_.sync();
            if (!status) {
                log_.error("write-ahead log sync failed: going on in a new segment",
                           "error",
                           status.error());
                const base::MutexLock lock(mutex_);
                log_again_ = true;
                wake_log_.notify_one();
            }
        }
        sync_late();
        side_log_.sync(writer_.segment());
        next = std::max(next + options_.sync_interval, clock_.steady());
    }
}

void Committer::sync_late() {
    if (late_.unsynced_bytes() == 0) {
        return;
    }
    const base::Status status = late_.sync();
    if (!status) {
        metrics_.fsync_failures.add();
        log_.error("sync of the log of out-of-order samples failed: going on in a new segment",
                   "error",
                   status.error());
        const base::MutexLock lock(mutex_);
        log_again_ = true;
        wake_log_.notify_one();
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
        base::Status stored =
            logged ? base::Status(base::success()) : base::Status(base::fail(logged.error()));
        if (logged) {
            apply(admitted_[i]);
            admitted_[i].report.logged = logged.value();
            stored = store_late(admitted_[i], commit.batch);
        }
        commit.batch.clear();
        if (stored) {
            commit.listener->committed(std::move(admitted_[i].report), std::move(commit.batch));
        } else {
            commit.listener->committed(base::fail(stored.error()), std::move(commit.batch));
        }
    }
    const base::MutexLock lock(mutex_);
    queue_bytes_ -= bytes;
}

// returns  whether the group is in the log; if not it is kept in memory
base::Result<bool> Committer::log_group(std::span<Commit> commits) {
    admitted_.clear();
    TRY(const bool series_logged, log_new_series());
    begin_group();
    samples_.clear();
    histograms_.clear();
    exemplars_.clear();
    for (const Commit& commit : commits) {
        admitted_.push_back(commit.refused ? Admitted{} : admit_commit(commit));
    }
    end_record();
    encode_exemplars();
    out_.reset();
    TRY(const bool logged, log_samples());
    return series_logged && logged && sync_if_asked();
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
base::Result<bool> Committer::log_new_series() {
    bool logged = true;
    std::vector<NewSeries> series = head_.take_new_series();
    for (size_t done = 0; done < series.size();) {
        begin_group();
        const size_t count = encode_series(std::span(series).subspan(done));
        out_.reset();
        const auto part = log_records();
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
    const auto& histograms = commit.batch.histograms;
    Admitted admitted;
    admitted.from = samples_.size();
    admitted.histograms_from = histograms_.size();
    if (!floats.empty() || !histograms.empty()) {
        const int64_t first_t = floats.empty() ? histograms.front().t : floats.front().t;
        admitted.min_valid_t = head_.min_valid_time(first_t);
        if (const int64_t window = late_.window(); window > 0) [[unlikely]] {
            const int64_t newest = head_.min_time() > head_.max_time() ? first_t : head_.max_time();
            admitted.late_from = newest < INT64_MIN + window ? INT64_MIN : newest - window;
        }
    }
    for (size_t i = 0; i < floats.size(); ++i) {
        if (i + kPrefetchAhead < floats.size()) {
            __builtin_prefetch(head_.at(floats[i + kPrefetchAhead].series.slot).record);
        }
        admit_float(floats[i], static_cast<uint32_t>(i), admitted);
    }
    for (size_t i = 0; i < histograms.size(); ++i) {
        const model::StagedHistogram& staged = histograms[i];
        admit_histogram({.series = head_.find(staged.series),
                         .t = staged.t,
                         .integer = staged.integer.get(),
                         .floating = staged.floating.get(),
                         .index = static_cast<uint32_t>(i)},
                        admitted);
    }
    admitted.count = samples_.size() - admitted.from;
    admitted.histograms_count = histograms_.size() - admitted.histograms_from;
    if (admitted.histograms_count != 0) {
        end_record();
        encode_histograms(admitted);
    }
    admit_exemplars(commit, admitted);
    return admitted;
}

void Committer::admit_histogram(const HeadHistogram& sample, Admitted& admitted) {
    const bool of_floats = sample.index == kOfFloats;
    const auto refuse = [&](model::RejectReason reason) {
        reject_or_keep(
            admitted, sample.t, {.index = sample.index, .reason = reason, .histogram = true});
    };
    if (sample.series.record == nullptr) {
        refuse(model::RejectReason::kUnknownSeries);
        return;
    }
    const bool well_formed = sample.integer != nullptr ? model::well_formed(*sample.integer)
                                                       : model::well_formed(*sample.floating);
    if (!well_formed) {
        refuse(model::RejectReason::kNotStored);
        return;
    }
    const SeriesRecord& series = *sample.series.record;
    const Admission admission =
        sample.integer != nullptr
            ? tsdb::admit_histogram(series, sample.t, *sample.integer, admitted.min_valid_t)
            : tsdb::admit_histogram(series, sample.t, *sample.floating, admitted.min_valid_t);
    if (admission == Admission::kAppend) {
        histograms_.push_back(sample);
    } else if (const auto reason = reject_reason(admission); reason && !of_floats) {
        refuse(*reason);
    } else {
        ++admitted.report.accepted;
    }
}

// One record per kind, in the order in which Prometheus writes them.
void Committer::encode_histograms(const Admitted& admitted) {
    using wal::RecordType;
    const auto samples =
        std::span(histograms_).subspan(admitted.histograms_from, admitted.histograms_count);
    const auto encode = [&]<class Encoder>(RecordType type, const auto& get) {
        std::optional<Encoder> encoder;
        for (const HeadHistogram& sample : samples) {
            const auto* const histogram = get(sample);
            if (histogram == nullptr || wal::record_type_for(*histogram) != type) {
                continue;
            }
            if (!encoder) {
                encoder.emplace(*out_, type);
            }
            encoder->add(sample.series.record->ref(), sample.t, *histogram);
        }
        encoder.reset();
        end_record();
    };
    const auto integer = [](const HeadHistogram& sample) { return sample.integer; };
    const auto floating = [](const HeadHistogram& sample) { return sample.floating; };
    encode.operator()<wal::HistogramsEncoder>(RecordType::kHistograms, integer);
    encode.operator()<wal::HistogramsEncoder>(RecordType::kCustomHistograms, integer);
    encode.operator()<wal::FloatHistogramsEncoder>(RecordType::kFloatHistograms, floating);
    encode.operator()<wal::FloatHistogramsEncoder>(RecordType::kCustomFloatHistograms, floating);
}

void Committer::admit_exemplars(const Commit& commit, Admitted& admitted) {
    admitted.exemplars_from = exemplars_.size();
    for (const model::StagedExemplar& staged : commit.batch.exemplars) {
        const SlotEntry series = head_.find(staged.series);
        if (series.record == nullptr) {
            continue;
        }
        const uint64_t ref = series.record->ref();
        const ExemplarVerdict verdict = head_.exemplars().examine(ref, staged.exemplar);
        if (verdict == ExemplarVerdict::kAdded) {
            exemplars_.push_back(
                {.ref = ref, .slot = staged.series.slot, .exemplar = &staged.exemplar});
        } else if (verdict == ExemplarVerdict::kOutOfOrder) {
            ++admitted.report.exemplars_out_of_order;
        }
    }
    admitted.exemplars_count = exemplars_.size() - admitted.exemplars_from;
}

// Behind everything else of the group, in records of their own.
void Committer::encode_exemplars() {
    for (size_t i = 0; i < exemplars_.size();) {
        wal::ExemplarsEncoder encoder(*out_);
        for (; i < exemplars_.size() && out_->position() - record_start_ < kRecordBytesTarget;
             ++i) {
            const model::Exemplar& exemplar = *exemplars_[i].exemplar;
            encoder.begin(exemplars_[i].ref, exemplar.t, exemplar.v, exemplar.labels.size());
            for (const model::LabelView label : exemplar.labels) {
                encoder.label(label.name, label.value);
            }
        }
        end_record();
    }
}

void Committer::admit_float(const model::StagedFloat& sample, uint32_t index, Admitted& admitted) {
    const SlotEntry series = head_.find(sample.series);
    if (series.record == nullptr) [[unlikely]] {
        reject(admitted, {.index = index, .reason = model::RejectReason::kUnknownSeries});
        return;
    }
    const auto bits = std::bit_cast<uint64_t>(sample.v);
    if (bits == model::kStaleNanBits && series.record->is(SeriesRecord::kHistograms)) [[unlikely]] {
        // A series of histograms ends with a stale histogram.
        const bool floating =
            series.record->has_open() && series.record->histograms->writer.is_float();
        admit_histogram({.series = series,
                         .t = sample.t,
                         .integer = floating ? nullptr : &stale_histogram(),
                         .floating = floating ? &stale_float_histogram() : nullptr,
                         .index = kOfFloats},
                        admitted);
        return;
    }
    const Admission admission = admit(*series.record, sample.t, bits, admitted.min_valid_t);
    if (admission != Admission::kAppend) [[unlikely]] {
        if (const auto reason = reject_reason(admission)) {
            reject_or_keep(admitted, sample.t, {.index = index, .reason = *reason});
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

// The group may begin in one segment and end in another.
base::Result<bool> Committer::log_samples() {
    int64_t max_t = INT64_MIN;
    for (const HeadSample& sample : samples_) {
        max_t = std::max(max_t, sample.t);
    }
    for (const HeadHistogram& sample : histograms_) {
        max_t = std::max(max_t, sample.t);
    }
    if (max_t != INT64_MIN) {
        times_.note(writer_.segment(), max_t);
    }
    auto logged = log_records();
    if (max_t != INT64_MIN) {
        times_.note(writer_.segment(), max_t);
    }
    return logged;
}

void Committer::reject_or_keep(Admitted& admitted, int64_t t, model::Rejected rejected) {
    const bool late = rejected.reason == model::RejectReason::kOutOfOrder ||
                      rejected.reason == model::RejectReason::kOutOfBounds;
    if (admitted.late_from && late) {
        if (t >= *admitted.late_from) {
            admitted.late.push_back(rejected);
            return;
        }
        rejected.reason = model::RejectReason::kTooOld;
    }
    reject(admitted, rejected);
}

// Behind the samples in order, which are in the log already: when this fails they are kept all the
// same, and meet themselves when the commit is tried again.
base::Status Committer::store_late(Admitted& admitted, const model::AppendBatch& batch) {
    if (admitted.late.empty()) [[likely]] {
        return base::success();
    }
    std::vector<LateSample> samples;
    samples.reserve(admitted.late.size());
    for (size_t i = 0; i < admitted.late.size(); ++i) {
        const model::Rejected& late = admitted.late[i];
        LateSample sample{.index = static_cast<uint32_t>(i)};
        model::SeriesHandle handle;
        if (late.histogram) {
            const model::StagedHistogram& staged = batch.histograms[late.index];
            handle = staged.series;
            sample.sample = {.t = staged.t, .integer = staged.integer, .floating = staged.floating};
        } else {
            const model::StagedFloat& staged = batch.floats[late.index];
            handle = staged.series;
            sample.sample = {.t = staged.t, .v = staged.v};
        }
        sample.slot = handle.slot;
        sample.series = head_.find(handle);
        samples.push_back(std::move(sample));
    }
    uint64_t refused = 0;
    LateStored stored;
    const base::Status status = late_.append(
        samples,
        [&](const LateSample& sample) {
            model::Rejected rejected = admitted.late[sample.index];
            rejected.reason = model::RejectReason::kDuplicateTimestamp;
            reject(admitted, rejected);
            ++refused;
        },
        stored);
    metrics_.late_floats_appended.add(stored.floats);
    metrics_.late_histograms_appended.add(stored.histograms);
    if (!status) {
        note_failure(status.error());
        return status;
    }
    admitted.report.accepted += static_cast<uint32_t>(samples.size() - refused);
    return base::success();
}

base::Result<bool> Committer::log_records() {
    std::vector<base::ByteView> views;
    views.reserve(record_ends_.size());
    for (const auto& [from, to] : record_ends_) {
        views.push_back(base::ByteView(records_).part(from, to - from));
    }
    return gate_.log(views);
}

bool Committer::sync_if_asked() {
    if (options_.sync_interval.count() != 0 || disk_.readonly()) {
        return true;
    }
    if (gate_.sync()) {
        return true;
    }
    // Everything that is not on the disk is logged again, in a new segment, and synced there.
    const auto logged = gate_.log({});
    return logged && logged.value() && gate_.sync();
}

void Committer::apply(Admitted& admitted) {
    const auto samples = std::span(samples_).subspan(admitted.from, admitted.count);
    int64_t min_t = INT64_MAX;
    int64_t max_t = INT64_MIN;
    if (!samples.empty()) {
        uint64_t refused = 0;
        const uint64_t appended = head_.apply(
            samples,
            admitted.min_valid_t,
            [&](const HeadSample& sample, model::RejectReason reason) {
                ++refused;
                reject_or_keep(admitted, sample.t, {.index = sample.index, .reason = reason});
            });
        admitted.report.accepted += static_cast<uint32_t>(samples.size() - refused);
        metrics_.floats_appended.add(appended);
        for (const HeadSample& sample : samples) {
            min_t = std::min(min_t, sample.t);
            max_t = std::max(max_t, sample.t);
        }
    }
    apply_histograms(admitted, min_t, max_t);
    apply_exemplars(admitted);
    if (min_t <= max_t) {
        head_.extend(min_t, max_t);
    }
}

void Committer::apply_histograms(Admitted& admitted, int64_t& min_t, int64_t& max_t) {
    for (const HeadHistogram& sample :
         std::span(histograms_).subspan(admitted.histograms_from, admitted.histograms_count)) {
        const Admission admission = head_.apply_histogram(sample, admitted.min_valid_t);
        if (const auto reason = reject_reason(admission); reason && sample.index != kOfFloats) {
            reject_or_keep(
                admitted, sample.t, {.index = sample.index, .reason = *reason, .histogram = true});
            continue;
        }
        ++admitted.report.accepted;
        if (admission == Admission::kAppend) {
            metrics_.histograms_appended.add();
            min_t = std::min(min_t, sample.t);
            max_t = std::max(max_t, sample.t);
        }
    }
}

void Committer::apply_exemplars(const Admitted& admitted) {
    for (const HeadExemplar& one :
         std::span(exemplars_).subspan(admitted.exemplars_from, admitted.exemplars_count)) {
        head_.exemplars().add(one.ref, one.slot, model::Exemplar(*one.exemplar));
    }
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
