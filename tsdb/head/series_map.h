// From labels to the series' slot. Asked only for lines not seen before.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/sync.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// Open-addressed tables of eight bytes per cell, sharded by hash.
//   threads  any
class SeriesMap {
  public:
    static constexpr uint32_t kNone = UINT32_MAX;

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
        if (const uint32_t slot = shard.find(fragment, same); slot != kNone) {
            return slot;
        }
        TRY(const uint32_t slot, create());
        if ((shard.size + 1) * 8 > shard.cells.size() * 7) {
            const size_t before = shard.cells.size();
            shard.grow();
            memory_.add(HeadPart::kSeriesMap,
                        static_cast<int64_t>((shard.cells.size() - before) * sizeof(Cell)));
        }
        shard.insert({.fragment = fragment, .slot = slot});
        ++shard.size;
        created = true;
        return slot;
    }

    // The slot, or kNone.
    template <class Same>
    [[nodiscard]] uint32_t find(uint64_t hash, const Same& same) const {
        const Shard& shard = shards_[hash >> (64 - kShardBits)];
        const base::MutexLock lock(shard.mutex);
        return shard.find(static_cast<uint32_t>(hash), same);
    }

  private:
    static constexpr unsigned kShardBits = 6;
    static constexpr size_t kCellsMin = 16;

    struct Cell {
        uint32_t fragment = 0;  // the low half of the hash: all that growing needs
        uint32_t slot = kNone;
    };

    struct Shard {
        mutable base::Mutex mutex;
        std::vector<Cell> cells GUARDED_BY(mutex);  // a power of two
        size_t size GUARDED_BY(mutex) = 0;

        template <class Same>
        [[nodiscard]] uint32_t find(uint32_t fragment, const Same& same) const
            REQUIRES_LOCK(mutex) {
            if (cells.empty()) {
                return kNone;
            }
            const size_t mask = cells.size() - 1;
            for (size_t at = fragment & mask; cells[at].slot != kNone; at = (at + 1) & mask) {
                if (cells[at].fragment == fragment && same(cells[at].slot)) {
                    return cells[at].slot;
                }
            }
            return kNone;
        }

        void insert(Cell cell) REQUIRES_LOCK(mutex) {
            const size_t mask = cells.size() - 1;
            size_t at = cell.fragment & mask;
            while (cells[at].slot != kNone) {
                at = (at + 1) & mask;
            }
            cells[at] = cell;
        }

        void grow() REQUIRES_LOCK(mutex) {
            std::vector<Cell> old(cells.empty() ? kCellsMin : cells.size() * 2);
            old.swap(cells);
            for (const Cell& cell : old) {
                if (cell.slot != kNone) {
                    insert(cell);
                }
            }
        }
    };

    HeadMemory& memory_;
    std::array<Shard, size_t{1} << kShardBits> shards_;
};

}  // namespace tsdb
