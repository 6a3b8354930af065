// Who the series of the head are: from labels to slots and back, from matchers to slots; how series
// come, and how they go again.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/storage.h"
#include "tsdb/head/label_index.h"
#include "tsdb/head/label_sets.h"
#include "tsdb/head/memory.h"
#include "tsdb/head/series_map.h"
#include "tsdb/head/slot_array.h"
#include "tsdb/head/slot_set.h"
#include "tsdb/head/symbols.h"

namespace tsdb {

// Series that were taken out of a catalog while readers may still look at them. A bag that is
// dropped, and not given to Catalog::recycle(), keeps its memory and its slots for good.
class [[nodiscard]] Unlinked {
  public:
    Unlinked() = default;
    ~Unlinked() = default;
    Unlinked(Unlinked&& other) noexcept = default;
    Unlinked& operator=(Unlinked&& other) noexcept = default;
    Unlinked(const Unlinked&) = delete;
    Unlinked& operator=(const Unlinked&) = delete;

    // The series; free for new ones after recycle().
    [[nodiscard]] std::span<const uint32_t> slots() const { return slots_; }

    // Whether there is nothing to recycle.
    [[nodiscard]] bool empty() const { return slots_.empty() && symbols_.empty(); }

  private:
    friend class Catalog;

    std::vector<uint32_t> slots_;
    std::vector<uint32_t> symbols_;  // forgotten, texts still readable
};

// Texts, label sets, label index, map and the labels of every slot, kept in step.
//
// A series goes in two steps. unlink(): nobody finds it any more, but who has its slot or symbols
// still reads its labels and texts. recycle(): its memory serves new series. Between the two the
// caller waits until every reader is gone that began before unlink() returned. The same labels may
// come back in between: they get a new slot, and new symbols where the old ones are forgotten.
//
//   threads   any for everything
//   locks     a shard of the map, then create_mutex_, then one of the index' or the symbols'
//   lifetime  readers of unlinked series hold off recycle(); symbols() alone may outlive the rest
class Catalog {
  public:
    static constexpr uint32_t kNone = SeriesMap::kNone;
    // Series that unlink() and recycle() treat per hold of a lock that appenders wait on.
    static constexpr size_t kSeriesPerLock = 256;

    explicit Catalog(HeadMemory& memory);
    Catalog(const Catalog&) = delete;
    Catalog& operator=(const Catalog&) = delete;

    // The slot of the series with these labels; made if there is none. The calls run under the
    // catalog's locks, so that a series is made once and one is made at a time; they may take
    // other locks, but not call the catalog.
    //   hash     labels.hash()
    //   reserve  Result<uint32_t>(): a slot that is not in use, or why there is no series to be;
    //            the only step that can fail once the texts are found short enough
    //   publish  void(uint32_t slot, LabelsRef labels): makes what the slot stands for. When it
    //            runs labels_of(slot) is there; afterwards the slot can be found
    //   found    void(uint32_t slot): looks at what the slot stands for. When it runs nobody can
    //   have
    //            unlinked the series yet
    //   created  set to whether the series was made
    //   errors   those of reserve; kLimit: labels too long
    template <class Reserve, class Publish, class Found>
    [[nodiscard]] base::Result<uint32_t> find_or_create(const model::Labels& labels,
                                                        uint64_t hash,
                                                        const Reserve& reserve,
                                                        const Publish& publish,
                                                        const Found& found,
                                                        bool& created)
        EXCLUDES_LOCK(create_mutex_) {
        return map_.find_or_create(
            hash,
            [&](uint32_t slot) {
                const bool same = is(slot, labels);
                if (same) {
                    found(slot);
                }
                return same;
            },
            [&]() -> base::Result<uint32_t> {
                TRY(check_texts(labels));
                const base::MutexLock lock(create_mutex_);
                TRY(const uint32_t slot, reserve());
                const LabelsRef set = store(slot, labels);
                publish(slot, set);
                link(slot, set);
                found(slot);
                return slot;
            },
            created);
    }

    // The slot, or kNone.
    [[nodiscard]] uint32_t find(const model::Labels& labels, uint64_t hash) const;

    // Takes the series out of the map and the index, and out of the symbols' table every text that
    // no series has any more. Locks are held for kSeriesPerLock series at a time.
    //   slots  of series that are in the catalog; each once. A resolver may have found one of them
    //          a moment ago: who appends must see for himself that the series is gone
    [[nodiscard]] Unlinked unlink(std::span<const uint32_t> slots) EXCLUDES_LOCK(create_mutex_);

    // Makes the memory of unlinked series free for new ones. Nobody may look at them any more;
    // their slots are the caller's to use again when this returns.
    void recycle(Unlinked&& unlinked) EXCLUDES_LOCK(create_mutex_);

    // -----------------------------------------------------------------------------------------
    // For readers; without a lock unless the parts say otherwise

    // The labels of a slot that was found, and not recycled since.
    [[nodiscard]] LabelSet labels_of(uint32_t slot) const { return sets_.get(ref_of(slot)); }

    // Ask for memory ahead of ref_of(), and of labels_of().
    void prefetch_slot(uint32_t slot) const { labels_.prefetch(slot); }

    void prefetch_labels(uint32_t slot) const { sets_.prefetch(ref_of(slot)); }

    // Where they lie: valid as long as they are.
    [[nodiscard]] LabelsRef ref_of(uint32_t slot) const { return labels_.get(slot); }

    // Series that all matchers match.  errors  those of match_series()
    [[nodiscard]] base::Result<SlotSet> match(std::span<const model::Matcher> matchers,
                                              const model::QueryContext& context) const;

    // Shared so that batches can outlive the head; its recycled texts change all the same.
    [[nodiscard]] const std::shared_ptr<const Symbols>& symbols() const { return shared_symbols_; }

    [[nodiscard]] const LabelSets& label_sets() const { return sets_; }

    [[nodiscard]] const LabelIndex& index() const { return index_; }

  private:
    [[nodiscard]] static base::Status check_texts(const model::Labels& labels);

    [[nodiscard]] bool is(uint32_t slot, const model::Labels& labels) const {
        return sets_.equals(ref_of(slot), labels);
    }

    [[nodiscard]] LabelsRef store(uint32_t slot, const model::Labels& labels)
        REQUIRES_LOCK(create_mutex_);
    void link(uint32_t slot, LabelsRef set) REQUIRES_LOCK(create_mutex_);
    void unlink_part(std::span<const uint32_t> slots, std::vector<uint32_t>& forgotten)
        EXCLUDES_LOCK(create_mutex_);
    void recycle_part(std::span<const uint32_t> slots) EXCLUDES_LOCK(create_mutex_);

    const std::shared_ptr<Symbols> symbols_;
    const std::shared_ptr<const Symbols> shared_symbols_;
    // Held while a series is made or goes: between a text's symbol being found and the index using
    // it, nobody forgets it.
    base::Mutex create_mutex_;
    LabelSets sets_;               // changed under create_mutex_
    SlotArray<LabelsRef> labels_;  // set under create_mutex_
    LabelIndex index_;
    SeriesMap map_;
    std::vector<uint32_t> changed_ GUARDED_BY(create_mutex_);  // scratch: symbols of lists
    // Names of label sets' shapes that went with their last set; the next unlink() hands them out.
    std::vector<uint32_t> late_symbols_ GUARDED_BY(create_mutex_);
};

}  // namespace tsdb
