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
#include "tsdb/head/chunk_slab.h"
#include "tsdb/head/label_index.h"
#include "tsdb/head/label_sets.h"
#include "tsdb/head/matching.h"
#include "tsdb/head/memory.h"
#include "tsdb/head/partition.h"
#include "tsdb/head/series_map.h"
#include "tsdb/head/slots.h"
#include "tsdb/head/symbols.h"

namespace tsdb {

// A sample on its way into a series that is known.
struct HeadSample {
    SlotEntry series;
    int64_t t = 0;
    uint64_t bits = 0;
    uint32_t index = 0;  // whatever the caller wants to know it by
};

// A series made since the write-ahead log was last told.
struct NewSeries {
    uint64_t ref;
    LabelsRef labels;
};

// Composition of records, chunks, labels, index and map.
//   threads   resolve(), queries, figures: any. apply(): one at a time (the log's thread), or
//   beside
//             itself for different partitions (replay). restore(): one at a time, before any
//             resolve()
//   lifetime  of the budget and longer than every querier
class Head {
  public:
    static constexpr size_t kPartitions = 64;
    // What a new series may need at once before its share of larger blocks shows; asked of the
    // budget beforehand.
    static constexpr int64_t kNewSeriesBytes = 512;

    Head(base::Budget& budget, const ChunkRules& rules);
    Head(const Head&) = delete;
    Head& operator=(const Head&) = delete;

    // Finds or makes the series.  errors  kLimit: no budget for a new one; labels too long
    [[nodiscard]] base::Result<model::SeriesHandle> resolve(const model::Labels& labels,
                                                            uint64_t hash,
                                                            model::Origin origin,
                                                            bool* created);
    // The same with the ref that the write-ahead log knows the series by; the budget is charged but
    // not asked.  returns  the slot; of a known series, whatever its ref.  errors  kLimit: labels
    // too long
    [[nodiscard]] base::Result<uint32_t> restore(const model::Labels& labels, uint64_t ref);

    // The record of a resolved series; null when the handle is of none.
    [[nodiscard]] SlotEntry find(model::SeriesHandle handle) const {
        const SlotEntry entry = slots_.get(handle.slot);
        const bool same = entry.record != nullptr && entry.record->ref_low == handle.check;
        return same ? entry : SlotEntry{};
    }

    [[nodiscard]] SlotEntry at(uint32_t slot) const { return slots_.get(slot); }

    // Series made since the last call. Those of every sample that may now be logged are among them,
    // or were before.
    [[nodiscard]] std::vector<NewSeries> take_new_series() EXCLUDES_LOCK(new_mutex_);
    // Puts back what could not be logged.
    void return_new_series(std::vector<NewSeries> series) EXCLUDES_LOCK(new_mutex_);

    // The oldest time a commit may carry: an hour (half the chunk range) before the newest.
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

    // Takes note of a ref that must not be used again.
    void reserve_ref(uint64_t ref) { raise_to_ref(ref); }

    // The times the samples just applied span.
    void extend(int64_t min_t, int64_t max_t);

    // -----------------------------------------------------------------------------------------
    // For readers

    [[nodiscard]] base::Result<SlotSet> match(std::span<const model::Matcher> matchers,
                                              const model::QueryContext& context) const;

    [[nodiscard]] LabelSet labels_of(uint32_t slot) const {
        return label_sets_.get(slots_.get(slot).record->labels);
    }

    [[nodiscard]] const LabelSets& label_sets() const { return label_sets_; }

    [[nodiscard]] const LabelIndex& index() const { return index_; }

    // Shared so that batches can outlive the head's next cut.
    [[nodiscard]] const std::shared_ptr<const Symbols>& symbols() const { return shared_symbols_; }

    [[nodiscard]] Partition& partition(uint16_t number) const { return *partitions_[number]; }

    // Times of the samples in the head; max < min when there are none.
    [[nodiscard]] int64_t min_time() const { return min_t_.load(std::memory_order_acquire); }

    [[nodiscard]] int64_t max_time() const { return max_t_.load(std::memory_order_acquire); }

    [[nodiscard]] uint64_t series() const { return series_.load(std::memory_order_relaxed); }

    [[nodiscard]] uint64_t series_created() const {
        return series_created_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] uint64_t chunks() const { return chunks_.load(std::memory_order_relaxed); }

    [[nodiscard]] const HeadMemory& memory() const { return memory_; }

    [[nodiscard]] const ChunkRules& rules() const { return rules_; }

  private:
    [[nodiscard]] static bool of_one_partition(std::span<const HeadSample> samples);
    [[nodiscard]] static std::vector<HeadSample> sort_by_partition(
        std::span<const HeadSample> samples);

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

    // All samples are of one partition.
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

    [[nodiscard]] base::Result<uint32_t> create(const model::Labels& labels,
                                                uint64_t ref,
                                                model::Origin origin) EXCLUDES_LOCK(create_mutex_);
    void raise_to_ref(uint64_t ref);
    [[nodiscard]] static base::Status check_texts(const model::Labels& labels);

    [[nodiscard]] bool is(uint32_t slot, const model::Labels& labels) const {
        return label_sets_.equals(slots_.get(slot).record->labels, labels);
    }

    HeadMemory memory_;
    const ChunkRules rules_;
    BlockPool block_pool_;
    std::shared_ptr<Symbols> symbols_;
    std::shared_ptr<const Symbols> shared_symbols_;
    // Held while a series is made; inside it the index' and a partition's lock.
    base::Mutex create_mutex_;
    LabelSets label_sets_;  // add() under create_mutex_
    SlotTable slots_;       // set() under create_mutex_
    uint32_t next_slot_ GUARDED_BY(create_mutex_) = 0;
    LabelIndex index_;
    SeriesMap map_;
    std::vector<std::unique_ptr<Partition>> partitions_;
    base::Mutex new_mutex_;
    std::vector<NewSeries> new_series_ GUARDED_BY(new_mutex_);
    std::atomic<uint64_t> last_ref_{0};
    std::atomic<int64_t> min_t_{INT64_MAX};
    std::atomic<int64_t> max_t_{INT64_MIN};
    std::atomic<uint64_t> series_{0};
    std::atomic<uint64_t> series_created_{0};
    std::atomic<uint64_t> chunks_{0};
};

}  // namespace tsdb
