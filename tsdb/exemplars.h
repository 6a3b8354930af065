// The newest exemplars of the head's series, in one ring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/sync.h"
#include "model/exemplar.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// What became, or would become, of an exemplar.
enum class ExemplarVerdict : uint8_t {
    kAdded,
    kDuplicate,   // the series' last one again: nothing to do
    kOutOfOrder,  // the series has newer ones
    kLabelsTooLong,
    kNoRoom,  // the storage is off, or memory has no room for the first one
};

// A ring of at most capacity() exemplars: a new one takes the place of the oldest. Those of one
// series are chained by time. The ring grows as it fills, and not at all while memory is short.
//   threads   add() and drop(): one at a time (the log's thread, the replay); everything else: any
//   lifetime  of `memory`
class ExemplarRing {
  public:
    static constexpr size_t kCapacityMax = size_t{1} << 27;
    static constexpr size_t kLabelRunesMax = 128;  // names and values of one exemplar together
    // Steps back in a series' chain to find the place of one that came late; farther back it is out
    // of order.
    static constexpr size_t kStepsBackMax = 1024;

    struct Stats {
        uint64_t capacity = 0;
        uint64_t stored = 0;
        uint64_t series = 0;
        uint64_t added = 0;         // since the start
        uint64_t out_of_order = 0;  // likewise
        uint64_t too_long = 0;      // likewise
        int64_t oldest_t = 0;       // of the one that goes next, ms; 0: none
    };

    struct Series {
        uint64_t ref;
        uint32_t slot;
    };

    explicit ExemplarRing(HeadMemory& memory) : memory_(memory) {}

    ~ExemplarRing();
    ExemplarRing(const ExemplarRing&) = delete;
    ExemplarRing& operator=(const ExemplarRing&) = delete;

    // 0: off. The newest ones stay; more than kCapacityMax is kCapacityMax.
    void set_capacity(uint64_t capacity) EXCLUDES_LOCK(mutex_);
    // Exemplars so much older than their series' last one are still taken, ms.
    void set_out_of_order_window(int64_t window_ms) EXCLUDES_LOCK(mutex_);

    // What add() would say; what is refused is counted.
    [[nodiscard]] ExemplarVerdict examine(uint64_t ref, const model::Exemplar& exemplar)
        EXCLUDES_LOCK(mutex_);
    // Counts nothing but what it adds.
    //   ref, slot  of a series that is in the head
    ExemplarVerdict add(uint64_t ref, uint32_t slot, model::Exemplar&& exemplar)
        EXCLUDES_LOCK(mutex_);
    // The series are gone, and their exemplars with them.
    void drop(std::span<const uint64_t> refs) EXCLUDES_LOCK(mutex_);

    // Series that may have exemplars in [min_t, max_t].
    [[nodiscard]] std::vector<Series> series_between(int64_t min_t, int64_t max_t) const
        EXCLUDES_LOCK(mutex_);
    // The exemplars of one series in [min_t, max_t], by time.
    [[nodiscard]] std::vector<model::Exemplar> read(uint64_t ref,
                                                    int64_t min_t,
                                                    int64_t max_t) const EXCLUDES_LOCK(mutex_);

    [[nodiscard]] Stats stats() const EXCLUDES_LOCK(mutex_);

  private:
    static constexpr uint32_t kNone = UINT32_MAX;
    static constexpr size_t kFirstEntries = 256;
    static constexpr int64_t kChainBytes = 64;  // of a series, in the table and its node

    struct Entry {
        uint64_t ref = 0;  // 0: free
        model::Exemplar exemplar;
        uint32_t older = kNone;  // of the series
        uint32_t newer = kNone;
    };

    struct Chain {
        uint32_t oldest = kNone;
        uint32_t newest = kNone;
        uint32_t slot = 0;
    };

    [[nodiscard]] static int64_t heap_bytes(const model::Exemplar& exemplar);
    [[nodiscard]] ExemplarVerdict judge(uint64_t ref, const model::Exemplar& exemplar) const
        REQUIRES_LOCK(mutex_);
    // The entry behind which the exemplar belongs (kNone: in front of all).
    //   returns  false: it is there already, or too far back
    [[nodiscard]] bool find_place(const Chain& chain,
                                  const model::Exemplar& exemplar,
                                  uint32_t& behind) const REQUIRES_LOCK(mutex_);
    ExemplarVerdict add_locked(uint64_t ref, uint32_t slot, model::Exemplar&& exemplar)
        REQUIRES_LOCK(mutex_);
    // An entry to write to, the oldest one's if need be.
    [[nodiscard]] uint32_t free_entry() REQUIRES_LOCK(mutex_);
    [[nodiscard]] bool grow() REQUIRES_LOCK(mutex_);
    void link(Chain& chain, uint32_t at, uint32_t behind) REQUIRES_LOCK(mutex_);
    // Takes the entry out of its chain and frees it.
    void release(uint32_t at) REQUIRES_LOCK(mutex_);
    void clear() REQUIRES_LOCK(mutex_);

    HeadMemory& memory_;
    mutable base::Mutex mutex_;
    std::vector<Entry> ring_ GUARDED_BY(mutex_);
    size_t next_ GUARDED_BY(mutex_) = 0;  // written next; ring_.size(): after growing, or 0
    size_t capacity_ GUARDED_BY(mutex_) = 0;
    int64_t window_ms_ GUARDED_BY(mutex_) = 0;
    std::unordered_map<uint64_t, Chain> chains_ GUARDED_BY(mutex_);  // by ref
    uint64_t stored_ GUARDED_BY(mutex_) = 0;
    uint64_t added_ GUARDED_BY(mutex_) = 0;
    uint64_t out_of_order_ GUARDED_BY(mutex_) = 0;
    uint64_t too_long_ GUARDED_BY(mutex_) = 0;
};

}  // namespace tsdb
