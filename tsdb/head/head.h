// The head: the newest samples of every active series, in memory.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/budget.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/storage.h"
#include "tsdb/exemplars.h"
#include "tsdb/head/catalog.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/chunk_slab.h"
#include "tsdb/head/memory.h"
#include "tsdb/head/out_of_order.h"
#include "tsdb/head/partition.h"
#include "tsdb/head/slot_order.h"
#include "tsdb/head/slots.h"
#include "tsdb/head/tombstones.h"

namespace tsdb {

// A sample on its way into a series that is known.
struct HeadSample {
    SlotEntry series;
    int64_t t = 0;
    uint64_t bits = 0;
    uint32_t index = 0;  // whatever the caller wants to know it by
};

// A histogram on its way; exactly one of the two is set. Borrowed for the call.
struct HeadHistogram {
    SlotEntry series;
    int64_t t = 0;
    const model::Histogram* integer = nullptr;
    const model::FloatHistogram* floating = nullptr;
    uint32_t index = 0;
    bool of_float = false;  // a stale marker that was staged as a float: so counts the index
};

// An exemplar on its way. Borrowed for the call.
struct HeadExemplar {
    uint64_t ref = 0;
    uint32_t slot = 0;
    const model::Exemplar* exemplar = nullptr;
};

// A series made since the write-ahead log was last told.
struct NewSeries {
    uint64_t ref;
    LabelsRef labels;
};

// Series that have no sample any more: nothing is appended to them, their memory is not yet free.
struct SweptSeries {
    std::vector<uint32_t> slots;
    std::vector<uint64_t> refs;
};

// Composition of records, chunks, their files, the catalog of labels, and exemplars.
//   threads   resolve(), queries, figures: any. apply…(), sweep(), file_chunks(): one at a time
//   (the
//             log's thread); during replay apply…() and file_chunks() may run beside themselves for
//             different partitions. restore(): one at a time, before any resolve()
//   lifetime  of the budget and longer than every querier
class Head {
  public:
    static constexpr size_t kPartitions = 64;
    // What a new series may need at once before its share of larger blocks shows; asked of the
    // budget beforehand.
    static constexpr int64_t kNewSeriesBytes = 512;

    // files  for closed chunks, borrowed; null: they stay in memory
    Head(base::Budget& budget, const ChunkRules& rules, ChunkFiles* files = nullptr);
    Head(const Head&) = delete;
    Head& operator=(const Head&) = delete;

    // Before anything is appended.
    void set_files(ChunkFiles* files) { files_ = files; }

    // -----------------------------------------------------------------------------------------
    // Series

    // Finds or makes the series.  errors  kLimit: no budget for a new one; labels too long
    [[nodiscard]] base::Result<model::SeriesHandle> resolve(const model::Labels& labels,
                                                            uint64_t hash,
                                                            model::Origin origin,
                                                            bool* created);
    // The same with the ref that the write-ahead log knows the series by; the budget is charged but
    // not asked.  returns  the slot; of a known series, whatever its ref.  errors  kLimit: labels
    // too long
    [[nodiscard]] base::Result<uint32_t> restore(const model::Labels& labels, uint64_t ref);

    // The record of a resolved series; null when the handle is of none, or of one that was swept.
    // On the log's thread.
    [[nodiscard]] SlotEntry find(model::SeriesHandle handle) const {
        const SlotEntry entry = slots_.get(handle.slot);
        const bool same = entry.record != nullptr && entry.record->ref_low == handle.check &&
                          !entry.record->is(SeriesRecord::kSwept);
        return same ? entry : SlotEntry{};
    }

    [[nodiscard]] SlotEntry at(uint32_t slot) const { return slots_.get(slot); }

    // Ask for memory ahead of at() and labels_of(), and of labels_of().
    void prefetch_slot(uint32_t slot) const {
        slots_.prefetch(slot);
        catalog_.prefetch_slot(slot);
    }

    void prefetch_labels(uint32_t slot) const { catalog_.prefetch_labels(slot); }

    // Slots below this number may hold series.
    [[nodiscard]] uint32_t slots_end() const { return next_slot_.load(std::memory_order_acquire); }

    // Series made since the last call. Those of every sample that may now be logged are among them,
    // or were before.
    [[nodiscard]] std::vector<NewSeries> take_new_series() EXCLUDES_LOCK(new_mutex_);
    // Puts back what could not be logged.
    void return_new_series(std::vector<NewSeries> series) EXCLUDES_LOCK(new_mutex_);

    // The series is among the new ones once more: its record in the log is lost.
    void log_again(uint32_t slot) EXCLUDES_LOCK(new_mutex_);

    // Takes note of a ref that must not be used again.
    void reserve_ref(uint64_t ref) { raise_to_ref(ref); }

    // -----------------------------------------------------------------------------------------
    // Samples in

    // The oldest time a commit may carry: an hour (half the chunk range) before the newest, and
    // nothing that is in blocks.
    //   first_t  of the commit's first sample: what counts when the head is empty
    [[nodiscard]] int64_t min_valid_time(int64_t first_t) const;

