// The storage ports: how samples get in and how series come out. Implemented by tsdb::Db and by
// storeapi's clients; used by scraping, rules, the remote-write receiver, PromQL and the StoreAPI.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/result.h"
#include "model/chunk.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/metadata.h"
#include "model/sample.h"

namespace model {

// ---------------------------------------------------------------------------------------------------------------------
// Samples in

// Who appends: series of one origin lie together in memory, in the order of their first append.
// hash(job, instance) for scrapes, so that a replay rebuilds the layout from the series' own
// labels.
using Origin = uint64_t;
[[nodiscard]] Origin origin_of(std::string_view job, std::string_view instance);
[[nodiscard]] Origin origin_of(const Labels& labels);

// A resolved series: small enough to keep per scraped line. `check` is the low half of the series'
// WAL id, so that a reused slot is noticed.
struct SeriesHandle {
    static constexpr uint32_t kNoSlot = UINT32_MAX;
    uint32_t slot = kNoSlot;
    uint32_t check = 0;

    [[nodiscard]] bool valid() const { return slot != kNoSlot; }

    bool operator==(const SeriesHandle&) const = default;
};

struct StagedFloat {
    SeriesHandle series;
    int64_t t;  // ms
    double v;
};

struct StagedHistogram {
    SeriesHandle series;
    int64_t t;
    std::shared_ptr<const Histogram> integer;  // exactly one of the two is set
    std::shared_ptr<const FloatHistogram> floating;
};

struct StagedMetadata {
    SeriesHandle series;
    Metadata metadata;
};

struct StagedExemplar {
    SeriesHandle series;
    Exemplar exemplar;
};

// What one commit carries. Samples of one series stand in the order they are meant.
struct AppendBatch {
    std::vector<StagedFloat> floats;
    std::vector<int64_t> start_timestamps;  // empty, or one per float (0: none), ms
    std::vector<StagedHistogram> histograms;
    std::vector<StagedMetadata> metadata;
    std::vector<StagedExemplar> exemplars;  // those that are refused are not told one by one

    [[nodiscard]] bool empty() const {
        return floats.empty() && histograms.empty() && metadata.empty() && exemplars.empty();
    }

    void clear() {
        floats.clear();
        start_timestamps.clear();
        histograms.clear();
        metadata.clear();
        exemplars.clear();
    }
};

enum class RejectReason : uint8_t {
    kOutOfOrder,          // older than the series' last sample
    kDuplicateTimestamp,  // same time, other value (same value: accepted, nothing stored)
    kOutOfBounds,         // older than the head accepts
    kTooOld,              // older than the out-of-order window
    kUnknownSeries,       // the handle's series is gone: resolve again
    kNotStored,           // a kind of sample this storage does not keep yet
};

struct Rejected {
    uint32_t index;  // into floats, or into histograms when `histogram`
    RejectReason reason;
    bool histogram = false;
};

struct CommitReport {
    uint32_t accepted = 0;
    std::vector<Rejected> rejected;  // empty for nearly every commit
    uint32_t exemplars_out_of_order = 0;
    // False: the disk does not take writes now. What was accepted is visible to queries and kept in
    // memory; it is logged once the disk has room, and lost if the process ends before that.
    bool logged = true;
};

// Told once per commit, on the storage's own thread: post onwards, do not work there.
class CommitListener {
  public:
    // The batch comes back cleared, for reuse. error  kNoSpace: the disk is full, and so is the
    // memory set aside for that: nothing of the batch was kept; kLimit: the disk is too slow;
    // kUnavailable: stopping
    virtual void committed(base::Result<CommitReport> report, AppendBatch&& batch) = 0;

  protected:
    ~CommitListener() = default;
};

// The way in for one origin.
//   threads   one caller at a time; several appenders run in parallel
//   promise   when committed() reports success the samples are visible to queries, and in the
//             write-ahead log (they survive SIGKILL) unless the report says that they are not.
//             One commit becomes visible atomically per partition, not over several.
class Appender {
  public:
    virtual ~Appender() = default;

    // Finds the series with these labels, or creates it. Costs a hash lookup: for lines not seen
    // before.
    //   hash     labels.hash()
    //   created  set to whether this call created it (may be null)
    //   errors   kLimit: no budget for a new series; existing ones go on
    [[nodiscard]] virtual base::Result<SeriesHandle> resolve(const Labels& labels,
                                                             uint64_t hash,
                                                             bool* created) = 0;

