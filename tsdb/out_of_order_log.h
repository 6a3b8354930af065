// The way of samples that come late: logged in a log of their own (wbl), then put into the head's
// out-of-order store.
// source: docs/formats/wal.md, after Prometheus 3.14 (3.2, 9.8)
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/chunk_codec.h"
#include "model/storage.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/head.h"
#include "tsdb/wal_gate.h"

namespace tsdb {

// A late sample of a series that is known.
struct LateSample {
    SlotEntry series;
    uint32_t slot = 0;
    model::TypedSample sample;
    uint32_t index = 0;  // whatever the caller wants to know it by
};

// Samples by kind.
struct LateStored {
    uint64_t floats = 0;
    uint64_t histograms = 0;
};

//   threads   append(): the log's; the others: any
//   lifetime  what it is given outlives it
class OutOfOrderLog {
  public:
    // gate  to the log, among others
    OutOfOrderLog(std::chrono::milliseconds window,
                  Head& head,
                  ChunkFiles& chunk_files,
                  WalGate& gate)
        : head_(head), chunk_files_(chunk_files), gate_(gate), window_(window.count()) {}

    OutOfOrderLog(const OutOfOrderLog&) = delete;
    OutOfOrderLog& operator=(const OutOfOrderLog&) = delete;

    // Samples so much older than the head's newest are taken; 0: none. What has been taken stays.
    void set_window(std::chrono::milliseconds window) { window_.store(window.count()); }

    // ms
    [[nodiscard]] int64_t window() const { return window_.load(std::memory_order_relaxed); }

    // Logs and stores the samples, in their order. A full array is written to the chunk files
    // first; when they cannot be written its chunks stay in memory.
    //   refused  called with a sample at whose time the series has another value (only what has not
    //            become a chunk yet is looked at); one that repeats is accepted
    //   stored   samples that were neither: counted up
    //   returns  whether they are in the log; if not they are kept in memory
    //   errors   as WalGate::log_late(): samples from some one on are not stored
    [[nodiscard]] base::Result<bool> append(std::span<const LateSample> samples,
                                            const std::function<void(const LateSample&)>& refused,
                                            LateStored& stored);

  private:
    // Samples up to the first one that finds its array full for the second time: they are logged
    // and stored together.
    [[nodiscard]] size_t plan_round(std::span<const LateSample> samples,
                                    const std::function<void(const LateSample&)>& refused);
    void close_full_arrays();
    [[nodiscard]] base::Result<bool> log_round();
    void encode_markers();
    void encode_floats();
    void encode_histograms();
    void end_record();
    void store_round(const std::function<void(const LateSample&)>& refused, LateStored& stored);

    Head& head_;
    ChunkFiles& chunk_files_;
    WalGate& gate_;
    std::atomic<int64_t> window_;

    // Of one round; kept for their memory.
    std::vector<const LateSample*> round_;
    std::unordered_map<uint32_t, size_t> planned_;        // samples by slot
    std::vector<uint32_t> full_;                          // slots whose array is closed
    std::vector<std::pair<uint64_t, uint64_t>> markers_;  // series ref, chunk ref
    std::string records_;
    std::vector<std::pair<size_t, size_t>> record_ends_;  // from and to in records_
};

}  // namespace tsdb