    // Appends samples that were admitted before, admitting them again: of two samples of a series
    // in one group the first decides about the second. All samples of one partition become visible
    // together.
    //   returns  samples appended; one that repeats the series' last sample is not counted
    //   refused  called with the sample and the reason
    template <class Refused>
    uint64_t apply(std::span<const HeadSample> samples,
                   int64_t min_valid_t,
                   const Refused& refused) {
        if (of_one_partition(samples)) [[likely]] {
            return apply_run(samples, min_valid_t, refused);
        }
        const std::vector<HeadSample> sorted = sort_by_partition(samples);
        uint64_t appended = 0;
        for (size_t from = 0, to = 0; from < sorted.size(); from = to) {
            while (to < sorted.size() &&
                   sorted[to].series.partition == sorted[from].series.partition) {
                ++to;
            }
            appended += apply_run(std::span(sorted).subspan(from, to - from), min_valid_t, refused);
        }
        return appended;
    }

    // The same when all samples are of one partition.
    template <class Refused>
    uint64_t apply_run(std::span<const HeadSample> samples,
                       int64_t min_valid_t,
                       const Refused& refused) {
        if (samples.empty()) {
            return 0;
        }
        uint64_t appended = 0;
        uint32_t begun = 0;
        {
            Partition& partition = *partitions_[samples.front().series.partition];
            const base::MutexLock lock(partition.mutex());
            for (size_t i = 0; i < samples.size(); ++i) {
                prefetch_ahead(samples, i);
                const HeadSample& sample = samples[i];
                SeriesRecord& series = *sample.series.record;
                const Admission admission = admit(series, sample.t, sample.bits, min_valid_t);
                if (admission == Admission::kAppend) [[likely]] {
                    begun += partition.append(series, sample.t, sample.bits, rules_);
                    ++appended;
                } else if (const auto reason = reject_reason(admission)) {
                    refused(sample, *reason);
                }
            }
        }
        chunks_.fetch_add(begun, std::memory_order_relaxed);
        return appended;
    }

    // Partition by partition; keeps the order within each.
    [[nodiscard]] static std::vector<HeadSample> sort_by_partition(
        std::span<const HeadSample> samples);

    // The same as apply() for one histogram. returns  what became of it
    [[nodiscard]] Admission apply_histogram(const HeadHistogram& sample, int64_t min_valid_t);

    // The times the samples just applied span.
    void extend(int64_t min_t, int64_t max_t);

    // Gives a series without samples another ref: while the head is rebuilt.
    //   returns  false: it has samples, and keeps its ref
    [[nodiscard]] bool rename_empty(uint32_t slot, uint64_t ref);

    // A chunk that lies in a file, later than all of the series so far: while the head is rebuilt.
    void restore_chunk(uint32_t slot, ChunkPlace place, int64_t max_t);

    // The series has no samples any more.
    void forget_samples(uint32_t slot);

    // Whether the series has samples in late(): if so it stays, whatever it has besides.
    void set_out_of_order(uint32_t slot, bool on);

    // Samples older than their series' newest.
    [[nodiscard]] OutOfOrderStore& late() { return late_; }

    [[nodiscard]] const OutOfOrderStore& late() const { return late_; }

    // Moves closed chunks into their files when they have come to `at_least` bytes; what cannot be
    // written stays, and is tried again with the next call.  errors  as ChunkFiles
    [[nodiscard]] base::Status file_chunks(size_t at_least);

    // -----------------------------------------------------------------------------------------
    // Samples out, for good

    // What is older than `min_t` is in blocks: commits may not carry it any more.
    void raise_floor(int64_t min_t);
    // The head begins at `min_t` now; what is applied from now on is noted, for raise_min_time().
    void begin_at(int64_t min_t);
    // The oldest sample that was applied before begin_at() is of `oldest`: so much later may the
    // head begin, if nothing that was applied since is older.
    void raise_min_time(int64_t oldest);
    // Of the slots [from, to): takes chunks away whose files are gone, and series without a sample
    // at or after `min_t`.
    //   returns  the oldest sample left, or `min_t` when chunks in files may have one; INT64_MAX:
    //   none
    int64_t sweep(uint32_t from, uint32_t to, int64_t min_t, SweptSeries& swept);

    // Nobody finds the swept series any more; who has found them may go on reading.
    [[nodiscard]] Unlinked unlink(const SweptSeries& swept) { return catalog_.unlink(swept.slots); }

    // Their memory serves new series. No reader is left that began before unlink().
    void recycle(Unlinked&& unlinked) EXCLUDES_LOCK(free_mutex_, new_mutex_);

    // -----------------------------------------------------------------------------------------
    // For readers

    [[nodiscard]] base::Result<SlotSet> match(std::span<const model::Matcher> matchers,
                                              const model::QueryContext& context) const {
        return catalog_.match(matchers, context);
    }

