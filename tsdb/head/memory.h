// What the head holds, by part, and against which budget.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/budget.h"

namespace tsdb {

enum class HeadPart : uint8_t {
    kRecords,
    kSlots,
    kOpenChunks,
    kClosedChunks,
    kChunkPlaces,
    kLabels,
    kSymbols,
    kPostings,
    kSeriesMap,
    kOutOfOrder,
    kExemplars,
};

inline constexpr size_t kHeadParts = 11;
inline constexpr std::array<std::string_view, kHeadParts> kHeadPartNames = {"records",
                                                                            "slots",
                                                                            "open_chunks",
                                                                            "closed_chunks",
                                                                            "chunk_places",
                                                                            "labels",
                                                                            "symbols",
                                                                            "postings",
                                                                            "series_map",
                                                                            "out_of_order",

                                                                            "exemplars"};

// Threads: any. Gives everything back to the budget when it goes.
class HeadMemory {
  public:
    explicit HeadMemory(base::Budget& budget) : budget_(budget) {}

    ~HeadMemory() { budget_.release(total()); }

    HeadMemory(const HeadMemory&) = delete;
    HeadMemory& operator=(const HeadMemory&) = delete;

    // Memory that is there now, or (negative) is gone.
    void add(HeadPart part, int64_t bytes) {
        parts_[static_cast<size_t>(part)].fetch_add(bytes, std::memory_order_relaxed);
        if (bytes >= 0) {
            budget_.charge(bytes);
        } else {
            budget_.release(-bytes);
        }
    }

    // Whether `bytes` more are within the limits.  errors  kLimit
    [[nodiscard]] base::Status probe(int64_t bytes) {
        base::Reservation reservation(budget_);
        return reservation.grow(bytes);
    }

    [[nodiscard]] int64_t bytes(HeadPart part) const {
        return parts_[static_cast<size_t>(part)].load(std::memory_order_relaxed);
    }

    [[nodiscard]] int64_t total() const {
        int64_t sum = 0;
        for (const auto& part : parts_) {
            sum += part.load(std::memory_order_relaxed);
        }
        return sum;
    }

  private:
    base::Budget& budget_;
    std::array<std::atomic<int64_t>, kHeadParts> parts_{};
};

}  // namespace tsdb
