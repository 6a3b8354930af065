// From labels to the series' slot. Asked only for lines not seen before.
#pragma once

#include <array>
#include <cstdint>

#include "base/check.h"
#include "base/result.h"
#include "base/sync.h"
#include "tsdb/head/cell_table.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// Tables of eight bytes per cell, sharded by hash.
//   threads  any
class SeriesMap {
  public:
    static constexpr uint32_t kNone = CellTable::kNone;

    explicit SeriesMap(HeadMemory& memory) : memory_(memory) {}

    // The slot of the series with this hash for which same(slot) holds. If there is none, create()
    // makes it: a Result<uint32_t>. Both run under the shard's lock, so that a series is made once.
    //   created  set to whether create() was called and succeeded
    template <class Same, class Create>
    [[nodiscard]] base::Result<uint32_t> find_or_create(uint64_t hash,
                                                        const Same& same,
                                                        const Create& create,
                                                        bool& created) {
        created = false;
        Shard& shard = shards_[hash >> (64 - kShardBits)];
        const auto fragment = static_cast<uint32_t>(hash);
        const base::MutexLock lock(shard.mutex);
        if (const uint32_t slot = shard.slots.find(fragment, same); slot != kNone) {
            return slot;
        }
        TRY(const uint32_t slot, create());
        if (const int64_t grown = shard.slots.insert(fragment, slot); grown != 0) {
            memory_.add(HeadPart::kSeriesMap, grown);
        }
        created = true;
        return slot;
    }

    // The slot, or kNone.
    template <class Same>
    [[nodiscard]] uint32_t find(uint64_t hash, const Same& same) const {
        const Shard& shard = shards_[hash >> (64 - kShardBits)];
        const base::MutexLock lock(shard.mutex);
        return shard.slots.find(static_cast<uint32_t>(hash), same);
    }

    // Takes out a series that is in the map with this hash.
    void erase(uint64_t hash, uint32_t slot) {
        Shard& shard = shards_[hash >> (64 - kShardBits)];
        const base::MutexLock lock(shard.mutex);
        const auto* const cell = shard.slots.locate(
            static_cast<uint32_t>(hash), [slot](uint32_t candidate) { return candidate == slot; });
        SKEIN_CHECK(cell != nullptr, "series is not in the map", slot);
        if (const int64_t grown = shard.slots.erase(cell); grown != 0) {
            memory_.add(HeadPart::kSeriesMap, grown);
        }
    }

  private:
    static constexpr unsigned kShardBits = 6;

    struct Shard {
        mutable base::Mutex mutex;
        CellTable slots GUARDED_BY(mutex);  // by the low half of the hash
    };

    HeadMemory& memory_;
    std::array<Shard, size_t{1} << kShardBits> shards_;
};

}  // namespace tsdb