    // Hands the batch over. `listener` outlives the call to it, and is called exactly once,
    // whatever happens.
    virtual void commit(AppendBatch&& batch, CommitListener& listener) = 0;
};

class Appendable {
  public:
    virtual ~Appendable() = default;
    [[nodiscard]] virtual std::unique_ptr<Appender> appender(Origin origin) = 0;
};

// Commits and waits, for callers that may block (rules, imports, tests).
[[nodiscard]] base::Result<CommitReport> commit_and_wait(Appender& appender, AppendBatch&& batch);

// ---------------------------------------------------------------------------------------------------------------------
// Series out

// Symbols of one source. Threads: any. Texts live as long as the table.
class SymbolTable {
  public:
    virtual ~SymbolTable() = default;
    [[nodiscard]] virtual std::string_view text(uint32_t symbol) const = 0;
};

struct LabelSymbols {
    uint32_t name;
    uint32_t value;

    bool operator==(const LabelSymbols&) const = default;
};

// One series of a batch.
struct SeriesView {
    uint64_t id = 0;  // the source's id of the series; stable while the querier lives
    std::span<const LabelSymbols> labels;  // in the order of their names' text
    std::span<const ChunkView> chunks;     // by min_t; those of one source do not overlap
};

// Some series, with everything they point to. Filled by SeriesSet::next(), reused from call to
// call.
struct SeriesBatch {
    std::vector<SeriesView> series;
    std::shared_ptr<const SymbolTable>
        symbols;        // of all series in this batch; another batch may bring another table
    base::Arena arena;  // labels, chunk views and copied chunk bytes
    std::vector<std::shared_ptr<const void>> pins;

    void clear() {
        series.clear();
        symbols.reset();
        arena.reset();
        pins.clear();
    }

    [[nodiscard]] std::string_view text(uint32_t symbol) const { return symbols->text(symbol); }
};

// Cancellation, time and memory of one request. All borrowed; null members do not apply.
struct QueryContext {
    std::stop_token stop;
    base::Deadline deadline;
    const base::Clock* clock = nullptr;
    base::Budget* budget = nullptr;

    // errors  kCanceled, kTimeout
    [[nodiscard]] base::Status check() const;
};

// What a select is for. A source may use any of it or none, except min_t, max_t, the order and
// limit.
struct SelectHints {
    int64_t min_t = kMinTime;  // ms, inclusive: chunks outside are left out; samples are not cut
    int64_t max_t = kMaxTime;
    int64_t step_ms = 0;
    int64_t range_ms = 0;
    std::string function;               // of the enclosing call, e.g. "rate"
    std::vector<std::string> grouping;  // of the enclosing aggregation
    bool by = false;
    bool sorted = false;  // series must come in the order of their labels
    // With `sorted`: as if series had no labels of these names. Those that are alike then come side
    // by side, in the order of all their labels.
    std::vector<std::string> order_without;
    bool skip_chunks = false;                   // only labels are wanted
    uint64_t limit = 0;                         // 0: none
    uint32_t shard_index = 0, shard_count = 0;  // stable_hash % shard_count == shard_index; 0: all
};

// A pull stream of series.
class SeriesSet {
  public:
    virtual ~SeriesSet() = default;
    // Clears `batch` and fills it with the next series; false when there are none left.
    //   errors  kCanceled, kTimeout, kLimit (budget), kCorrupt, kIo
    [[nodiscard]] virtual base::Result<bool> next(SeriesBatch& batch) = 0;

    // What went wrong without failing; complete when next() has returned false.
    [[nodiscard]] virtual std::vector<std::string> warnings() const { return {}; }
};

struct LabelHints {
    uint64_t limit = 0;  // 0: none
};

class PushDown;

// A consistent view of one storage over [min_t, max_t]. Threads: one.
class Querier {
  public:
    virtual ~Querier() = default;
    [[nodiscard]] virtual base::Result<std::unique_ptr<SeriesSet>> select(
        const SelectHints& hints,
        std::span<const Matcher> matchers,
        const QueryContext& context) = 0;
    // Sorted, unique; of series that match and have samples in the time range as far as the source
    // can tell cheaply.
    [[nodiscard]] virtual base::Result<std::vector<std::string>> label_names(
        const LabelHints& hints,
        std::span<const Matcher> matchers,
        const QueryContext& context) = 0;
    [[nodiscard]] virtual base::Result<std::vector<std::string>> label_values(
        std::string_view name,
        const LabelHints& hints,
        std::span<const Matcher> matchers,
        const QueryContext& context) = 0;

    // What went wrong in label_names() and label_values() without failing them.
    [[nodiscard]] virtual std::vector<std::string> warnings() const { return {}; }

    // Set when parts of a query can be worked out where the series lie. Lives as long as this.
    [[nodiscard]] virtual PushDown* push_down() { return nullptr; }
};

class Queryable {
  public:
    virtual ~Queryable() = default;
    [[nodiscard]] virtual base::Result<std::unique_ptr<Querier>> querier(int64_t min_t,
                                                                         int64_t max_t) = 0;
    // The time range that holds data, if any: for endpoints without start and end.
    [[nodiscard]] virtual std::optional<std::pair<int64_t, int64_t>> time_range() const = 0;
};

}  // namespace model
