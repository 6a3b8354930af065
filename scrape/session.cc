#include "scrape/session.h"

#include <string>

#include "base/check.h"

namespace scrape {
namespace {

// In the order they are staged; the last three with extra_scrape_metrics only.
constexpr std::array<std::string_view, 8> kReportNames = {"up",
                                                          "scrape_duration_seconds",
                                                          "scrape_samples_scraped",
                                                          "scrape_samples_post_metric_relabeling",
                                                          "scrape_series_added",
                                                          "scrape_timeout_seconds",
                                                          "scrape_sample_limit",
                                                          "scrape_body_size_bytes"};

}  // namespace

ScrapeSession::ScrapeSession(std::shared_ptr<const model::Target> target,
                             std::shared_ptr<const JobOptions> job,
                             std::unique_ptr<model::Appender> appender,
                             LaneScratch& scratch,
                             MetadataPool& metadata,
                             Metrics& metrics,
                             base::Logger log)
    : target_(std::move(target)),
      job_(std::move(job)),
      appender_(std::move(appender)),
      scratch_(scratch),
      metrics_(metrics),
      log_(std::move(log)),
      metadata_(metadata) {}

void ScrapeSession::update(std::shared_ptr<const model::Target> target,
                           std::shared_ptr<const JobOptions> job) {
    SKEIN_CHECK(staged_ == nullptr, "options change between scrapes");
    target_ = std::move(target);
    job_ = std::move(job);
}

void ScrapeSession::begin(StagedScrape& staged, int64_t time_ms, int64_t now_ms) {
    SKEIN_CHECK(staged_ == nullptr, "one scrape at a time");
    staged_ = &staged;
    staged.batch.clear();
    staged.positions.clear();
    staged.markers = 0;
    time_ms_ = time_ms;
    time_max_ = now_ms + kAheadMaxMs;
    appended_ = 0;
    over_sample_limit_ = false;
    had_page_ = false;
    on_trial_ = target_->on_trial && !has_stored_;
    resolving_ = false;
    keeps_nothing_ = false;
    totals_ = {};
    cache_.begin(staged.walk);
    metadata_.begin_pass();
}

void ScrapeSession::open(Format format, std::string_view page) {
    had_page_ = !page.empty();
    if (!had_page_) {
        return;  // an empty page is good in any format: everything goes stale
    }
    format_ = format;
    page_ = page;
    parser_ = make_parser(format, page);
    staged_->batch.floats.reserve(cache_.size() + kReports);
    staged_->positions.reserve(cache_.size());
}

bool ScrapeSession::advance(uint32_t lines) {
    if (parser_ == nullptr) {
        return true;
    }
    if (resolving_) {
        return advance_trial(lines);
    }
    SeriesCache::Walk& walk = staged_->walk;
    for (; lines > 0; --lines) {
        if (parser_->at_comment()) {
            if (metadata_.take_expected(*parser_, scratch_.key)) {
                continue;
            }
        } else if (const SeriesCache::Entry* const entry = cache_.expected(walk);
                   entry != nullptr && (entry->series.valid() || entry->dropped != 0) &&
                   parser_->next_expected(entry->length, entry->hash, scratch_.key)) [[likely]] {
            const uint32_t position = walk.cursor;
            sample(position, cache_.take_expected(walk));
            continue;
        }
        if (!other_line()) {
            return end_page();
        }
    }
    return false;
}

bool ScrapeSession::end_page() {
    if (!on_trial_ || totals_.error.has_value() || over_sample_limit_) {
        return true;
    }
    resolving_ = true;
    parser_ = make_parser(format_, page_);
    staged_->batch.floats.reserve(cache_.size() + kReports);
    staged_->positions.reserve(cache_.size());
    return false;
}

bool ScrapeSession::advance_trial(uint32_t lines) {
    uint64_t& built = staged_->walk.index;
    if (!scratch_.index.holds(built)) {
        built = scratch_.index.build(cache_.entries());
    }
    for (; lines > 0; --lines) {
        const EntryKind kind = parser_->next();
        if (kind == EntryKind::kEnd || kind == EntryKind::kError) {
            return true;
        }
        if (kind == EntryKind::kSeries) {
            resolve_sample(*parser_);
        }
    }
    return false;
}

int64_t ScrapeSession::time_of(const SeriesLine& line, bool& own) const {
    own = line.has_timestamp && job_->honor_timestamps;
    return own ? line.timestamp_ms : time_ms_;
}

void ScrapeSession::sample(uint32_t position, bool first) {
    const SeriesLine& line = parser_->series();
    const SeriesCache::Entry& entry = cache_.at(position);
    ++totals_.scraped;
    if (entry.dropped != 0) [[unlikely]] {
        if (first) {
            ++totals_.dropped;
            cache_.track(staged_->walk, position, false);
        }
        return;
    }
    bool own = false;
    const int64_t time = time_of(line, own);
    ++totals_.post_relabel;
    if (first) [[likely]] {
        cache_.track(staged_->walk, position, !own || job_->track_timestamps_staleness);
    } else if (!own) {
        ++totals_.duplicates;
        return;
    }
    if (admit(time)) [[likely]] {
        stage(position, entry.series, time, line.value);
        if (!parser_->exemplar().labels.empty()) [[unlikely]] {
            stage_exemplar(*parser_, entry.series, time);
        }
    }
}

bool ScrapeSession::admit(int64_t time) {
    if (job_->limits.sample_limit > 0 && ++appended_ > job_->limits.sample_limit) [[unlikely]] {
        over_sample_limit_ = true;
        return false;
    }
    if (time > time_max_) [[unlikely]] {
        ++totals_.out_of_bounds;
        return false;
    }
    return true;
}

void ScrapeSession::stage(uint32_t position,
                          model::SeriesHandle series,
                          int64_t time,
                          double value) {
    staged_->batch.floats.push_back({series, time, value});
    staged_->positions.push_back(position);
}

bool ScrapeSession::other_line() {
    const EntryKind kind = parser_->next();
    switch (kind) {
        case EntryKind::kSeries:
            other_series();
            return !totals_.error.has_value();
        case EntryKind::kHelp:
        case EntryKind::kType:
        case EntryKind::kUnit:
            metadata_.take(*parser_, kind, parser_->line(), scratch_.key);
            return true;
        case EntryKind::kEnd:
            return false;
        case EntryKind::kError:
            totals_.error = parser_->error();
            return false;
    }
    return false;
}

void ScrapeSession::other_series() {
    const std::string_view text = parser_->series().text;
    const uint64_t hash = line_hash(text, scratch_.key);
    const auto length = static_cast<uint32_t>(text.size());
    const uint32_t position = cache_.find(staged_->walk, scratch_.index, hash, length);
    if (position == SeriesCache::kNone) {
        new_series(SeriesCache::kNone, hash);
        return;
    }
    const SeriesCache::Entry& entry = cache_.at(position);
    if (!entry.series.valid() && entry.dropped == 0) {
        new_series(position, hash);
        return;
    }
    sample(position, cache_.take_found(staged_->walk, position));
}

// Labels, relabelling, limits, storage: for lines not seen before, and (`known`) for those whose
// series the storage has forgotten.
void ScrapeSession::new_series(uint32_t known, uint64_t hash) {
    const SeriesLine& line = parser_->series();
    const auto length = static_cast<uint32_t>(line.text.size());
    const base::Status scraped = parser_->labels(scratch_.labels);
    if (!scraped) {
        totals_.error = scraped.error();
        return;
    }
    ++totals_.scraped;
    auto merged = scratch_.merger.merge(scratch_.labels, target_->labels, *job_);
    if (!merged) {
        if (merged.error().code() == base::Code::kLimit) {
            metrics_.exceeded_label_limits.add();
        }
        totals_.error = merged.error();
        return;
    }
    const model::Labels& labels = merged.value();
    SeriesCache::Walk& walk = staged_->walk;
    if (labels.empty()) {
        const uint32_t position = cache_.add(walk, scratch_.index, hash, length, {}, true);
        cache_.track(walk, position, false);
        ++totals_.dropped;
        return;
    }
    bool own = false;
    const int64_t time = time_of(line, own);
    ++totals_.post_relabel;
    if (!admit(time)) {
        return;
    }
    const auto series = resolve(labels);
    if (!series) {
        refuse_series();
        return;
    }
    uint32_t position = known;
    bool first = true;
    if (known == SeriesCache::kNone) {
        position = cache_.add(walk, scratch_.index, hash, length, series.value(), false);
        ++totals_.series_added;
    } else {
        first = cache_.take_found(walk, known);
        cache_.at(known).series = series.value();
    }
    if (first) {
        cache_.track(walk, position, !own || job_->track_timestamps_staleness);
    } else if (!own) {
        ++totals_.duplicates;
    }
    if (on_trial_) {
        return;  // the sample comes when the page is gone through again
    }
    stage(position, series.value(), time, line.value);
    if (!parser_->exemplar().labels.empty()) {
        stage_exemplar(*parser_, series.value(), time);
    }
}

base::Result<model::SeriesHandle> ScrapeSession::resolve(const model::Labels& labels) {
    if (on_trial_) {
        return model::SeriesHandle{};
    }
    return appender_->resolve(labels, labels.hash(), nullptr);
}

// A bad exemplar is no reason to do without its sample.
void ScrapeSession::stage_exemplar(const Parser& parser, model::SeriesHandle series, int64_t time) {
    const ExemplarLine& line = parser.exemplar();
    if (!scratch_.exemplars || !exemplars_.is_new(series, line, scratch_.key) ||
        !parser.exemplar_labels(scratch_.labels)) {
        return;
    }
    std::erase_if(scratch_.labels.labels,
                  [](const model::LabelView& label) { return label.value.empty(); });
    staged_->batch.exemplars.push_back(
        {.series = series,
         .exemplar = {.t = line.has_timestamp ? line.timestamp_ms : time,
                      .v = line.value,
                      .labels = model::Labels::from_sorted(scratch_.labels.labels)}});
}

void ScrapeSession::refuse_series() {
    ++totals_.refused;
    metrics_.series_refused.add();
}

void ScrapeSession::fail(base::Error error) {
    totals_.error = std::move(error);
}

void ScrapeSession::finish(double duration_seconds, int64_t body_bytes) {
    parser_.reset();
    page_ = {};
    totals_.body_bytes = body_bytes;
    if (over_sample_limit_) {
        metrics_.exceeded_sample_limit.add();
        if (!totals_.error) {
            totals_.error = base::Error(base::Code::kLimit, "sample limit exceeded");
        }
    }
    const bool failed = totals_.error.has_value();
    if (failed) {
        staged_->batch.clear();
        staged_->positions.clear();
        exemplars_.clear();
        totals_.series_added = had_page_ ? totals_.series_added : 0;
    }
    if (!trial_failed()) {
        cache_.end_pass(staged_->walk, failed, [this](model::SeriesHandle series) {
            stage_marker(series, time_ms_);
        });
        stage_reports(duration_seconds);
    }
    if (trial_failed()) {
        keep_nothing();
    }
    metadata_.end_pass(!failed && had_page_);
}

bool ScrapeSession::trial_failed() const {
    return on_trial_ && (totals_.error.has_value() || totals_.refused > 0);
}

void ScrapeSession::keep_nothing() {
    keeps_nothing_ = true;
    staged_->batch.clear();
    staged_->positions.clear();
    staged_->markers = 0;
    exemplars_.clear();
    cache_.end_pass(staged_->walk, true, [](model::SeriesHandle /*never stored*/) {});
}

void ScrapeSession::stage_marker(model::SeriesHandle series, int64_t time) {
    staged_->batch.floats.push_back({series, time, model::kStaleNan});
    ++staged_->markers;
}

size_t ScrapeSession::report_count() const {
    return job_->extra_scrape_metrics ? kReports : kReportsAlways;
}

void ScrapeSession::stage_reports(double duration_seconds) {
    report_values_ = {totals_.error.has_value() ? 0.0 : 1.0,
                      duration_seconds,
                      static_cast<double>(totals_.scraped),
                      static_cast<double>(totals_.post_relabel),
                      static_cast<double>(totals_.series_added),
                      static_cast<double>(target_->timeout.count()) / 1000,
                      static_cast<double>(job_->limits.sample_limit),
                      static_cast<double>(totals_.body_bytes)};
    reports_staged_count_ = 0;
    for (size_t report = 0; report < report_count(); ++report) {
        stage_report(report, time_ms_);
    }
}

void ScrapeSession::stage_report(size_t report, int64_t time) {
    model::SeriesHandle& series = reports_[report];
    if (!series.valid()) {
        const model::Labels labels = report_labels(kReportNames[report], target_->labels);
        const auto resolved = appender_->resolve(labels, labels.hash(), nullptr);
        if (!resolved) {
            refuse_series();
            return;
        }
        series = resolved.value();
    }
    staged_->batch.floats.push_back({series, time, report_values_[report]});
    reports_staged_[reports_staged_count_++] = static_cast<uint8_t>(report);
}

bool ScrapeSession::committed(const base::Result<model::CommitReport>& report) {
    if (!report) {
        metrics_.commit_failures.add();
        exemplars_.clear();
        return false;
    }
    has_stored_ = true;
    totals_.exemplars_out_of_order += report.value().exemplars_out_of_order;
    const size_t samples = staged_->positions.size();
    bool forgotten = false;
    for (const model::Rejected& rejected : report.value().rejected) {
        if (rejected.index < samples) {
            forgotten |= sample_rejected(rejected);
        } else if (rejected.index >= samples + staged_->markers) {
            forgotten |=
                report_rejected(rejected.index - samples - staged_->markers, rejected.reason);
        }
        // Markers may come late: the target may be back already.
    }
    return forgotten;
}

bool ScrapeSession::sample_rejected(const model::Rejected& rejected) {
    SeriesCache::Entry& entry = cache_.at(staged_->positions[rejected.index]);
    switch (rejected.reason) {
        case model::RejectReason::kUnknownSeries:
            entry.series = {};
            return true;
        case model::RejectReason::kOutOfOrder:
            ++totals_.out_of_order;
            break;
        case model::RejectReason::kDuplicateTimestamp:
            ++totals_.duplicates;
            break;
        case model::RejectReason::kOutOfBounds:
        case model::RejectReason::kTooOld:
            ++totals_.out_of_bounds;
            break;
        case model::RejectReason::kNotStored:
            break;
    }
    entry.tracked = 0;  // nothing was stored that could go stale
    return false;
}

bool ScrapeSession::report_rejected(size_t staged_report, model::RejectReason reason) {
    if (reason != model::RejectReason::kUnknownSeries || staged_report >= reports_staged_count_) {
        return false;
    }
    reports_[reports_staged_[staged_report]] = {};
    return true;
}

void ScrapeSession::resolve_again(Format format, std::string_view page) {
    staged_->batch.clear();
    staged_->positions.clear();
    staged_->markers = 0;
    scratch_.index.build(cache_.entries());
    const auto parser = make_parser(format, page);
    for (EntryKind kind = parser->next(); kind != EntryKind::kEnd && kind != EntryKind::kError;
         kind = parser->next()) {
        if (kind == EntryKind::kSeries) {
            resolve_sample(*parser);
        }
    }
    reports_staged_count_ = 0;
    for (size_t report = 0; report < report_count(); ++report) {
        if (!reports_[report].valid()) {
            stage_report(report, time_ms_);
        }
    }
}

void ScrapeSession::resolve_sample(const Parser& parser) {
    const SeriesLine& line = parser.series();
    const uint32_t position = scratch_.index.find(cache_.entries(),
                                                  line_hash(line.text, scratch_.key),
                                                  static_cast<uint32_t>(line.text.size()));
    if (position == SeriesCache::kNone || cache_.at(position).series.valid() ||
        cache_.at(position).dropped != 0 || !parser.labels(scratch_.labels)) {
        return;
    }
    const auto labels = scratch_.merger.merge(scratch_.labels, target_->labels, *job_);
    if (!labels || labels.value().empty()) {
        return;
    }
    const auto series = appender_->resolve(labels.value(), labels.value().hash(), nullptr);
    if (!series) {
        refuse_series();
        return;
    }
    bool own = false;
    const int64_t time = time_of(line, own);
    cache_.at(position).series = series.value();
    if (time <= time_max_) {
        stage(position, series.value(), time, line.value);
        if (!parser.exemplar().labels.empty()) {
            stage_exemplar(parser, series.value(), time);
        }
    }
}

void ScrapeSession::count_rejected() {
    if (totals_.out_of_order > 0) {
        metrics_.sample_out_of_order.add(totals_.out_of_order);
        log_.warn("out-of-order samples dropped",
                  "target",
                  target_->url,
                  "num_dropped",
                  totals_.out_of_order);
    }
    if (totals_.duplicates > 0) {
        metrics_.sample_duplicate_timestamp.add(totals_.duplicates);
        log_.warn("samples with another value for the same timestamp dropped",
                  "target",
                  target_->url,
                  "num_dropped",
                  totals_.duplicates);
    }
    if (totals_.out_of_bounds > 0) {
        metrics_.sample_out_of_bounds.add(totals_.out_of_bounds);
        log_.warn("samples too old or too far in the future dropped",
                  "target",
                  target_->url,
                  "num_dropped",
                  totals_.out_of_bounds);
    }
    metrics_.exemplar_out_of_order.add(totals_.exemplars_out_of_order);
}

uint64_t ScrapeSession::page_series() const {
    return totals_.error.has_value() || !had_page_ ? 0 : cache_.size() - totals_.dropped;
}

void ScrapeSession::settle() {
    count_rejected();
    if (!totals_.error.has_value() && had_page_) {
        cache_.settle(staged_->walk);
    } else if (cache_.flush_if_grown(metadata_.size())) {
        metrics_.cache_flush_forced.add();
    }
    scratch_.index.shrink();
    exemplars_.settle(cache_.size());
    staged_ = nullptr;
}

void ScrapeSession::abandon() {
    parser_.reset();
    page_ = {};
    metadata_.end_pass(false);
    staged_ = nullptr;
}

void ScrapeSession::stage_end_of_run(StagedScrape& staged, int64_t time_ms) {
    begin(staged, time_ms, time_ms);
    cache_.end_pass(staged.walk, true, [this, time_ms](model::SeriesHandle series) {
        stage_marker(series, time_ms);
    });
    metadata_.end_pass(false);
    report_values_.fill(model::kStaleNan);
    reports_staged_count_ = 0;
    for (size_t report = 0; report < report_count(); ++report) {
        stage_report(report, time_ms);
    }
}

}  // namespace scrape
