// The table from a series' slot to its record; grows in pieces that never move.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "tsdb/head/memory.h"
#include "tsdb/head/series.h"

namespace tsdb {

struct SlotEntry {
    SeriesRecord* record = nullptr;  // null: no such series
    uint16_t partition = 0;
};

//   threads  get(): any, without a lock; set(): one at a time
class SlotTable {
  public:
    static constexpr size_t kPieceSlots = 16384;
    static constexpr size_t kPiecesMax = 65536;
    static constexpr uint64_t kSlotsMax = uint64_t{kPieceSlots} * kPiecesMax;  // 2^30

    explicit SlotTable(HeadMemory& memory)
        : memory_(memory),
          pieces_(static_cast<std::atomic<Piece>*>(std::calloc(kPiecesMax, sizeof(Piece)))) {
        SKEIN_CHECK(pieces_ != nullptr, "out of memory");
    }

    ~SlotTable() {
        for (size_t i = 0; i < kPiecesMax && pieces_[i].load() != nullptr; ++i) {
            std::free(pieces_[i].load());
        }
        std::free(pieces_);
    }

    SlotTable(const SlotTable&) = delete;
    SlotTable& operator=(const SlotTable&) = delete;

    [[nodiscard]] SlotEntry get(uint32_t slot) const {
        if (slot >= kSlotsMax) [[unlikely]] {
            return {};
        }
        const Piece piece = pieces_[slot / kPieceSlots].load(std::memory_order_acquire);
        if (piece == nullptr) [[unlikely]] {
            return {};
        }
        const uint64_t word = piece[slot % kPieceSlots].load(std::memory_order_acquire);
        return {.record = reinterpret_cast<SeriesRecord*>(word & kAddressMask),
                .partition = static_cast<uint16_t>(word >> kAddressBits)};
    }

    // Publishes the record and what it points to.
    void set(uint32_t slot, SlotEntry entry) {
        std::atomic<Piece>& at = pieces_[slot / kPieceSlots];
        Piece piece = at.load(std::memory_order_relaxed);
        if (piece == nullptr) {
            piece = static_cast<Piece>(std::calloc(kPieceSlots, sizeof(std::atomic<uint64_t>)));
            SKEIN_CHECK(piece != nullptr, "out of memory");
            memory_.add(HeadPart::kSlots, kPieceSlots * sizeof(std::atomic<uint64_t>));
            at.store(piece, std::memory_order_release);
        }
        const auto address = reinterpret_cast<uint64_t>(entry.record);
        piece[slot % kPieceSlots].store(address | uint64_t{entry.partition} << kAddressBits,
                                        std::memory_order_release);
    }

  private:
    using Piece = std::atomic<uint64_t>*;
    static constexpr unsigned kAddressBits = 48;
    static constexpr uint64_t kAddressMask = (uint64_t{1} << kAddressBits) - 1;

    HeadMemory& memory_;
    std::atomic<Piece>* pieces_;
};

}  // namespace tsdb