    [[nodiscard]] LabelSet labels_of(uint32_t slot) const { return catalog_.labels_of(slot); }

    [[nodiscard]] const LabelSets& label_sets() const { return catalog_.label_sets(); }

    [[nodiscard]] model::Labels texts_of(uint32_t slot) const {
        return label_sets().labels(catalog_.ref_of(slot));
    }

    [[nodiscard]] const LabelIndex& index() const { return catalog_.index(); }

    // Shared so that batches can outlive the head.
    [[nodiscard]] const std::shared_ptr<const Symbols>& symbols() const {
        return catalog_.symbols();
    }

    [[nodiscard]] Partition& partition(uint16_t number) const { return *partitions_[number]; }

    [[nodiscard]] const ChunkFiles* files() const { return files_; }

    [[nodiscard]] ChunkFiles* files() { return files_; }

    // Sorts slots of series that the caller keeps from being recycled, by their labels.
    void sort_by_labels(std::vector<uint32_t>& slots) const { slot_order_.sort(slots, *this); }

    [[nodiscard]] const ExemplarRing& exemplars() const { return exemplars_; }

    // Those of a series go when it is swept.
    [[nodiscard]] ExemplarRing& exemplars() { return exemplars_; }

    // Times of the samples in the head; max < min when there are none.
    [[nodiscard]] int64_t min_time() const { return min_t_.load(std::memory_order_acquire); }

    [[nodiscard]] int64_t max_time() const { return max_t_.load(std::memory_order_acquire); }

    [[nodiscard]] uint64_t series() const { return series_.load(std::memory_order_relaxed); }

    [[nodiscard]] uint64_t series_created() const {
        return series_created_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] uint64_t series_removed() const {
        return series_removed_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] uint64_t chunks() const { return chunks_.load(std::memory_order_relaxed); }

    [[nodiscard]] const HeadMemory& memory() const { return memory_; }

    [[nodiscard]] HeadMemory& memory() { return memory_; }

    [[nodiscard]] const ChunkRules& rules() const { return rules_; }

    // Stretches that readers leave out.
    [[nodiscard]] HeadTombstones& tombstones() { return tombstones_; }

    [[nodiscard]] const HeadTombstones& tombstones() const { return tombstones_; }

  private:
    static constexpr size_t kFilingChunksMax = 8192;  // held at once

    [[nodiscard]] static bool of_one_partition(std::span<const HeadSample> samples);

    // Two misses per sample, the record and the end of its chunk, are asked for well before.
    static void prefetch_ahead(std::span<const HeadSample> samples, size_t i) {
        constexpr size_t kRecordsAhead = 24;
        constexpr size_t kChunksAhead = 12;
        if (i + kRecordsAhead < samples.size()) {
            __builtin_prefetch(samples[i + kRecordsAhead].series.record, 1);
        }
        if (i + kChunksAhead < samples.size()) {
            __builtin_prefetch(samples[i + kChunksAhead].series.record->tail, 1);
        }
    }

    [[nodiscard]] base::Result<uint32_t> find_or_create(const model::Labels& labels,
                                                        uint64_t hash,
                                                        model::Origin origin,
                                                        uint64_t ref,
                                                        uint32_t& check,
                                                        bool& created);
    [[nodiscard]] base::Result<uint32_t> reserve_slot() EXCLUDES_LOCK(free_mutex_);
    void publish(uint32_t slot, model::Origin origin, uint64_t ref, bool fresh);
    void raise_to_ref(uint64_t ref);
    [[nodiscard]] base::Status file_partition(Partition& partition);
    void forget_new_series(std::vector<uint64_t> refs) EXCLUDES_LOCK(new_mutex_);

    HeadMemory memory_;
    const ChunkRules rules_;
    ChunkFiles* files_;
    ExemplarRing exemplars_;
    BlockPool block_pool_;
    OutOfOrderStore late_;
    Catalog catalog_;
    SlotTable slots_;
    mutable SlotOrder slot_order_{memory_};  // a cache
    std::atomic<uint32_t> next_slot_{0};
    std::vector<std::unique_ptr<Partition>> partitions_;
    HeadTombstones tombstones_;
    base::Mutex free_mutex_;
    std::vector<uint32_t> free_slots_ GUARDED_BY(free_mutex_);
    base::Mutex new_mutex_;
    std::vector<NewSeries> new_series_ GUARDED_BY(new_mutex_);
    std::atomic<uint64_t> last_ref_{0};
    std::atomic<int64_t> floor_{INT64_MIN};
    std::atomic<int64_t> min_t_{INT64_MAX};
    std::atomic<int64_t> min_t_since_{INT64_MAX};  // of what was applied since begin_at()
    std::atomic<int64_t> max_t_{INT64_MIN};
    std::atomic<uint64_t> series_{0};
    std::atomic<uint64_t> series_created_{0};
    std::atomic<uint64_t> series_removed_{0};
    std::atomic<uint64_t> chunks_{0};
};

}  // namespace tsdb
