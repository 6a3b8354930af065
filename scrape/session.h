// One target's memory from scrape to scrape: a page goes in, a batch for the storage comes out.
//
// Pure: no I/O, no clock, no threads. The driver (scrape/loop.h) fetches the page, hands the batch
// to the storage and tells what became of it:
//
//   session.begin(…)  →  session.open(page) → session.advance()…   →  session.finish(…)
//                    \→  session.fail(error)                        /
//   commit(batch)  →  session.committed(…)  [→ session.resolve_again(page) → commit]  → settle()
//
// source: Prometheus' scrape loop; reference rules in docs/scraping.md
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "model/storage.h"
#include "model/target.h"
#include "scrape/exemplar_cache.h"
#include "scrape/label_merge.h"
#include "scrape/metadata_cache.h"
#include "scrape/metrics.h"
#include "scrape/options.h"
#include "scrape/parse/parser.h"
#include "scrape/series_cache.h"

namespace scrape {

// What the targets of a lane share. Threads: the lane.
struct LaneScratch {
    explicit LaneScratch(LineKey line_key, bool keep_exemplars = true)
        : key(line_key), exemplars(keep_exemplars) {}

    const LineKey key;
    const bool exemplars;  // are staged
    SeriesCache::Index index;
    SeriesLabels labels;
    LabelMerger merger;
};

// One scrape on its way to the storage. Pooled: its vectors keep their memory.
//   batch.floats = samples, then stale markers, then report series
struct StagedScrape {
    model::AppendBatch batch;
    std::vector<uint32_t> positions;  // in the cache, one per sample
    uint32_t markers = 0;
    SeriesCache::Walk walk;
};

// What a scrape came to; what the report series and the status page say.
struct ScrapeTotals {
    uint64_t scraped = 0;       // sample lines
    uint64_t post_relabel = 0;  // of those, not dropped by relabelling
    uint64_t series_added = 0;
    int64_t body_bytes = 0;  // uncompressed; -1: over the limit
    uint64_t out_of_order = 0;
    uint64_t duplicates = 0;
    uint64_t out_of_bounds = 0;
    uint64_t refused = 0;
    uint64_t dropped = 0;  // distinct lines that relabelling drops
    uint64_t exemplars_out_of_order = 0;
    std::optional<base::Error> error;
};

class ScrapeSession {
  public:
    // Samples this far ahead of now are out of bounds.
    static constexpr int64_t kAheadMaxMs = 10 * 60 * 1000;

    // Everything but the appender is borrowed and outlives the session.
    ScrapeSession(std::shared_ptr<const model::Target> target,
                  std::shared_ptr<const JobOptions> job,
                  std::unique_ptr<model::Appender> appender,
                  LaneScratch& scratch,
                  MetadataPool& metadata,
                  Metrics& metrics,
                  base::Logger log);

    // New options for the same target; caches stay. Between scrapes only.
    void update(std::shared_ptr<const model::Target> target, std::shared_ptr<const JobOptions> job);

    // Starts a scrape. `staged` is empty and stays the caller's until settle().
    //   time_ms  of samples without a time of their own
    //   now_ms   what samples in the future are measured against
    void begin(StagedScrape& staged, int64_t time_ms, int64_t now_ms);
    // The page, alive until finish() has returned.
    void open(Format format, std::string_view page);
    // Works through some lines. Returns whether the page has ended.
    bool advance(uint32_t lines);
    // Instead of a page, or after part of one: the scrape has failed.
    void fail(base::Error error);
    // Stale markers and report series. The batch is complete then.
    void finish(double duration_seconds, int64_t body_bytes);

    // Whether the finished scrape leaves nothing to store: the target is on trial, and this was no
    // good scrape. settle() comes next then.
    [[nodiscard]] bool keeps_nothing() const { return keeps_nothing_; }

    // What the storage said. Returns whether resolve_again() has something to do.
    [[nodiscard]] bool committed(const base::Result<model::CommitReport>& report);
    // Stages again the samples whose series the storage had forgotten.
    void resolve_again(Format format, std::string_view page);
    // Ends the scrape: counts what was rejected, orders the cache.
    void settle();

    // Ends the scrape without storing anything: the process stops.
    void abandon();

    // Markers for everything the target exposed, and for the report series.
    void stage_end_of_run(StagedScrape& staged, int64_t time_ms);

    [[nodiscard]] const ScrapeTotals& totals() const { return totals_; }

    // Whether the storage has ever taken anything.
    [[nodiscard]] bool has_stored() const { return has_stored_; }

    // Distinct series of the page of the scrape that was settled last; 0 if it failed.
    [[nodiscard]] uint64_t page_series() const;

    [[nodiscard]] const SeriesCache& cache() const { return cache_; }

    [[nodiscard]] const MetadataCache& metadata() const { return metadata_; }

    [[nodiscard]] model::Appender& appender() { return *appender_; }

  private:
    static constexpr size_t kReports = 8;
    static constexpr size_t kReportsAlways = 5;

    void sample(uint32_t position, bool first);
    bool other_line();
    void other_series();
    void new_series(uint32_t known, uint64_t hash);
    // On trial no series is asked for before the whole page has been understood.
    [[nodiscard]] base::Result<model::SeriesHandle> resolve(const model::Labels& labels);
    // The page has ended. Returns whether that is all.
    bool end_page();
    bool advance_trial(uint32_t lines);
    [[nodiscard]] bool trial_failed() const;
    void keep_nothing();
    // Whether a sample is to be stored; counts it against the limits.
    bool admit(int64_t time);
    void stage(uint32_t position, model::SeriesHandle series, int64_t time, double value);
    void stage_exemplar(const Parser& parser, model::SeriesHandle series, int64_t time);
    void stage_marker(model::SeriesHandle series, int64_t time);
    void stage_reports(double duration_seconds);
    void stage_report(size_t report, int64_t time);
    [[nodiscard]] bool sample_rejected(const model::Rejected& rejected);
    [[nodiscard]] bool report_rejected(size_t staged_report, model::RejectReason reason);
    void resolve_sample(const Parser& parser);
    [[nodiscard]] size_t report_count() const;
    [[nodiscard]] int64_t time_of(const SeriesLine& line, bool& own) const;
    // The storage says why and whose.
    void refuse_series();
    void count_rejected();

    std::shared_ptr<const model::Target> target_;
    std::shared_ptr<const JobOptions> job_;
    std::unique_ptr<model::Appender> appender_;
    LaneScratch& scratch_;
    Metrics& metrics_;
    base::Logger log_;

    SeriesCache cache_;
    MetadataCache metadata_;
    std::array<model::SeriesHandle, kReports> reports_;
    std::array<double, kReports> report_values_{};
    std::array<uint8_t, kReports> reports_staged_{};  // which ones, in the order of the batch
    size_t reports_staged_count_ = 0;
    ExemplarCache exemplars_;
    bool has_stored_ = false;

    // Of the scrape going on.
    std::unique_ptr<Parser> parser_;
    StagedScrape* staged_ = nullptr;
    int64_t time_ms_ = 0;
    int64_t time_max_ = 0;
    uint64_t appended_ = 0;
    bool over_sample_limit_ = false;
    bool had_page_ = false;
    bool on_trial_ = false;   // nothing is stored unless this scrape is good
    bool resolving_ = false;  // on trial: the page was good, and is gone through again
    bool keeps_nothing_ = false;
    Format format_ = Format::kText;
    std::string_view page_;
    ScrapeTotals totals_;
};

}  // namespace scrape
