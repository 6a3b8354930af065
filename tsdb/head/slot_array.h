// One word per slot; grows in pieces that never move, so that readers need no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "tsdb/head/memory.h"

namespace tsdb {

// Words are zero until they are set.
//   threads  get(): any, without a lock; what was written before set() is seen by who gets the
//            word. set(): one at a time
//   limits   kSlotsMax slots
template <class Word>
class SlotArray {
  public:
    static constexpr size_t kPieceSlots = 16384;
    static constexpr size_t kPiecesMax = 65536;
    static constexpr uint64_t kSlotsMax = uint64_t{kPieceSlots} * kPiecesMax;  // 2^30

    SlotArray(HeadMemory& memory, HeadPart part)
        : memory_(memory),
          part_(part),
          pieces_(static_cast<std::atomic<Piece>*>(std::calloc(kPiecesMax, sizeof(Piece)))) {
        SKEIN_CHECK(pieces_ != nullptr, "out of memory");
    }

    ~SlotArray() {
        for (size_t i = 0; i < kPiecesMax; ++i) {
            const Piece piece = pieces_[i].load(std::memory_order_relaxed);
            if (piece == nullptr) {
                break;
            }
            std::free(piece);
        }
        std::free(pieces_);
    }

    SlotArray(const SlotArray&) = delete;
    SlotArray& operator=(const SlotArray&) = delete;

    [[nodiscard]] Word get(uint32_t slot) const {
        if (slot >= kSlotsMax) [[unlikely]] {
            return 0;
        }
        const Piece piece = pieces_[slot / kPieceSlots].load(std::memory_order_acquire);
        if (piece == nullptr) [[unlikely]] {
            return 0;
        }
        return piece[slot % kPieceSlots].load(std::memory_order_acquire);
    }

    // Asks for the slot's line ahead of get().
    void prefetch(uint32_t slot) const {
        if (slot < kSlotsMax) {
            if (const Piece piece = pieces_[slot / kPieceSlots].load(std::memory_order_acquire)) {
                __builtin_prefetch(&piece[slot % kPieceSlots]);
            }
        }
    }

    // Slots are taken from 0 on: no piece may be skipped.
    void set(uint32_t slot, Word word) {
        SKEIN_CHECK(slot < kSlotsMax, "slot beyond the head's", slot);
        std::atomic<Piece>& at = pieces_[slot / kPieceSlots];
        Piece piece = at.load(std::memory_order_relaxed);
        if (piece == nullptr) {
            piece = static_cast<Piece>(std::calloc(kPieceSlots, sizeof(std::atomic<Word>)));
            SKEIN_CHECK(piece != nullptr, "out of memory");
            memory_.add(part_, kPieceSlots * sizeof(std::atomic<Word>));
            at.store(piece, std::memory_order_release);
        }
        piece[slot % kPieceSlots].store(word, std::memory_order_release);
    }

  private:
    using Piece = std::atomic<Word>*;

    HeadMemory& memory_;
    const HeadPart part_;
    std::atomic<Piece>* pieces_;
};

}  // namespace tsdb
